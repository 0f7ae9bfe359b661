"""Sets of images: those that are known by name, and anybody's folders."""

import numpy as np
import pytest

from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.dataset import Dataset, images_beside_classes, open_dataset
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import DataError
from tests.data.folders import put


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


def test_a_path_may_be_text(animals):
    assert open_dataset(str(animals)).classes == ("ant", "zebra")


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


def test_known_labels_are_the_labels():
    labels = np.array([1, 0])
    known = Dataset("two", "", ("a", "b"), np.zeros((2, 1, 1, 3), np.uint8), labels)
    assert known.known_labels is labels


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


def test_images_beside_the_folders_of_classes_are_listed(animals, monkeypatch):
    assert images_beside_classes(animals) == []
    put(animals / "lost.png", (9, 0, 0))
    assert [path.name for path in images_beside_classes(animals)] == ["lost.png"]
    assert images_beside_classes(animals / "ant") == []  # these are the set
    animals.rename(animals.parent / "samples")
    monkeypatch.chdir(animals.parent)
    assert images_beside_classes("samples") == []  # is the bundled set, as for `open_dataset`
    assert len(images_beside_classes("./samples")) == 1
