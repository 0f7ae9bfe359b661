"""Writes ``docs/notebook.ipynb`` and runs it: ``make notebook``.

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
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

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
    """Run all cells and write the notebook."""
    with tempfile.TemporaryDirectory() as folder:
        book = run(notebook(), Path(folder))
    book.metadata["language_info"] = {"name": "python"}  # not the version, which is no part of it
    NOTEBOOK.write_text(nbformat.writes(book) + "\n", encoding="utf-8")
    print(f"{NOTEBOOK.relative_to(ROOT)}: {NOTEBOOK.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
