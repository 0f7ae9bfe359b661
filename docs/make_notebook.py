"""Writes ``docs/notebook.ipynb`` and ``docs/day-50.ipynb`` and runs them: ``make notebook``.

The cells stand here. They run in a kernel of this environment, in an empty folder; their outputs are stored with them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]

CELLS = (
    """# CBAM Lens in a notebook

One line explains an image: the result shows itself, with its numbers and the viewer of the web app. This notebook was
run by `make notebook`, and its outputs load nothing. Where a notebook is not trusted, or a site shows it without
scripts, the summary above each viewer is what remains.""",
    """from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet

classifier = load_classifier("cbam_cnn_cifar10")  # ships with the project; CIFAR-10, 89.72 % test accuracy
sheet = sample_sheet()  # one hundred test images that ship too
explain(classifier, sheet.images[67])""",
    """The table has the range of each block's spatial mask and channel weights, and says whether they are nearly flat.
In the viewer, point at the image to read every block there; “as they are” shows the gates' own values. The numbers are
arrays:""",
    """explanation = explain(classifier, sheet.images[67])
for block in explanation.blocks:
    for gate in block.gates:
        low, high = gate.values.min(), gate.values.max()
        print(f"{gate.name:14} {gate.values.shape!s:8} {low:.3f} to {high:.3f}, usually {gate.usual.sentence}")""",
    """## Many images

A list gives a list, which is a gallery.""",
    """explanations = explain(classifier, list(sheet.images[::10]))
explanations""",
    """With true classes, a report has the worst mistakes first. It is one file, for somebody who has neither Python nor
a network connection:""",
    """truths = [classifier.classes[label] for label in sheet.labels]
report = explain(classifier, list(sheet.images)).report("report.html", truths=truths, title="Bundled images")
print(f"{report.name}: {report.stat().st_size / 1e6:.1f} MB")""",
    """## A network of your own

Gates are found by what a forward does, whatever the classes are called, so a network needs no change. Here CBAM is
written in another way, without a module for a gate; it takes the trained weights, to have something to show.""",
    """import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, trained):
        super().__init__()
        self.mlp, self.conv = trained.channel_attn.fc, trained.spatial_attn.conv

    def forward(self, x):
        weights = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        x = x * weights[:, :, None, None]
        planes = torch.stack((x.mean(1), x.amax(1)), 1)
        return x * torch.sigmoid(self.conv(planes))


network = load_classifier("cbam_cnn_cifar10").model
for name in ("cbam1", "cbam2", "cbam3"):
    setattr(network, name, Attention(getattr(network, name)))

mean, std = classifier.mean, classifier.std
explain(network, sheet.images[67], size=32, mean=mean, std=std, classes=classifier.classes)""",
    """Size, mean, deviation and classes are stated because a bare module does not know them. Those of timm and
torchvision do, and then `explain(network, "dog.jpg")` is all.""",
)
"""Texts and code in turn, beginning with a text."""

LESSON = (
    """# Day 50: CBAM in a pretrained ResNet-18

The course's next lesson puts a CBAM into a pretrained network and unfreezes it in three stages. Its loss curve does
not show whether the new masks do anything. This notebook does the same and looks at them: when they wake up, what
they do, and whether the answers depend on them. It downloads nothing, so its ResNet-18 has random weights, and it
learns the one hundred bundled images by heart: it shows how to do this, not how well it works.""",
    """import torch
from torch import nn
from torchvision.models import resnet18

from cbam_core import capture, insert_cbam

torch.manual_seed(0)
model = resnet18(weights=None)  # yours: weights="DEFAULT"
model.fc = nn.Linear(512, 10)
model.eval()

image = torch.randn(1, 3, 64, 64)
before = model(image)
insertion = insert_cbam(model, "layer[1-4]", gradual=True)
print("same output, bit for bit:", torch.equal(model(image), before))
insertion""",
    """The network's own names and weights are untouched. Each block is `x + a * (CBAM(x) - x)` with an `a` that
starts at 0, so nothing is lost at first. A plain block (`gradual=False`, as in the course) would multiply its map by
about 0.25, at each of the four places. Its gates can be captured already:""",
    """with capture(model) as record, torch.inference_mode():
    model(image)
for gate in record.gates:
    print(f"{gate.name:28} {tuple(gate.values.shape)!s:14} mean {gate.values.mean():.3f}")""",
    """## Three stages

