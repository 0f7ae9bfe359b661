"""Pictures of a folder."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from cbam_core.data import folder as gallery
from cbam_core.data.folder import list_images, thumbnail
from cbam_core.errors import DataError, ImageError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.PNG", "a.jpg", ".hidden.png", "notes.txt"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, "PNG")
    (tmp_path / "sub.png").mkdir()
    return tmp_path


def test_picture_files_come_by_name(folder):
    assert [picture.name for picture in list_images(folder)] == ["a.jpg", "b.PNG"]


@pytest.mark.parametrize("is_there", [True, False])
def test_heic_photos_are_listed_where_their_decoder_is_installed(folder, monkeypatch, is_there):
    (folder / "phone.HEIC").write_bytes(b"photo")
    monkeypatch.setattr(gallery.importlib.util, "find_spec", lambda name: object() if is_there else None)
    gallery.endings.cache_clear()
    names = [picture.name for picture in list_images(folder)]
    gallery.endings.cache_clear()
    assert ("phone.HEIC" in names) == is_there


def test_a_name_that_no_text_can_hold_is_left_out(folder):
    names = [picture.name for picture in list_images(folder)]
    (folder / os.fsdecode(b"\xc4\xe3.png")).write_bytes((folder / names[0]).read_bytes())
    assert [picture.name for picture in list_images(folder)] == names


def test_a_large_folder_is_cut(folder, monkeypatch):
    monkeypatch.setattr(gallery, "MOST", 1)
    assert [picture.name for picture in list_images(folder)] == ["a.jpg"]


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="CBAM_IMAGE_DIR"):
        list_images(tmp_path / "nowhere")


def test_a_thumbnail_is_the_middle_square(tmp_path):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    small = thumbnail(tmp_path / "wide.png", 4)
    assert small.shape == (4, 4, 3)
    assert (small == 200).all()


def test_what_is_no_picture_has_no_thumbnail(tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(ImageError):
        thumbnail(tmp_path / "no.png", 4)
