"""Folders of images, with classes and without."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from cbam_core.data.dataset import open_dataset, thinned
from cbam_core.data.folder import MOST
from cbam_core.data.image_folder import list_image_folder
from cbam_core.errors import DataError, ImageError
from tests.data.folders import put


def test_sub_folders_are_classes_in_the_order_of_their_names(animals):
    opened = open_dataset(animals)
    assert (opened.name, opened.split, opened.classes) == ("animals", "", ("ant", "zebra"))
    assert opened.labels.tolist() == [0, 0, 1]
    assert [image[0, 0, 0] for image in opened.images] == [1, 2, 3]
    assert opened.images[1].shape == (6, 7, 3)
    assert opened.images[-1].dtype == np.uint8
    assert [image.shape for image in opened.images[1:]] == [(6, 7, 3), (4, 5, 3)]


def test_a_class_without_pictures_keeps_its_place(animals):
    (animals / "cat").mkdir()
    opened = open_dataset(animals)
    assert opened.classes == ("ant", "cat", "zebra")
    assert opened.labels.tolist() == [0, 0, 2]


def test_classes_may_be_more_than_a_byte_can_count(tmp_path):
    for number in range(300):
        put(tmp_path / f"{number:03}" / "one.png", (number % 256, number // 256, 0), (1, 1))
    opened = open_dataset(tmp_path)
    assert len(opened.classes) == len(opened) == 300
    assert opened.labels.tolist() == list(range(300))
    assert opened.images[299].tolist() == [[[43, 1, 0]]]


@pytest.mark.parametrize("place", ["ant/0.png", "0.png"])
def test_a_damaged_picture_is_noticed_when_it_is_read(animals, tmp_path, place):
    home = animals if "/" in place else tmp_path / "flat"
    put(home / place.replace("0", "1"), (9, 0, 0))
    (home / place).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    opened = open_dataset(home)
    assert opened.images[1][0, 0, 0] == 9
    with pytest.raises(ImageError):
        opened.images[0]
    with pytest.raises(ImageError):
        opened.images[:2]


def test_a_flat_folder_is_taken_whole(tmp_path):
    for number in range(MOST + 1):
        (tmp_path / f"{number}.png").touch()
    assert len(open_dataset(tmp_path)) == MOST + 1


@pytest.mark.parametrize("inside", ["", "a/", "a/notes.txt", "notes.txt"])
def test_a_folder_without_pictures_is_refused(tmp_path, inside):
    if inside.startswith("a/"):
        (tmp_path / "a").mkdir()
    if inside.endswith("txt"):
        (tmp_path / inside).write_text("none")
    with pytest.raises(DataError, match="there are no images in") as refused:
        open_dataset(tmp_path)
    assert refused.value.code == "data.empty-folder"


def test_a_folder_of_classes_says_how_to_get_torchvision(animals, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataError, match=r"pip install 'cbam-lens\[train\]'") as refused:
        open_dataset(animals)
    assert refused.value.code == "data.no-torchvision"


@pytest.mark.skipif(sys.platform == "win32", reason="links and bytes in names are other there")
def test_names_that_cannot_be_printed_and_links_that_lead_nowhere_are_left_out_with_or_without_classes(
    animals, tmp_path
):
    for folder in (animals / "ant", tmp_path / "flat"):
        put(folder / "good.png", (9, 0, 0))
        put(folder / "two\nlines.png", (9, 0, 0))
        put(folder / os.fsdecode(b"z\xff.png"), (9, 0, 0))
        (folder / "gone.png").symlink_to("nowhere.png")
        (folder / "loop.png").symlink_to("loop.png")
    for folder in (animals, tmp_path / "flat"):
        (folder / "loop").symlink_to("loop")
    assert [path.name for path in open_dataset(animals).images.paths] == ["1.png", "2.PNG", "good.png", "b.png"]
    assert [path.name for path in open_dataset(tmp_path / "flat").images.paths] == ["good.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and bytes in names are other there")
def test_files_that_are_left_out_for_their_names_are_counted(animals, tmp_path):
    for folder in (animals / "ant", tmp_path / "flat"):
        put(folder / "good.png", (9, 0, 0))
        put(folder / ".hidden.png", (9, 0, 0))
        put(folder / "two\nlines.png", (9, 0, 0))
        (folder / "notes.txt").write_text("none")
        (folder / "more.csv").write_text("none")
        (folder / "gone.png").symlink_to("nowhere.png")
    with_classes, flat = open_dataset(animals).unlisted, open_dataset(tmp_path / "flat").unlisted
    for found in (with_classes, flat):
        assert (found.hidden, found.ending, found.unprintable, found.missing) == (1, 2, 1, 1)
        assert len(found) == 5
    assert (with_classes.first, flat.first) == (f"ant{os.sep}.hidden.png", ".hidden.png")
    assert len(thinned(open_dataset(animals), 2).unlisted) == 5
    assert len(open_dataset("samples").unlisted) == 0


def test_hidden_folders_are_no_classes(animals, tmp_path):
    put(animals / ".thumbnails" / "a.png", (9, 0, 0))
    put(animals / "ant" / ".thumbnails" / "b.png", (9, 0, 0))
    opened = open_dataset(animals)
    assert opened.classes == ("ant", "zebra")
    assert [path.name for path in opened.images.paths] == ["1.png", "2.PNG", "b.png"]
    assert opened.unlisted.hidden == 2  # the second is that of the fixture
    put(tmp_path / "flat" / "a.png", (9, 0, 0))
    (tmp_path / "flat" / ".git").mkdir()
    assert open_dataset(tmp_path / "flat").classes == ()
    assert len(open_dataset(tmp_path / "flat").unlisted) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="links are other there")
def test_links_to_a_folder_that_they_lie_in_are_not_followed(animals, tmp_path):
    expected = list_image_folder(animals)
    one = animals / expected.classes[0]
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere" / "zz.png")
    (one / "yy").symlink_to(tmp_path / "elsewhere")
    for place, target in ((animals, "."), (one, ".."), (one, "."), (tmp_path / "elsewhere", one), (one, "yy/loop")):
        (place / f"loop{len(list(place.iterdir()))}").symlink_to(target)
    found = list_image_folder(animals)
    assert found.classes == expected.classes
    assert set(found.paths) == {*expected.paths, one / "yy" / "zz.png"}
    assert len(found.paths) == len(expected.paths) + 1
    assert (found.labels == 0).sum() == (expected.labels == 0).sum() + 1


@pytest.mark.skipif(sys.platform == "win32", reason="links are other there")
def test_a_flat_folder_with_a_link_to_itself_has_no_classes(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(".")
    found = list_image_folder(tmp_path)
    assert (found.classes, found.labels, len(found.paths)) == ((), None, 1)
