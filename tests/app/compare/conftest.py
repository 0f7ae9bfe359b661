"""The page as a new visitor opens it."""

from __future__ import annotations

import pytest

from tests.app.compare.page import NETWORK, opened
from tests.app.visiting import put_network


@pytest.fixture
def networks(monkeypatch, tmp_path):
    """A folder with one shipped network and a twin of it, for all visitors."""
    put_network(tmp_path, NETWORK, "twin")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def app(networks):
    """The page as a new visitor opens it, with the networks of that folder."""
    return opened()
