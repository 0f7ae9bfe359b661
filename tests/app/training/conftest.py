"""Folders of networks and runs that the page finds."""

from __future__ import annotations

import pytest

from tests.app.visiting import put_network
from tests.made_runs import make_run


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """A folder with one shipped network, and one for runs, both this test's own."""
    checkpoints, runs = tmp_path / "checkpoints", tmp_path / "runs"
    checkpoints.mkdir()
    runs.mkdir()
    put_network(checkpoints)
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(checkpoints))
    monkeypatch.setenv("CBAM_RUNS_DIR", str(runs))
    return checkpoints, runs


@pytest.fixture
def finished(folders):
    """A run that wrote its network, with the network's card."""
    made = make_run(folders[1] / "mine")
    put_network(made, "net")
    return made
