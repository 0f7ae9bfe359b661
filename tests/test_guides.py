"""The code of the guides runs as it stands, in order, where the packages that it imports are installed."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cbam_core import CBAM_CNN

DOCS = Path(__file__).resolve().parents[1] / "docs"
GUIDES = ("own-network", "course", "from-grad-cam", "from-torch-cam", "from-torchlens")


def code(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def missing(block):
    names = re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)
    return sorted({name for name in names if importlib.util.find_spec(name) is None})


def run(name, number, namespace):
    block = code(name)[number]
    if lacking := missing(block):
        pytest.skip(f"{', '.join(lacking)} is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other libraries
        exec(compile(block, f"{name}.md, block {number + 1}", "exec"), namespace)
    return namespace


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (300, 400, 3), dtype=torch.uint8).numpy()
    Image.fromarray(pixels).save(tmp_path / "dog.jpg")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _torch_as_it_was():
    """torchlens replaces torch's functions by its own, and leaves them there."""
    yield
    if wrappers := sys.modules.get("torchlens.backends.torch.wrappers"):
        wrappers.unwrap_torch()


def test_the_guide_to_a_network_of_ones_own_runs(capsys, tmp_path):
    namespace = {"__name__": "guide"}
    said = []
    for number in range(len(code("own-network"))):
        run("own-network", number, namespace)
        said.append(capsys.readouterr().out.splitlines())
    blocks = [f"layer{stage}.{index}.se" for stage in (1, 2, 3, 4) for index in (0, 1)]
    assert [line.split()[0] for line in said[1]] == blocks
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert [line.split()[1] for line in said[2]] == ["channel", "spatial"] * 8
    assert re.match(r"0 \w+", said[3][0])
    assert said[4][0] == "8 CBAM blocks, 87,832 parameters, ratio 16, kernel 7"
    assert said[5] == ["['stages.0', 'stages.1'] None"]
    assert [gate.kind for block in namespace["found"].blocks for gate in block.gates] == ["channel", "spatial"] * 2


COURSE = """
import torch
from cbam_core.nn import cbam_cnn

class CBAM_CNN(cbam_cnn.CBAM_CNN):
    def forward(self, x):
        x = self.cbam1(self.pool1(self.relu1(self.bn1(self.conv1(x)))))
        x = self.cbam2(self.pool2(self.relu2(self.bn2(self.conv2(x)))))
        x = self.cbam3(self.pool3(self.relu3(self.bn3(self.conv3(x)))))
        x = x.view(-1, 128 * 4 * 4)  # as the course writes it: only for maps that lie in memory channel by channel
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))
"""


def test_the_guide_from_the_course_runs(capsys, tmp_path, monkeypatch):
    torch.save(CBAM_CNN().state_dict(), tmp_path / "cbam_cnn.pth")
    (tmp_path / "dog.jpg").rename(tmp_path / "photo.jpg")
    (tmp_path / "day49.py").write_text(COURSE)
    monkeypatch.syspath_prepend(tmp_path)
    namespace = {"__name__": "guide"}
    for number in range(len(code("course"))):
        run("course", number, namespace)
    said = capsys.readouterr().out
    assert "those of CIFAR-10" in said
    assert "cbam3 (128,) (4, 4)" in said
    assert (tmp_path / "figure.png").is_file()
    assert namespace["trace"].values.shape == (16, 16)


@pytest.mark.parametrize(
    ("name", "result", "shape"),
    [
        ("from-grad-cam", "heat", (224, 224)),
        ("from-torch-cam", "maps", (1, 28, 28)),
        ("from-torchlens", "sigmoids", None),
    ],
)
def test_the_code_of_the_other_library_gives_what_its_page_says(name, result, shape):
    value = run(name, 0, {})[result]
    if shape is None:
        assert len(value) == 16
    else:
        assert tuple((value[0] if isinstance(value, list) else value).shape) == shape


@pytest.mark.parametrize(
    ("name", "result"), [("from-grad-cam", "mask"), ("from-torch-cam", "masks"), ("from-torchlens", "gates")]
)
def test_the_code_beside_it_gives_what_its_page_says(name, result):
    value = run(name, 1, {})[result]
    if result == "mask":
        assert value.shape == (7, 7)
    else:
        assert len(value) == (8 if result == "masks" else 16)
        assert next(iter(value)) == ("layer1.0.se" if result == "masks" else "layer1.0.se.channel")


def test_the_table_of_replacements_is_what_the_program_beside_it_computes(capsys):
    block = next(block for block in code("evidence") if "OtherImage(" in block)
    fewer = block.replace("(1, 2, 3)", "(3,)").replace('"*.spatial", "*.channel"', "")
    assert len(fewer) < len(block) - 20  # two of the eight rows are enough to see each column
    exec(compile(fewer, "evidence.md", "exec"), {})
    table = (DOCS / "evidence.md").read_text(encoding="utf-8").split("| another image's |", 1)[1].split("\n\n")[0]
    rows = {gate: re.sub(r"\*", "", row).split(" | ") for gate, row in re.findall(r"\| `(\S+)` \| (.+) \|", table)}
    assert len(rows) == 6
    printed = re.findall(r"(\S+) \[(.+)\]", capsys.readouterr().out)
    assert [gate for gate, _ in printed] == ["cbam3.channel", "cbam3.spatial"]
    assert all(", ".join(rows[gate]) == row for gate, row in printed)


@pytest.mark.parametrize("name", ["../README", "evidence", "figures", "audit"])
def test_the_code_of_other_pages_runs(name, tmp_path):
    for photo in ("photo", "another", "a", "b"):
        shutil.copy(tmp_path / "dog.jpg", f"{photo}.jpg")
    blocks = [block for block in code(name) if "score_gates(" not in block and "OtherImage(" not in block]
    namespace = {"my_map": np.eye(8)}
    assert blocks
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{name}.md, block {number}", "exec"), namespace)


def test_every_guide_says_what_its_code_needs():
    for name in GUIDES:
        assert code(name)
        assert not [block for block in code(name) if re.search(r"[^\x00-\x7f]", block)]
