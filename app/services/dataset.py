"""Which images does every visitor have? Those of CIFAR-10: the bundled samples, and the test set where it was fetched.

The one file of the app that says so. Pages ask it, and take names of classes from the `Dataset` that it gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Int

from app.services.operator_log import tell_operator
from app.session.tiles import Tile, lay_out_tiles
from app.session.words import Words, class_name, language
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.data.dataset import samples as bundled
from cbam_core.data.samples import SHEET, sample_sheet
from cbam_core.errors import DataError
from cbam_core.viewer.payload import png

WORDS = Words(
    {
        "tile": "{name}, test image {index}",
        "caption": "CIFAR-10 test image {index}, as the network sees it",
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


def samples() -> Dataset:
    """The images that are bundled."""
    return bundled()


def sample_numbers() -> Int[np.ndarray, " n"]:
    """Places of the samples in the test set, counted from 0, (N,)."""
    return sample_sheet().indices


@cache
def sample_png() -> bytes:
    """The samples as one PNG, ten in a row, for the browser."""
    return SHEET.read_bytes()


def sample_tiles() -> tuple[Tile, ...]:
    """What each tile of `sample_png` is, in the session's language."""
    return _sample_tiles(language())


def about_sample(index: int) -> About:
    """What is said of a sample.

    Args:
        index: of the image among the samples.
    """
    return _about(samples(), index, int(sample_numbers()[index]))


def samples_of(name: str) -> np.ndarray:
    """The samples of a class, uint8 RGB (N, H, W, 3)."""
    here = samples()
    indices = np.flatnonzero(here.known_labels == here.classes.index(name))
    return np.stack([here.images[index] for index in indices.tolist()])


def open_test_set() -> Dataset:
    """The ten thousand test images.

    Raises:
        DataError: they were not fetched, or are damaged.
    """
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
    test = test_set()
    return png(lay_out_tiles([test.images[index] for index in indices], columns)) if test is not None else b""


def about_test_image(index: int) -> About:
    """What is said of an image of the test set.

    Raises:
        DataError: the test set is not there.
    """
    return _about(open_test_set(), index, index)


def _about(dataset: Dataset, index: int, number: int) -> About:
    truth = dataset.classes[int(dataset.known_labels[index])]
    return About(f"{dataset.name}-test-{number}", WORDS["caption"].format(index=number), truth)


@cache
def _sample_tiles(language: str) -> tuple[Tile, ...]:
    here = samples()
    names = [here.classes[label] for label in here.known_labels.tolist()]
    return tuple(
        Tile(index, WORDS["tile"].format(name=class_name(name), index=number), name)
        for index, (name, number) in enumerate(zip(names, sample_numbers().tolist(), strict=True))
    )
