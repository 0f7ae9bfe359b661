"""Sets of images: those that are known by name, and anybody's folders."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.dataset import Dataset, images_beside_classes, open_dataset, thinned
from cbam_core.data.folder import MOST
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import DataError, ImageError


def put(path, colour, size=(5, 4)):
    """Write a picture of one colour, (width, height) pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def animals(tmp_path):
    """Two classes with two and one pictures, and what lies about in folders of pictures."""
    home = tmp_path / "animals"
    put(home / "zebra" / "b.png", (3, 0, 0))
    put(home / "ant" / "2.PNG", (2, 0, 0), (7, 6))
    put(home / "ant" / "1.png", (1, 0, 0))
    (home / "ant" / "notes.txt").write_text("two ants")
    (home / "ant" / ".hidden.png").write_bytes(b"nothing")
    (home / "readme.md").write_text("animals")
    return home


def test_the_bundled_images_are_a_data_set():
    opened, sheet = open_dataset("samples"), sample_sheet()
    assert (opened.name, opened.split, opened.classes, len(opened)) == ("cifar10", "samples", CLASSES, 100)
    assert opened.images is sheet.images
    assert opened.labels is sheet.labels


def test_cifar10_is_not_there_before_it_was_fetched(tmp_path):
    for split in ("train", "test"):
        with pytest.raises(DataError, match="cbam data fetch") as refused:
            open_dataset(f"cifar10:{split}", tmp_path)
        assert refused.value.code == "data.absent"


def test_sub_folders_are_classes_in_the_order_of_their_names(animals):
    opened = open_dataset(animals)
    assert (opened.name, opened.split, opened.classes) == ("animals", "", ("ant", "zebra"))
    assert opened.labels.tolist() == [0, 0, 1]
    assert [image[0, 0, 0] for image in opened.images] == [1, 2, 3]
    assert opened.images[1].shape == (6, 7, 3)
    assert opened.images[-1].dtype == np.uint8
    assert [image.shape for image in opened.images[1:]] == [(6, 7, 3), (4, 5, 3)]


def test_a_path_may_be_text(animals):
    assert open_dataset(str(animals)).classes == ("ant", "zebra")


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


def test_a_flat_folder_has_no_labels(tmp_path):
    put(tmp_path / "b.png", (2, 0, 0))
    put(tmp_path / "a.png", (1, 0, 0))
    (tmp_path / "notes.txt").write_text("none")
    opened = open_dataset(tmp_path)
    assert (opened.classes, opened.labels, len(opened)) == ((), None, 2)
    assert [image[0, 0, 0] for image in opened.images] == [1, 2]
    with pytest.raises(DataError, match="have no labels") as refused:
        assert opened.known_labels
    assert refused.value.code == "data.no-labels"


def test_a_flat_folder_is_taken_whole(tmp_path):
    for number in range(MOST + 1):
        (tmp_path / f"{number}.png").touch()
    assert len(open_dataset(tmp_path)) == MOST + 1


def test_known_labels_are_the_labels():
    labels = np.array([1, 0])
    known = Dataset("two", "", ("a", "b"), np.zeros((2, 1, 1, 3), np.uint8), labels)
    assert known.known_labels is labels


@pytest.mark.parametrize("inside", ["", "a/", "a/notes.txt", "notes.txt"])
def test_a_folder_without_pictures_is_refused(tmp_path, inside):
    if inside.startswith("a/"):
        (tmp_path / "a").mkdir()
    if inside.endswith("txt"):
        (tmp_path / inside).write_text("none")
    with pytest.raises(DataError, match="there are no images in") as refused:
        open_dataset(tmp_path)
    assert refused.value.code == "data.empty-folder"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "there is no folder of images .*nowhere, and no set of this name"),
        ("file.txt", r"file\.txt is a file; name the folder of images that it is in"),
        ("cifar10:validation", "or one of the sets cifar10:train, cifar10:test, samples"),
        ("a\0b", "cannot be read"),
        ("n" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path, name, said):
    (tmp_path / "file.txt").write_text("none")
    with pytest.raises(DataError, match=said) as refused:
        open_dataset(tmp_path / name)
    assert refused.value.code == "data.unreadable-folder"


@pytest.mark.parametrize("name", ["cifar10", "SAMPLES", "cifar10-test", "cifar10:Test", "sample"])
def test_a_name_that_is_nearly_that_of_a_set_gets_the_names_there_are(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"images {name}, .* one of the sets cifar10:train, cifar10:test, samples"):
        open_dataset(name)


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


def test_images_beside_the_folders_of_classes_are_listed(animals, monkeypatch):
    assert images_beside_classes(animals) == []
    put(animals / "lost.png", (9, 0, 0))
    assert [path.name for path in images_beside_classes(animals)] == ["lost.png"]
    assert images_beside_classes(animals / "ant") == []  # these are the set
    animals.rename(animals.parent / "samples")
    monkeypatch.chdir(animals.parent)
    assert images_beside_classes("samples") == []  # is the bundled set, as for `open_dataset`
    assert len(images_beside_classes("./samples")) == 1
