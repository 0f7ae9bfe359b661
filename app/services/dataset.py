"""Which images does every visitor have? Those of CIFAR-10: the bundled samples, and the test set where it was fetched.

A folder of the operator with one subfolder for each class takes their place: all of its images are the test set, and
some of each class the samples.

The one file of the app that says so. Pages ask it, and take names of classes from the `Dataset` that it gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int

from app.services.file_version import Stamp, stamp_of
from app.services.operator_log import tell_operator
from app.session.scheduling import slot
from app.session.tiles import Tile, lay_out_tiles
from app.session.words import Words, class_name, language
from cbam_core.data.cifar10 import data_folder
from cbam_core.data.dataset import Dataset, labelled_for, open_dataset
from cbam_core.data.dataset import samples as bundled
from cbam_core.data.folder import thumbnail
from cbam_core.data.samples import SHEET, sample_sheet
from cbam_core.data.sequences import ImageFiles
from cbam_core.errors import DataError, ImageError
from cbam_core.network import Classifier
from cbam_core.places import image_folder
from cbam_core.viewer.payload import png

FIRST = 31
"""Index of the first image in the sample sheet: a cat that faces us; its eyes and ears show where masks are high."""

WORDS = Words(
    {
        "tile": "{name}, test image {index}",
        "caption": "CIFAR-10 test image {index}, as the network sees it",
        "unreadable": "{file}, test image {index}: cannot be read",
        "own_caption": "{name}, image {index} of the operator's folder",
    }
)


@dataclass(frozen=True)
class About:
    """What is said of an image that every visitor has.

    Attributes:
        name: what its files are called.
        caption: what stands beside it.
        truth: its class.
    """

    name: str
    caption: str
    truth: str


MOST_SAMPLES = 100
"""Images of the operator's folder that are samples."""

TILE = 88
"""Side of a thumbnail of the operator's images, pixels: twice the side on the page, for dense screens."""


def operators_set() -> Dataset | None:
    """The operator's images, if they lie in one subfolder for each class; None where they do not."""
    folder = image_folder()
    return None if folder is None else _operators_set(folder)


@cache
def _operators_set(folder: Path) -> Dataset | None:
    try:
        found = open_dataset(folder)
    except DataError as error:
        tell_operator(f"{error.code}: {error}")
        return None
    # What the folder is called on the server is no business of visitors.
    return None if found.labels is None else replace(found, name="operator", split="folder")


def knows(classifier: Classifier, images: Dataset) -> bool:
    """Whether a network knows all classes of some images."""
    return bool(images.classes) and set(images.classes) <= set(classifier.classes)


def labelled_as(classifier: Classifier, images: Dataset) -> Dataset:
    """Images with the labels of a network that knows all of their classes; CIFAR-10 and others as they are."""
    return labelled_for(images, classifier.classes) if images.name == "operator" else images


def samples() -> Dataset:
    """The images that are bundled, or some of the operator's."""
    own = operators_set()
    if own is None:
        return bundled()
    numbers = sample_numbers()
    files = ImageFiles([_files(own)[number] for number in numbers.tolist()], image_folder())
    return replace(own, images=files, labels=own.known_labels[numbers])


def sample_numbers() -> Int[np.ndarray, " n"]:
    """Places of the samples in the test set, counted from 0, (N,)."""
    own = operators_set()
    return sample_sheet().indices if own is None else _spread(own)


def are_all_samples() -> bool:
    """Whether the samples are all images of the operator, so that the test set has the same ones."""
    own = operators_set()
    return own is not None and len(_spread(own)) == len(own)


def named_once(source: str, which: Any) -> tuple[str, Any]:
    """An image as pages name it: of images that are samples and the test set, that of the test set.

    Args:
        source: where it is, such as ``"sample"``.
        which: its number there, or its name.
    """
    if source == "sample" and are_all_samples() and which < len(numbers := sample_numbers()):
        return "test", int(numbers[which])
    return source, which


def first_sample() -> int:
    """Index of the sample that is shown first."""
    return FIRST if operators_set() is None else 0


