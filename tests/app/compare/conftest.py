"""The page as a new visitor opens it."""

from __future__ import annotations

import pytest

from tests.app.compare.page import NETWORK, opened
from tests.app.visiting import put_network


@pytest.fixture
def app(monkeypatch, tmp_path):
    """The page as a new visitor opens it, with one shipped network and a twin of it."""
    put_network(tmp_path, NETWORK, "twin")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    return opened()
