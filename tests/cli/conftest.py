"""What tests of commands share."""

import pytest

from cbam_core.cli import main


@pytest.fixture(scope="session")
def folder(tiny_checkpoint, tmp_path_factory):
    """An atlas of the bundled images, as the command builds it; shared, so never changed by a test."""
    place = tmp_path_factory.mktemp("atlas") / "tiny"
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]) == 0
    return place
