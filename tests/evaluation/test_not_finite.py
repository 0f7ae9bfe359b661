"""Images for which a network gives NaN or infinity are named, with their number and how many there are."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.opening import open_atlas
from cbam_core.cli import main
from cbam_core.cli.asking import not_finite_gates
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.errors import ModelError
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.usual_gates import usual_gates
from cbam_core.network import Classifier
from cbam_core.nn import CBAM
from cbam_core.results.usual import NotFinite, read_usual, write_usual

SIDE = 8


class Net(nn.Module):
    """A network that gives NaN for white images; with `aside`, its gate does so, and its logits do not."""

    def __init__(self, *, aside: bool = False) -> None:
        super().__init__()
        self.stem, self.cbam, self.head = nn.Conv2d(3, 16, 3, padding=1), CBAM(16), nn.Linear(16, 2)
        self.aside = aside

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 2)."""
        white = x.mean((1, 2, 3), keepdim=True) > 0.9
        found = self.stem(x)
        gated = self.cbam(torch.where(white, torch.nan, found))
        logits: Tensor = self.head((found if self.aside else gated).mean((2, 3)))
        return logits


def made(*, aside: bool = False) -> Classifier:
    torch.manual_seed(0)
    return Classifier(
        model=Net(aside=aside).eval(), classes=("cat", "dog"), mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(SIDE, SIDE)
    )


WHITE = (3, 5)
"""Numbers of the images for which the networks give NaN."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images in two classes; the third file of ``cat`` is damaged, two further ones are white."""
    for number in range(10):
        path = tmp_path / "set" / ("cat" if number < 6 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (SIDE, SIDE), "white" if number in WHITE else (9 * number, 40, 60)).save(path)
    (tmp_path / "set" / "cat" / "2.png").write_bytes(b"no image")
    return tmp_path / "set"


def opened(folder: Path) -> Dataset:
    dataset = open_dataset(folder)
    return replace(dataset, classes=("cat", "dog"))


SAID = "first for cat/{first}.png (number {first} from 0); it is so for {count} of 9 images shown together"
NOTE = SAID.format(first=3, count=2)


def test_the_images_for_which_an_output_is_not_finite_are_noted(folder: Path, tmp_path: Path) -> None:
    dataset = opened(folder)
    works = (
        lambda: score(made(), dataset),
        lambda: usual_gates(made(), dataset, skipped=lambda _: None),
        lambda: build_atlas(made(), dataset, tmp_path / "atlas", workers=1),
    )
    for work in works:
        with pytest.raises(ModelError, match="is not finite") as caught:
            work()
        assert caught.value.__notes__ == [NOTE]
        assert pickle.loads(pickle.dumps(caught.value)).__notes__ == [NOTE]


def test_the_images_for_which_a_gate_is_not_finite_are_kept_with_the_usual_values(folder: Path, tmp_path: Path) -> None:
    usual = usual_gates(made(aside=True), opened(folder), skipped=lambda _: None)
    expected = tuple(NotFinite(f"cbam.{kind}", 2, 3, "cat/3.png") for kind in ("channel", "spatial"))
    assert usual.not_finite == ("cbam.channel", "cbam.spatial")
    assert usual.not_finite_for == expected
    write_usual(usual, tmp_path / "net.usual.npz")
    assert read_usual(tmp_path / "net.usual.npz").not_finite_for == expected
    assert str(expected[0]) == "cbam.channel for 2 (first cat/3.png, number 3 from 0)"


def test_an_atlas_names_the_images_for_which_a_gate_is_not_finite(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    atlas = open_atlas(build_atlas(made(aside=True), opened(folder), tmp_path / "atlas", workers=1))
    expected = [NotFinite(f"cbam.{kind}", 2, 3, "cat/3.png") for kind in ("channel", "spatial")]
    assert not_finite_gates(atlas) == expected
    assert main(["atlas", "info", str(tmp_path / "atlas")]) == 0
    assert "cbam.channel is not finite for 2 images, first for cat/3.png (number 3 from 0)" in capsys.readouterr().out
    assert main(["atlas", "info", str(tmp_path / "atlas"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["not_finite_for"]
    assert found[1] == {"gate": "cbam.spatial", "count": 2, "number": 3, "image": "cat/3.png"}


def test_commands_say_which_images_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets_of_white.py").write_text(
        "from tests.evaluation.test_not_finite import made\ndef net(aside=False):\n    return made(aside=aside).model\n"
    )
    (tmp_path / "aside.toml").write_text('model = "nets_of_white:net"\n[arguments]\naside = true\n')
    stated = ["--size", str(SIDE), "--normalisation", "none", "--classes", "cat,dog"]
    for words in (["evaluate", "--images"], ["usual", "--images"], ["atlas", "build", "--out", "atlas", "--set"]):
        status = main([*words, str(folder), "--model", "nets_of_white:net", *stated])
        assert status == 3
        assert capsys.readouterr().err.rstrip().endswith(NOTE)
    assert main(["usual", "aside.toml", "--images", str(folder), *stated]) == 1
    assert "cbam.spatial for 2 (first cat/3.png, number 3 from 0)" in capsys.readouterr().out
    assert main(["atlas", "build", "aside.toml", "--out", "other", "--set", str(folder), *stated]) == 1
    said = capsys.readouterr().err
    assert "cbam.channel is not finite for 2 images, first for cat/3.png (number 3 from 0); " in said


def test_numbers_of_a_set_count_what_was_left_out(folder: Path) -> None:
    (folder / "cat" / "3.png").unlink()
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(folder / "cat" / "3.png")
    with pytest.raises(ModelError) as caught:
        score(made(), opened(folder))
    assert caught.value.__notes__ == [SAID.format(first=5, count=1)]
