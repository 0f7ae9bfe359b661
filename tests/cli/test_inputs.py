"""Images that a command line names: files, folders and patterns; each has a folder of results of its own."""

import errno
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cbam_core.cli import main
from tests.cli.explained import left_out, shades
from tests.corpus.image_files import heic


def test_images_of_one_name_get_folders_of_their_own(explained, picture_file, tmp_path):
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (32, 32), (200 * number, 0, 0)).save(tmp_path / folder / "same.png")
    status, out, _, _ = explained(tmp_path / "a" / "same.png", tmp_path / "b" / "same.png", tmp_path / "a" / "same.png")
    assert status == 0
    inputs = {}
    for folder in out.iterdir():
        with np.load(folder / "values.npz") as values:
            inputs[folder.name] = int(values["input_image"][0, 0, 0])
    assert inputs == {"same": 0, "same-2": 200}


def test_a_folder_is_searched_and_no_two_files_share_a_folder(explained, photos):
    status, out, said, errors = explained(photos)
    assert (status, errors, said.count("\n")) == (0, left_out(photos), 4)
    found = shades(out)
    assert set(found) == {"a", "a-2", "cat/a", "dog/b"}
    assert (found["a-2"], found["cat/a"]) == (0, pytest.approx(180, abs=2))


def test_results_inside_the_searched_folder_are_not_explained_themselves(quick, photos, tiny_checkpoint, capsys):
    arguments = ["explain", str(photos), "--checkpoint", str(tiny_checkpoint), "--out", str(photos / "results")]
    assert [main(arguments), main(arguments)] == [0, 0]
    assert capsys.readouterr().out.count("\n") == 8


def test_a_heic_photo_in_a_folder_is_named_and_the_rest_is_done(explained, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (photos / "phone.heic").write_bytes(heic())
    status, _, _, errors = explained(photos)
    assert status == 1
    assert "phone.heic: this is a HEIC photo" in errors


def test_an_empty_folder_is_named_and_the_rest_is_done(explained, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, said, errors = explained(tmp_path / "empty", photos)
    assert (status, said.count("\n")) == (1, 4)
    first = f"there are no images in the folder {tmp_path / 'empty'}; name image files, or a folder with some; skipped"
    assert errors.splitlines()[1] == f"cbam: {first}"


def test_folders_that_cannot_be_read_are_named_and_the_rest_is_done(explained, photos, monkeypatch):
    (photos / "private").mkdir()
    listed = os.scandir

    def scandir(path="."):
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "iterdir", lambda self: (Path(entry.path) for entry in [*scandir(self)]))
    status, _, said, errors = explained(photos)
    assert (status, said.count("\n")) == (0, 4)
    unread = f"the folder {photos / 'private'} cannot be read (Permission denied)"
    assert errors == f"cbam: {unread}; it is left out\n{left_out(photos)}"
    status, _, said, errors = explained(photos / "private")
    assert (status, said) == (1, "")
    assert errors.splitlines()[0] == f"cbam: {unread}; check its permissions; skipped"


def test_patterns_are_searched(explained, photos, tmp_path):
    status, _, said, errors = explained(photos / "**" / "*.[Ww]*")
    assert (status, errors) == (0, "")
    assert said.startswith(f"{photos / 'dog' / 'b.WebP'}: ")
    status, _, _, errors = explained(photos / "*.xyz")
    assert status == 1
    assert errors.startswith(f"cbam: there is no file {photos / '*.xyz'}; check the name")
    assert errors.endswith("cbam: 1 of 1 image could not be explained\n")


def test_a_file_whose_name_is_a_pattern_is_that_file(explained, picture_file, tmp_path):
    odd = shutil.copy(picture_file, tmp_path / "a[1].png")
    assert explained(odd)[2].startswith(f"{odd}: ")


def test_home_is_found_behind_an_option_too(picture_file, tiny_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copy(picture_file, tmp_path / "cat.png")
    assert main(["explain", "~/cat.png", "--checkpoint", str(tiny_checkpoint), "--out=~/results"]) == 0
    assert (tmp_path / "results" / "cat" / "manifest.json").is_file()
    assert not (tmp_path / "~").exists()


def test_an_address_is_named_as_one(explained, picture_file):
    status, _, said, errors = explained("https://example.org/cat.jpg?size=large", picture_file)
    assert status == 1
    assert said.count("\n") == 1
    address = "https://example.org/cat.jpg?size=large"
    assert errors.startswith(f"cbam: {address} is an address, and nothing is downloaded: save the image")