def _spread(own: Dataset) -> Int[np.ndarray, " n"]:
    """Numbers of the first images of each class, as many of each, at most `MOST_SAMPLES`."""
    each = max(1, MOST_SAMPLES // len(own.classes))
    firsts = [np.flatnonzero(own.known_labels == label)[:each] for label in range(len(own.classes))]
    return np.concatenate(firsts)[:MOST_SAMPLES]


def _files(own: Dataset) -> tuple[Path, ...]:
    return own.images.paths if isinstance(own.images, ImageFiles) else ()


def _file_names(own: Dataset) -> Mapping[Path, str]:
    """What the operator's files are called, each as no other one."""
    return _named(own.images) if isinstance(own.images, ImageFiles) else {}


@lru_cache(maxsize=1)
def _named(images: ImageFiles) -> Mapping[Path, str]:
    return dict(zip(images.paths, images.names, strict=True))


def sample_png() -> bytes:
    """The samples as one PNG, ten in a row, for the browser."""
    own = operators_set()
    return _bundled_png() if own is None else _thumbnails(_files(samples()), 10)


@cache
def _bundled_png() -> bytes:
    return SHEET.read_bytes()


@lru_cache(maxsize=32)
def _thumbnails(files: tuple[Path, ...], columns: int) -> bytes:
    """Small squares of image files as one PNG; grey where a file cannot be shown."""
    return png(lay_out_tiles([_thumbnail(file) for file in files], columns)) if files else b""


def _thumbnail(file: Path) -> np.ndarray:
    found = _read_thumbnail(file)
    return _crossed() if found is None else found


@lru_cache(maxsize=1000)
def _read_thumbnail(file: Path) -> np.ndarray | None:
    try:
        with slot():
            return thumbnail(file, TILE)
    except ImageError:
        return None


def _crossed() -> np.ndarray:
    """A grey square with a cross, in the place of a file that cannot be shown."""
    tile = np.full((TILE, TILE, 3), 128, np.uint8)
    across = np.eye(TILE, dtype=bool)
    tile[across | across[::-1] | np.roll(across, 1, 1) | np.roll(across[::-1], 1, 1)] = 64
    return tile


def unreadable_name(dataset: Dataset, index: int) -> str | None:
    """Name of the file of an image of the operator's that cannot be shown; None for every other image."""
    files, own = _files(dataset), operators_set()
    if own is None or not files or _read_thumbnail(files[index]) is not None:
        return None
    return _file_names(own)[files[index]]


def sample_tiles() -> tuple[Tile, ...]:
    """What each tile of `sample_png` is, in the session's language."""
    return _sample_tiles(language(), image_folder())


def tile_label(dataset: Dataset, index: int, number: int) -> str:
    """What a thumbnail is called.

    Args:
        dataset: the images.
        index: of the image there.
        number: what its number in the test set is.
    """
    if (file := unreadable_name(dataset, index)) is not None:
        return WORDS["unreadable"].format(file=file, index=number)
    return WORDS["tile"].format(name=class_name(dataset.classes[int(dataset.known_labels[index])]), index=number)


def about_sample(index: int) -> About:
    """What is said of a sample.

    Args:
        index: of the image among the samples.
    """
    return _about(samples(), index, int(sample_numbers()[index]))


def samples_of(name: str) -> np.ndarray:
    """The samples of a class, uint8 RGB (N, H, W, 3)."""
    here = samples()
    indices = np.flatnonzero(here.known_labels == here.classes.index(name)).tolist()
    if operators_set() is not None:
        return np.stack([_thumbnail(_files(here)[index]) for index in indices[:10]])
    return np.stack([here.images[index] for index in indices])


def open_test_set() -> Dataset:
    """The ten thousand test images, or the operator's.

    Raises:
        DataError: they were not fetched, or are damaged.
    """
    if (own := operators_set()) is not None:
        return own
    home = data_folder() / "cifar10"
    return _opened(home, tuple(stamp_of(home / f"test_{part}.npy") for part in ("images", "labels")))


@lru_cache(maxsize=1)
def _opened(home: Path, versions: tuple[Stamp | None, ...]) -> Dataset:
    return open_dataset("cifar10:test")


def test_set() -> Dataset | None:
    """The ten thousand test images; None where they were not fetched, or cannot be read, which the log says."""
    try:
        return open_test_set()
    except DataError as error:
        if error.code != "data.absent":
            tell_operator(f"{error.code}: {error}")
        return None


def test_count() -> int | None:
    """Images of the test set; None where it was not fetched."""
    test = test_set()
    return None if test is None else len(test)


def test_sheet(indices: tuple[int, ...], columns: int) -> bytes:
    """Test images as one PNG, so many in a row."""
    test, own = test_set(), operators_set()
    if own is not None:
        return _thumbnails(tuple(_files(own)[index] for index in indices), columns)
    return png(lay_out_tiles([test.images[index] for index in indices], columns)) if test is not None else b""


def about_test_image(index: int) -> About:
    """What is said of an image of the test set.

    Raises:
        DataError: the test set is not there.
    """
    return _about(open_test_set(), index, index)


def _about(dataset: Dataset, index: int, number: int) -> About:
    truth = dataset.classes[int(dataset.known_labels[index])]
    if (own := operators_set()) is not None:
        name = _file_names(own)[_files(dataset)[index]]
        files_begin = "-".join(PurePosixPath(name).with_suffix("").parts)
        return About(files_begin, WORDS["own_caption"].format(name=name, index=number), truth)
    return About(f"{dataset.name}-test-{number}", WORDS["caption"].format(index=number), truth)


@cache
def _sample_tiles(language: str, folder: Path | None) -> tuple[Tile, ...]:
    here = samples()
    names = [here.classes[label] for label in here.known_labels.tolist()]
    return tuple(
        Tile(index, tile_label(here, index, number), name)
        for index, (name, number) in enumerate(zip(names, sample_numbers().tolist(), strict=True))
    )
