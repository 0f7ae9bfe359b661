"""``cbam attribute``: files of arrays, a picture and a description, and tables of agreement."""

import json

import jaxtyping
import numpy as np
import pytest
from PIL import Image

from cbam_core.cli import main
from cbam_core.data.samples import sample_sheet


@pytest.fixture(autouse=True)
def _a_batch_may_grow(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def cat(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(sample_sheet().images[31]).save(path)
    return path


def test_files_hold_every_map_every_gate_and_what_they_are(cat, tmp_path, capsys):
    words = ["--methods", "mask,mask_gradient", "--target", "dog", "--no-exact", "--json"]
    assert main(["attribute", str(cat), "--out", str(tmp_path / "out"), *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "attribution.json").read_text())
    assert (printed["target"], printed["answer"]) == ("dog", "cat")
    assert [one["how"] for one in printed["gates"]] == ["integrated"] * 6
    with np.load(tmp_path / "out" / "attribution.npz") as file:
        arrays = dict(file)
    assert arrays["map:mask_gradient"].shape == (4, 4)
    assert arrays["control:centre"].shape == (32, 32)
    assert arrays["integrated:cbam3.channel"].shape == (128,)
    np.testing.assert_array_equal(arrays["map:mask"], arrays["gate:cbam3.spatial"])
    assert "exact:cbam3.channel" not in arrays
    with Image.open(tmp_path / "out" / "attribution.png") as picture:
        width = picture.width
    assert width == 24 + 5 * (256 + 24)  # the image, two maps and two controls


def test_tables_say_how_maps_agree_and_what_gates_add(cat, capsys):
    assert main(["attribute", str(cat), "--methods", "mask,mask_gradient", "--no-exact", "--measure", "overlap"]) == 0
    said = capsys.readouterr().out
    assert "cat: logit 3.07" in said
    assert "overlap of the top 20 %" in said
    assert "Mask × gradient" in said
    assert "cbam3.spatial" in said


def test_unknown_methods_and_classes_are_said_in_one_sentence(cat, capsys):
    assert main(["attribute", str(cat), "--methods", "lime"]) == 3
    assert "there is no method 'lime'" in capsys.readouterr().err
    assert main(["attribute", str(cat), "--methods", "none", "--target", "tiger"]) == 3
    assert "has no class 'tiger'" in capsys.readouterr().err
