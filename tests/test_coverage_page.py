"""The page about networks of others says what was measured, and what was measured is what is found today."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import pytest
import torch

DOCS = Path(__file__).resolve().parents[1] / "docs"
DATA = json.loads((DOCS / "coverage.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("make_coverage", DOCS / "make_coverage.py")
    module = importlib.util.module_from_spec(spec)
    before = [*sys.path]
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_the_page_is_made_from_the_data(coverage):
    assert (DOCS / "coverage.md").read_text(encoding="utf-8") == coverage.page(DATA)


def test_all_classification_networks_of_torchvision_and_many_of_timm_were_run():
    from torchvision import models

    names = {library: set() for library in ("torchvision", "timm", "pytorchcv", "smp")}
    for label in DATA["networks"]:
        library, name = label.split(" ")[:2]
        names.setdefault(library, set()).add(name)
    assert names["torchvision"] == set(models.list_models(module=models))
    assert len(names["timm"]) >= 150
    assert len(names["pytorchcv"]) >= 30
    assert len(names["smp"]) >= 5


def test_every_network_ran_and_gave_the_same_output_with_all_gates_of_its_classes():
    for label, result in DATA["networks"].items():
        assert "error" not in result, label
        assert result["identical"], label
        assert result["gates"] - result["elsewhere"] == sum(result["by_class_name"].values()), label
        for kind, count in result["by_class_name"].items():
            assert result["kinds"].get(kind, 0) >= count, label


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet"])
def test_a_network_that_is_run_again_gives_what_the_page_says(coverage, name):
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed; it is among the development requirements")
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert coverage.measured("timm", name, {}) == DATA["networks"][f"timm {name}"]


def test_what_was_measured_with_other_versions_is_measured_again(coverage, monkeypatch, tmp_path):
    monkeypatch.setattr(coverage, "DATA", tmp_path / "coverage.json")
    data = {"versions": {**coverage.versions(), "timm": "0.1"}, "networks": {"timm x": {"gates": 1}}}
    coverage.save(data)
    assert coverage.read_data()["networks"] == {}
    coverage.save({**data, "versions": coverage.versions()})
    assert coverage.read_data()["networks"] == data["networks"]
