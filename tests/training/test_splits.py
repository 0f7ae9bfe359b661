"""A folder of one's own classes: what trains, what is watched and what is tested, and that they stay apart."""

import numpy as np
import pytest
from PIL import Image

from cbam_core.data.dataset import open_dataset
from cbam_core.errors import DataError, TrainingError
from cbam_core.training.splits import cifar10_splits, folder_splits, stratified


def write(folder, count, first=0, size=(12, 8)):
    """Write images, each of its own colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.new("RGB", size, (number % 256, len(folder.name), number // 256)).save(folder / f"{number:03}.png")


@pytest.fixture
def classes(tmp_path):
    write(tmp_path / "photos" / "cat", 40)
    write(tmp_path / "photos" / "dog", 20, first=100)
    return tmp_path / "photos"


def test_a_folder_of_classes_is_split_class_by_class(classes):
    splits = folder_splits(classes, 8, 1000)
    assert (splits.name, splits.classes) == ("photos", ("cat", "dog"))
    train, watched, test = splits.train.train.labels, splits.train.validation.labels, splits.test.known_labels
    assert [int((one == 0).sum()) for one in (train, watched, test)] == [28, 6, 6]
    assert [int((one == 1).sum()) for one in (train, watched, test)] == [14, 3, 3]
    assert splits.train.train.pixels.shape == (42, 3, 8, 8)
    assert splits.count == 51
    colours = [{tuple(pixels[:, 0, 0].tolist()) for pixels in part.pixels} for part in
               (splits.train.train, splits.train.validation)]  # fmt: skip
    colours.append({tuple(image[0, 0].tolist()) for image in splits.test.images[:]})
    assert sum(map(len, colours)) == len(set.union(*colours)) == 60


def test_the_split_is_the_same_each_time_and_bounded(classes):
    first, second = folder_splits(classes, 8, 1000), folder_splits(classes, 8, 1000)
    assert first.test.images.paths == second.test.images.paths
    assert (first.train.train.pixels == second.train.train.pixels).all()
    few = folder_splits(classes, 8, 3)
    assert [int((few.train.validation.labels == label).sum()) for label in (0, 1)] == [2, 1]


def test_copies_of_one_file_stay_together(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path / name, 10)
        for path in sorted((tmp_path / name).iterdir()):
            path.with_stem(f"{path.stem}-copy").write_bytes(path.read_bytes())
    parts = stratified(open_dataset(tmp_path), (0.2, 0.2), 1000)
    assert [len(part) for part in parts] == [24, 8, 8]
    paths = open_dataset(tmp_path).images.paths
    held = [{(paths[index].parent.name, paths[index].stem[:3]) for index in part} for part in parts]
    assert sum(map(len, held)) == len(set.union(*held)) == 20


@pytest.mark.parametrize("names", [("train", "val"), ("Train", "Valid", "Test")])
def test_a_folder_that_is_split_already_is_taken_as_it_is(tmp_path, names):
    for count, part in zip((5, 3, 2), names, strict=False):
        write(tmp_path / part / "cat", count)
        write(tmp_path / part / "dog", count, first=100)
    splits = folder_splits(tmp_path, 8, 1000)
    assert [len(splits.train.train.labels), len(splits.train.validation.labels)] == [10, 6]
    assert (None if splits.test is None else len(splits.test)) == (4 if len(names) == 3 else None)
    assert len(splits.watched) == 6


def test_without_watched_images_some_are_held_out_of_the_others(tmp_path):
    for part in ("train", "test"):
        write(tmp_path / part / "cat", 20)
        write(tmp_path / part / "dog", 20, first=100)
    splits = folder_splits(tmp_path, 8, 1000)
    assert [len(splits.train.train.labels), len(splits.train.validation.labels), len(splits.test)] == [34, 6, 40]


def test_a_part_with_fewer_classes_has_the_labels_of_the_others(tmp_path):
    write(tmp_path / "train" / "cat", 3)
    write(tmp_path / "train" / "dog", 3, first=100)
    write(tmp_path / "val" / "dog", 2, first=200)
    splits = folder_splits(tmp_path, 8, 1000)
    assert splits.train.validation.labels.tolist() == [1, 1]


def test_the_film_shows_each_class_in_turn(classes):
    splits = folder_splits(classes, 8, 1000)
    assert splits.filmed.shape == (8, 8, 8, 3)
    assert splits.filmed.dtype == np.uint8
    assert splits.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 0]


def test_what_is_no_folder_of_classes_is_one_sentence(tmp_path):
    write(tmp_path / "one" / "cat", 3)
    write(tmp_path / "flat", 3)
    (tmp_path / "file.png").touch()
    write(tmp_path / "other" / "train" / "cat", 3)
    write(tmp_path / "other" / "train" / "dog", 3)
    write(tmp_path / "other" / "val" / "cow", 3)
    write(tmp_path / "few" / "cat", 2)
    write(tmp_path / "few" / "dog", 2)
    for name, error, said in (
        ("one", DataError, "at least two classes"),
        ("flat", DataError, "at least two classes"),
        ("other", DataError, "has classes that the training images do not have: cow"),
        ("few", TrainingError, "class cat has too few different images to hold some out \\(2\\); give more"),
        ("missing", DataError, "there is no folder of images .*missing; name one that has .* train on CIFAR-10"),
        ("file.png", DataError, "is a file; name a folder that has a subfolder of images for each class"),
        ("a\0b", DataError, "cannot be read"),
    ):
        with pytest.raises(error, match=said):
            folder_splits(tmp_path / name, 8, 1000)


def test_images_that_would_fill_the_memory_are_refused(classes, monkeypatch):
    monkeypatch.setattr("cbam_core.training.splits.LARGEST", 10_000)
    with pytest.raises(TrainingError, match="51 images of 64 pixels need"):
        folder_splits(classes, 64, 1000)


def test_images_of_cifar10_can_be_shown_larger(monkeypatch):
    from tests.training.test_run import made_up

    made_up(monkeypatch)
    plain, larger = cifar10_splits(None, 0), cifar10_splits(None, 64)
    assert (plain.train.pixels.shape, plain.filmed.shape) == ((40, 3, 32, 32), (8, 32, 32, 3))
    assert (larger.train.pixels.shape, larger.filmed.shape) == ((40, 3, 64, 64), (8, 64, 64, 3))
    assert larger.watched is None


def test_files_of_each_part_that_are_left_out_are_counted(classes, tmp_path):
    (classes / "cat" / "notes.txt").write_text("none")
    splits = folder_splits(classes, 8, 1000)
    assert {path: len(unlisted) for path, unlisted in splits.unlisted.items()} == {classes: 1}
    whole = tmp_path / "whole"
    for part in ("train", "val", "test"):
        write(whole / part / "cat", 3)
        write(whole / part / "dog", 3, first=100)
    (whole / "val" / "dog" / ".hidden.png").write_text("none")
    splits = folder_splits(whole, 8, 1000)
    assert {path.name: len(found) for path, found in splits.unlisted.items()} == {"train": 0, "val": 1, "test": 0}
