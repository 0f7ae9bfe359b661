"""The atlases of the bundled images that ship: of the networks that ship, and what building them anew gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cbam_core import load_classifier, open_atlas
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.finishing import is_finished
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.shards import missing_shards
from cbam_core.data.dataset import samples
from cbam_core.places import atlas_folders, shipped_checkpoints

NAMES = list(shipped_checkpoints())
MOST = 2_000_000
"""Largest size in bytes of an atlas that every installation carries."""


def shipped(name: str) -> Path:
    return shipped_checkpoints()[name].with_suffix(".atlas")


def test_every_network_has_its_atlas() -> None:
    assert [path.name for path in atlas_folders() if path.parent == shipped(NAMES[0]).parent] == [
        f"{name}.atlas" for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_atlas_is_small_complete_and_of_its_network(name: str) -> None:
    folder = shipped(name)
    plan = read_plan(folder)
    assert plan.network.digest == load_classifier(name).digest
    assert is_finished(folder, plan)
    assert missing_shards(folder, plan) == []
    assert (folder / "nearest.npz").is_file()  # or asking would write it into the installation
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_atlas_is_what_building_it_gives(name: str, tmp_path: Path) -> None:
    there = open_atlas(shipped(name))
    anew = open_atlas(build_atlas(load_classifier(name), samples(), tmp_path / "atlas", workers=1))
    assert list(there.ids) == list(anew.ids)
    assert [gate.name for gate in there.gates] == [gate.name for gate in anew.gates]
    np.testing.assert_array_equal(there.labels, anew.labels)
    np.testing.assert_array_equal(there.answers, anew.answers)
    np.testing.assert_allclose(there.contents.values, anew.contents.values, atol=2e-3)
    np.testing.assert_allclose(there.logits, anew.logits, atol=2e-3)
