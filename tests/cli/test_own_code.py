"""An error of the user's own code in the middle of a command is told as such, with its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cbam_core.cli import main
from cbam_core.own_code import OURS, place_of_own_code

CODE = """
from torch import nn
from cbam_core.nn import CBAM

class Net(nn.Module):
    def __init__(self, num_classes=2):
        super().__init__()
        self.stem, self.cbam, self.head = nn.Conv2d(3, 16, 3, 4), CBAM(16), nn.Linear(16, num_classes)
        self.steps = 0

    def forward(self, x):
        x = self.cbam(self.stem(x)).mean((2, 3))
        if self.training:
            self.steps += 1
        if self.steps == 3:
            raise ValueError("no third step\\nand more")
        return self.head(x)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that fails in a later step, and two classes of ten images each."""
    (tmp_path / "later_nets.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setitem(sys.modules, "later_nets", None)
    del sys.modules["later_nets"]
    draws = np.random.default_rng(0)
    for name in ("dark", "light"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = draws.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path


TRAIN = (
    "train --recipe fast --model later_nets:Net --data photos --size 32 --epochs 1 --set batch_size=4 --no-tensorboard"
)


def test_a_later_training_step_of_ones_own_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN.split(), "--out", str(folder / "run")]) == 3
    said = capsys.readouterr().err.splitlines()[-1]
    line = 1 + CODE.splitlines().index('            raise ValueError("no third step\\nand more")')
    found = re.fullmatch(
        rf"cbam: the code of your network raised ValueError \(no third step\) in (\S+), line {line}; correct it there; "
        r"the details are in (\S+\.log)",
        said,
    )
    assert found, said
    assert Path(found[1]).name == "later_nets.py"
    assert "Traceback" in (log := Path(found[2]).read_text(encoding="utf-8"))
    assert "and more" in log


def error_of(code: str, file: Path) -> Exception:
    """What a file raises that calls something of ours, or is called by it."""
    place: dict[str, object] = {}
    exec(compile(code, str(file), "exec"), place)
    try:
        place["act"]()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError


def test_an_error_of_a_library_is_placed_where_ones_own_code_called_it(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("", encoding="utf-8")
    found = place_of_own_code(error_of("import json\ndef act():\n    json.loads('{')", own))
    assert found is not None
    assert (found.filename, found.lineno) == (str(own), 3)


def test_what_raises_inside_of_this_program_is_its_bug() -> None:
    assert place_of_own_code(error_of("def act():\n    1 / 0", OURS / "observing.py")) is None
    assert place_of_own_code(error_of("def act():\n    1 / 0", OURS.parent / "app" / "main.py")) is None
