"""The page as a new visitor opens it."""

from __future__ import annotations

import shutil

import pytest

from cbam_core.places import shipped_checkpoints
from tests.app.compare.page import NETWORK, opened


@pytest.fixture
def app(monkeypatch, tmp_path):
    """The page as a new visitor opens it, with one shipped network and a twin of it."""
    shutil.copy(shipped_checkpoints()[NETWORK], tmp_path)
    shutil.copy(shipped_checkpoints()[NETWORK], tmp_path / "twin.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    return opened()
