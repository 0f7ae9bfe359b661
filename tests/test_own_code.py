"""What goes wrong in a network's own code is said with its file and line, and with no folder."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cbam_core import explain, load_classifier
from cbam_core.cli import main
from cbam_core.errors import ModelError
from cbam_core.own_code import reason_without_folders

CODE = """
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 1, 3, padding=1)
    def forward(self, x):
        x = x * self.conv(x).sigmoid()
        return x.view(1, 5, -1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 8, 3), Block()
    def forward(self, x):
        return self.block(self.stem(x))

def made(ready=True):
    if not ready:
        raise KeyError("ready")
    return Net().eval()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "nets_that_raise.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "nets_that_raise", None)
    del sys.modules["nets_that_raise"]
    return importlib.import_module("nets_that_raise")


def line_of(text: str) -> int:
    return 1 + next(number for number, line in enumerate(CODE.splitlines()) if text in line)


def test_a_forward_that_raises_names_file_and_line(own: Any, tmp_path: Path) -> None:
    model = own.made()
    for _ in range(2):  # the second forward has its gates learnt, if the first came so far
        with pytest.raises(ModelError) as caught:
            explain(model, np.zeros((16, 16, 3), np.uint8), size=16, normalisation="half", classes=())
        said = str(caught.value)
        place = f"RuntimeError in nets_that_raise.py, line {line_of('x.view')}: shape '[1, 5, -1]' is invalid"
        assert f"Net cannot compute with an input of 1×3×16×16 (float32): {place}" in said
        assert str(tmp_path) not in said


def test_a_forward_is_placed_while_its_calls_are_counted(own: Any) -> None:
    model = own.made()
    model.block.conv.padding = (0, 0)  # as many rows as x, for none
    picture = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ModelError, match=rf"nets_that_raise\.py, line {line_of('.sigmoid()')}: "):
        explain(model, picture, size=16, normalisation="half", classes=())


def test_an_error_without_a_text_is_its_class_and_place(own: Any) -> None:
    (Path(own.__file__).parent / "nets_that_check.py").write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n    def forward(self, x):\n        assert x.shape[2] == 7\n"
    )
    model = importlib.import_module("nets_that_check").Net().eval()
    with pytest.raises(ModelError, match=r"\(float32\): AssertionError in nets_that_check\.py, line 5$"):
        explain(model, np.zeros((16, 16, 3), np.uint8), size=16, normalisation="half", classes=())


def test_an_operation_that_a_command_watches_is_placed_in_the_network(
    own: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["info", "nets_that_raise:made", "--size", "16", "--normalisation", "half"]) == 3
    place = re.escape(f"nets_that_raise.py, line {line_of('x.view')};")
    assert re.search(rf"the code of your network raised RuntimeError \(.+\) in \S+{place}", capsys.readouterr().err)


def test_a_factory_that_raises_names_file_and_line(own: Any, tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text('model = "nets_that_raise:made"\n[arguments]\nready = false\n')
    with pytest.raises(ModelError) as caught:
        load_classifier("net.toml", size=16, normalisation="half")
    place = f"nets_that_raise.py, line {line_of('KeyError')}"
    assert str(caught.value) == f"nets_that_raise:made failed: KeyError: 'ready' ({place})"
    (tmp_path / "nets_half_written.py").write_text("import torch\n\ntorch.nothing\n")
    with pytest.raises(ModelError, match=r"cannot be imported \(.*\), because of nets_half_written\.py, line 3: "):
        load_classifier("nets_half_written:made", size=16, normalisation="half")
    with pytest.raises(ModelError, match=r"; expected package\.module:factory"):
        load_classifier("nets_that_raise:nothing", size=16, normalisation="half")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Errno 2] No such file or directory: '/srv/app/secret/best.pth'", "'best.pth'"),
        (r"cannot open C:\Users\me\nets\best.pth", "cannot open best.pth"),
        (r"No such file or directory: 'C:\\Users\\me\\best.pth'", "'best.pth'"),  # as Python writes it
        (r"cannot open \\secret\share\best.pth", "cannot open best.pth"),
        ("cannot open file:///srv/secret/best.pth", "cannot open best.pth"),
        ("cannot open ../../secret/nets/best.pth", "cannot open best.pth"),
        ("No such file or directory: '/srv/my secret/of (old) nets/best.pth'", "'best.pth'"),
        ("expected (B, C/4, H/2, W/2), got 3/4", "expected (B, C/4, H/2, W/2), got 3/4"),
        ("see https://example.org/a/b for help", "see https://example.org/a/b for help"),
        ("", "ValueError"),
    ],
)
def test_folders_are_left_out_of_reasons(text: str, expected: str) -> None:
    said = reason_without_folders(ValueError(text))
    assert said.endswith(expected)
    assert "secret" not in said
    assert "Users" not in said


