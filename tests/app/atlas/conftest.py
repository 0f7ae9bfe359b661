"""Atlases that tests of the page share."""

from pathlib import Path

import pytest

from app import services
from tests.atlas import made_atlas


@pytest.fixture
def two(monkeypatch):
    """Two atlases of the network that is selected; the second one has every third image of the first."""
    large, small = made_atlas.atlas(), made_atlas.atlas(20, seed=1, ids=[f"made:test/{3 * i}" for i in range(20)])
    atlases = {"large": large, "small": small}
    entries = {
        name: services.AtlasEntry(name, Path(name), atlas.title, len(atlas), "") for name, atlas in atlases.items()
    }
    monkeypatch.setattr(services, "atlases_of", lambda _: entries)
    monkeypatch.setattr(services, "atlas_at", lambda entry: atlases[entry.name])
    return atlases
