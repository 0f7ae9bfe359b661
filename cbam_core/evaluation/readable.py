"""Work over a data set that leaves out the images that cannot be decoded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cbam_core.data.dataset import Dataset, image_ids, images_by_number
from cbam_core.data.sequences import ImageSequence, Pixels
from cbam_core.errors import DataError, ImageError
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, batches, fitted
from cbam_core.results.left_out import LeftOut
from cbam_core.workers import in_order

Done = TypeVar("Done")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class ReadImages:
    """Some images of a set, at a network's input size.

    Attributes:
        pixels: those that could be decoded, uint8 RGB (H, W, 3).
        numbers: their numbers in the set.
        errors: by the numbers of the others, why they cannot be decoded.
    """

    pixels: list[Pixels]
    numbers: list[int]
    errors: dict[int, ImageError]


def read_images(classifier: Classifier, images: ImageSequence, part: slice) -> ReadImages:
    """Fit some images to a network's input, without those that cannot be decoded.

    Args:
        classifier: the network.
        images: the set.
        part: which of them.
    """
    numbers = list(range(*part.indices(len(images))))
    try:
        return ReadImages(list(fitted(classifier, images, part)), numbers, {})
    except ImageError:
        pass
    read = ReadImages([], [], {})
    for number in numbers:
        try:
            read.pixels.extend(fitted(classifier, images, slice(number, number + 1)))
            read.numbers.append(number)
        except ImageError as error:
            read.errors[number] = error
    return read


def over_readable(
    classifier: Classifier,
    dataset: Dataset,
    work: Callable[[Dataset], Generator[Done, None, Result]],
    nothing: Done,
    workers: int = 1,
) -> Generator[Done, None, Result]:
    """Do work over a data set; where an image cannot be decoded, once more over all that can.

    A set that is whole is read once, by the work. The images that are left out are `Dataset.left_out`, and the log
    says why.

    Args:
        classifier: the network whose input the images are fitted to.
        dataset: the images; arrays, lists or files.
        work: does its steps over a data set.
        nothing: what it yields where nothing is done yet.
        workers: number of threads that decode images.

    Yields:
        What the work yields; `nothing` while every image is tried.

    Raises:
        DataError: no image can be decoded.
        ImageError: an image can no longer be decoded.
    """
    try:
        return (yield from work(dataset))
    except ImageError as error:
        first = error
    left_out: list[LeftOut] = []

    def failed(part: slice) -> dict[int, ImageError]:
        return read_images(classifier, dataset.images, part).errors

    names = list(image_ids(dataset))
    for refused in in_order(failed, batches(len(dataset), batch_size(classifier)), workers):
        for number, reason in refused.items():
            logging.getLogger("cbam_lens").warning("left out: %s", reason)
            left_out.append(LeftOut(number, names[number]))
        yield nothing
    if len(left_out) == len(dataset):
        raise _none(dataset) from first
    return (yield from work(without(dataset, left_out)))


def readable(classifier: Classifier, dataset: Dataset) -> Dataset:
    """Return the images of a data set that can be decoded; the others are its `Dataset.left_out`, and the log says why.

    Args:
        classifier: the network whose input the images are fitted to.
        dataset: the images, few enough to be in memory at once.

    Raises:
        DataError: no image can be decoded.
    """
    errors = read_images(classifier, dataset.images, slice(0, len(dataset))).errors
    if not errors:
        return dataset
    if len(errors) == len(dataset):
        raise _none(dataset) from errors[0]
    names = list(image_ids(dataset))
    for reason in errors.values():
        logging.getLogger("cbam_lens").warning("left out: %s", reason)
    return without(dataset, [LeftOut(number, names[number]) for number in errors])


def without(dataset: Dataset, left_out: list[LeftOut]) -> Dataset:
    """Return the images of a data set but some, which `Dataset.left_out` names."""
    kept = np.setdiff1d(np.arange(len(dataset)), np.array([image.number for image in left_out], np.int64))
    return images_by_number(dataset, kept.tolist(), left_out=tuple(left_out))


def _none(dataset: Dataset) -> DataError:
    return DataError(
        "data.none-readable",
        "the {count} images cannot be read, so there is nothing to show the network; the log says why",
        count=len(dataset),
    )