def test_an_error_whose_text_cannot_be_made_is_its_class_and_place(own: Any) -> None:
    (Path(own.__file__).parent / "nets_of_odd_errors.py").write_text(
        "from torch import nn\n\nclass Odd(Exception):\n    def __str__(self):\n        raise KeyError('no text')\n\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        raise Odd\n\ndef made():\n    raise Odd\n"
    )
    odd = importlib.import_module("nets_of_odd_errors")
    with pytest.raises(ModelError, match=r"\(float32\): Odd in nets_of_odd_errors\.py, line 9$"):
        explain(odd.Net().eval(), np.zeros((16, 16, 3), np.uint8), size=16, normalisation="half", classes=())
    with pytest.raises(ModelError, match=r"nets_of_odd_errors:made failed: Odd: .*nets_of_odd_errors\.py, line 12"):
        load_classifier("nets_of_odd_errors:made", size=16, normalisation="half")


def test_an_image_for_which_a_network_fails_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nets_in_the_dark.py").write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.conv = nn.Conv2d(3, 2, 3)\n"
        "    def forward(self, x):\n        x, level = self.conv(x), x.mean()\n"
        "        if level < 0.1:\n            raise ValueError('too dark')\n"
        "        return (x * x.mean((2, 3), keepdim=True).sigmoid()).mean((2, 3)) / (level < 0.9)\n"
    )
    monkeypatch.chdir(tmp_path)
    for name, level in (("a", 128), ("b", 0), ("c", 255), ("d", 100)):
        Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
    named = ["--model", "nets_in_the_dark:Net", "--size", "16", "--normalisation", "none", "--classes", "x,y"]
    words = [*named, "--out", "out"]
    assert main(["explain", "a.png", "b.png", "c.png", "d.png", *words]) == 1
    said, errors = capsys.readouterr()
    assert [line[:5] for line in said.splitlines()] == ["a.png", "d.png"]
    dark, bright, summary = errors.splitlines()
    assert dark.startswith("cbam: b.png: ")
    assert dark.endswith("ValueError in nets_in_the_dark.py, line 10: too dark; skipped")
    assert bright.startswith("cbam: c.png: the output of Net is not finite")
    assert summary == "cbam: 2 of 4 images could not be explained"
    assert main(["explain", "b.png", "a.png", *words]) == 1
    said, errors = capsys.readouterr()
    assert said.startswith("a.png: ")
    assert errors.splitlines() == [dark, "cbam: 1 of 2 images could not be explained"]
    for several in (["b.png"], ["b.png", "c.png"], ["b.png", *_copies(tmp_path / "b.png", 20)]):
        assert main(["explain", *several, *words]) == 3
        said, errors = capsys.readouterr()
        assert said == ""
        *skipped, last = errors.splitlines()
        if len(several) > 8:
            assert skipped.pop().endswith("fails for each of the first 8 images, so the others are not tried:")
        assert len(skipped) == min(len(several), 8) - 1
        assert all(line.endswith("; skipped") for line in skipped)
        failed = bright if several[-1] == "c.png" else dark
        assert last == failed.replace(f" {several[-1] if len(several) < 3 else 'b.png'}:", "").removesuffix("; skipped")


def _copies(image: Path, count: int) -> list[str]:
    names = [f"copy-{number}.png" for number in range(count)]
    for name in names:
        (image.parent / name).write_bytes(image.read_bytes())
    return names
