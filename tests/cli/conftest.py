"""What tests of commands share."""

import shutil

import pytest
from PIL import Image

from cbam_core.cli import explaining, main
from tests.cli.explained import line_on


@pytest.fixture(scope="session")
def folder(tiny_checkpoint, tmp_path_factory):
    """An atlas of the bundled images, as the command builds it; shared, so never changed by a test."""
    place = tmp_path_factory.mktemp("atlas") / "tiny"
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]) == 0
    return place


@pytest.fixture(scope="module")
def opened(tiny_checkpoint):
    """The network, opened once, so that the places of its gates are computed once."""
    return explaining.open_checkpoint(str(tiny_checkpoint), explaining.UNSTATED)


@pytest.fixture
def quick(opened, tiny_checkpoint, monkeypatch):
    """The command with a network that is open, and figures that are a line on what they would show."""
    from cbam_core.explanation import contents

    def open_checkpoint(checkpoint, stated):
        assert (checkpoint, stated) == (str(tiny_checkpoint), explaining.UNSTATED)
        return opened

    monkeypatch.setattr(explaining, "open_checkpoint", open_checkpoint)
    monkeypatch.setattr(contents, "as_png", lambda one, *, look, **_: line_on(one, look))


@pytest.fixture
def explained(quick, tiny_checkpoint, tmp_path, capsys):
    """Runs the command on images; gives status, results, standard output and standard error."""

    def run(*arguments):
        out = tmp_path / "out"
        words = ["explain", *map(str, arguments), "--checkpoint", str(tiny_checkpoint), "--out", str(out)]
        status = main(words)
        written = capsys.readouterr()
        return status, out, written.out, written.err

    return run


@pytest.fixture
def photos(tmp_path):
    """A folder with images of one stem, images in subfolders, and files that are left out."""
    folder = tmp_path / "photos"
    for name, shade in (("a.png", 0), ("a.jpg", 90), ("cat/a.png", 180), ("dog/b.WebP", 240)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (shade, 0, 0)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    shutil.copy(folder / "a.png", folder / ".hidden.png")
    return folder