First what is new, then the last two stages of the network as well, at a tenth of the rate, then everything. Layers
that rest keep their batch statistics. `log_gates` writes three numbers and a picture for each gate, here into a
list; give it TensorBoard's `SummaryWriter` instead.""",
    """from cbam_core import log_gates
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.samples import sample_sheet

mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
sheet = sample_sheet()
images = torch.tensor(sheet.images).permute(0, 3, 1, 2) / 255
images = (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
images = nn.functional.interpolate(images, 64, mode="bilinear")
labels = torch.tensor(sheet.labels, dtype=torch.long)


class Log(list):
    def add_scalar(self, tag, value, step):
        self.append((tag, step, value))

    def add_image(self, tag, picture, step, dataformats):
        pass


new = [part for name, part in model.named_parameters() if ".cbam." in name or name.startswith("fc.")]
is_new = {id(part) for part in new}
late = [part for part in nn.ModuleList([model.layer3, model.layer4]).parameters() if id(part) not in is_new]
is_late = {id(part) for part in late}
rest = [part for part in model.parameters() if id(part) not in is_new | is_late]
stages = [[(new, 1e-2)], [(new, 1e-2), (late, 1e-3)], [(new, 2e-3), (late, 1e-3), (rest, 1e-3)]]

log, step = Log(), 0
for number, stage in enumerate(stages, start=1):
    model.requires_grad_(False)
    optimiser = torch.optim.Adam([{"params": parts, "lr": rate} for parts, rate in stage])
    for parts, _ in stage:
        for part in parts:
            part.requires_grad_(True)
    model.eval() if number < 3 else model.train()
    for _ in range(10):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
    log_gates(model, images[:8], log, step)
    shares = [f"{part.item():+.2f}" for name, part in model.named_parameters() if name.endswith(".a")]
    print(f"stage {number}: loss {loss.item():.2f}, a of each block {' '.join(shares)}")
model = model.eval()""",
    """`a` says how much of each block is used: near 0, the network does without it. The log says when masks begin to
follow the image. `Gate image` is how much a gate differs between images; 0 is the same for all:""",
    """for tag in sorted({tag for tag, _, _ in log if tag.startswith("Gate image") and "spatial" in tag}):
    print(f"{tag:40}", *(f"{value:.4f}" for name, _, value in log if name == tag))""",
    """## Look at the masks

One line, for a network of any code.""",
    """from cbam_core import explain

explanation = explain(model, sheet.images[67], size=64, mean=mean, std=std, classes=CLASSES)
explanation""",
    """## Do they matter?

A mask that looks like something can be without use. Put other values in the place of each gate, and look at the
answer. Off is 1 everywhere; a network of your own gets its usual values from `cbam usual`, and `cbam score` asks
the whole test set.""",
    """from cbam_core import consequences

print(consequences(model, sheet.images[67], size=64, mean=mean, std=std, classes=CLASSES))""",
    """No mask matters here for *where* it is high: with its own mean in its place, one number, the answer stays. Thirty
steps on one hundred images teach no attention, and the log above said so. Longer runs of your own may end
otherwise; look before you believe it.

On the command line all of this is `cbam train --recipe staged --weights resnet18.pth --data photos --out
runs/mine`, with a film of the masks, a card, and `--twins 3` for the same network without attention and with as
many parameters spent otherwise. [training.md](training.md) describes it.""",
)
"""The course's next lesson."""

CHINESE = (
    """# 第 50 天：把 CBAM 放进预训练的 ResNet-18

课程的下一课把 CBAM 放进预训练网络，分三个阶段解冻。它的损失曲线看不出新的掩码是否起作用。这个笔记本做同样的事，
并且去看掩码：
它们何时被唤醒，做什么，预测是否依赖它们。它不下载任何东西，因此这里的 ResNet-18 用随机权重，
只是背下自带的一百张图像：
它说明怎么做，而不是效果多好。""",
    """网络自己的名称和权重保持不变。每个模块是 `x + a * (CBAM(x) - x)`，其中 `a` 从 0 开始，
因此起初什么也不损失。普通模块
（`gradual=False`，课程的做法）会在四处各把特征图乘以约 0.25。它的门控现在就可以记录：""",
    """## 三个阶段

先是新的部分，再加上网络的最后两个阶段（学习率为十分之一），最后是全部。不学习的层保留其批统计量。
`log_gates` 为每个门控写出三个数和
一张图片，这里写入列表；也可以换成 TensorBoard 的 `SummaryWriter`。""",
    """`a` 说明每个模块被用了多少：接近 0 时，网络不靠它。日志说明掩码何时开始随图像而变。
`Gate image` 是门控在各图像之间的差异；
0 表示对所有图像都一样：""",
    """## 看掩码

一行代码，适用于任何人写的网络。""",
    """## 它们重要吗？

看起来像回事的掩码可能毫无用处。把每个门控换成别的值，再看预测。Off 是处处为 1；
自己的网络可用 `cbam usual` 得到常态值，
`cbam score` 则问遍整个测试集。""",
    """这里没有一个掩码因为*在哪里*高而重要：换成它自己的平均值，即一个数，预测不变。
一百张图像上的三十步教不会注意力，上面的日志也这么说。
您自己更长的训练结果可能不同；先看，再相信。

在命令行上，这一切就是 `cbam train --recipe staged --weights resnet18.pth --data photos --out runs/mine`，
带有掩码的动画和卡片；
`--twins 3` 还会训练不带注意力的同一个网络，以及把同样多的参数用在别处的网络。
[training.zh-CN.md](training.zh-CN.md) 有说明。""",
)
"""Texts of the lesson in Chinese."""


def in_chinese(cells: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Return the cells with other texts between the same code."""
    return tuple(texts[number // 2] if number % 2 == 0 else cell for number, cell in enumerate(cells))


NOTEBOOKS = {
    "notebook.ipynb": CELLS,
    "day-50.ipynb": LESSON,
    "day-50.zh-CN.ipynb": in_chinese(LESSON, CHINESE),
}
"""Cells of each notebook of ``docs``."""


def notebook(cells: Sequence[str] = CELLS) -> nbformat.NotebookNode:
    """A notebook of cells that have not run."""
    made = [
        (new_code_cell if number % 2 else new_markdown_cell)(text, id=f"cell-{number}")
        for number, text in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def run(book: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook's cells in a kernel of this environment.

    Args:
        book: the notebook; outputs are stored in it.
        folder: folder in which the cells run.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    client = NotebookClient(
        book, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": paths})
    return book


def main() -> None:
    """Run all cells and write the notebooks, or those that are named."""
    for name in sys.argv[1:] or NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            book = run(notebook(NOTEBOOKS[name]), Path(folder))
        book.metadata["language_info"] = {"name": "python"}  # not the version, which is no part of it
        path = ROOT / "docs" / name
        path.write_text(nbformat.writes(book) + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
