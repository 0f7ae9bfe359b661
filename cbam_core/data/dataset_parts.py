"""Does what a data set is made of fit together? Images, labels and names are checked before any forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cbam_core.errors import DataError


def check_images(images: Any) -> None:
    """Check that images in memory are uint8 RGB; files and other sequences are checked when they are read.

    Args:
        images: an array (N, H, W, 3), or a sequence of arrays (H, W, 3).

    Raises:
        DataError: they are something else.
    """
    if isinstance(images, list | tuple):
        wrong = next((number for number, image in enumerate(images) if not _is_image(image, 3)), None)
        if wrong is not None:
            raise DataError(
                "data.image-kind",
                "image {number} of the data set is {given}; each image has to be a NumPy array of uint8 in the shape "
                "(height, width, 3), and floats from 0 to 1 become that by (255 * image).round().astype('uint8')",
                number=wrong,
                given=_kind(images[wrong]),
            )
    elif not hasattr(images, "__len__") or not hasattr(images, "__getitem__") or isinstance(images, str | Mapping):
        raise DataError(
            "data.images-kind",
            "the images of the data set are {given}; they have to be an array, a list, or another sequence of uint8 "
            "RGB images",
            given=_kind(images),
        )
    elif (isinstance(images, np.ndarray) or hasattr(images, "dtype")) and not _is_image(images, 4):
        raise DataError(
            "data.images-kind",
            "the images of the data set are {given}; they have to be a NumPy array of uint8 in the shape (images, "
            "height, width, 3), and floats from 0 to 1 become that by (255 * images).round().astype('uint8')",
            given=_kind(images),
        )


def check_labels(labels: Any, count: int, classes: Sequence[str]) -> None:
    """Check that there is a label for each image, and a class for each label.

    Args:
        labels: an array of whole numbers; None where there are no labels.
        count: number of images.
        classes: names of the classes.

    Raises:
        DataError: there is not.
    """
    if labels is None:
        return
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            "data.labels-kind",
            "the labels of the data set are {given}; they have to be a NumPy array of whole numbers, one for each "
            "image",
            given=_kind(labels),
        )
    if len(labels) != count:
        raise DataError(
            "data.labels-count",
            "the data set has {images} images and {labels} labels; give one label for each image",
            images=count,
            labels=len(labels),
        )
    outside = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(outside):
        raise DataError(
            "data.labels-range",
            "image {number} has the label {given}, and the data set has {classes} classes, whose numbers begin with 0; "
            "give each image the number of its class",
            number=int(outside[0]),
            given=int(labels[outside[0]]),
            classes=len(classes),
        )


def check_ids(ids: Any, count: int) -> None:
    """Check that there is a name for each image, which no other one has.

    Args:
        ids: names of the images; None where they are made.
        count: number of images.

    Raises:
        DataError: there is not.
    """
    if ids is None:
        return
    if len(ids) != count:
        raise DataError(
            "data.ids-count",
            "the data set has {images} images and {ids} names of images (ids); give one for each image",
            images=count,
            ids=len(ids),
        )
    wrong = next((name for name in ids if not isinstance(name, str)), None)
    if wrong is not None:
        raise DataError(
            "data.ids-kind", "{given} is not a name of an image; ids have to be text", given=repr(wrong)[:60]
        )
    check_names_differ(ids)


def check_names_differ(names: Iterable[str]) -> None:
    """Check that no two images have one name.

    Raises:
        DataError: two have.
    """
    names = list(names)
    if len(set(names)) == len(names):
        return
    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        if (other := numbers.setdefault(name, number)) != number:
            raise DataError(
                "data.double-id",
                "images {first} and {second} of the data set are both called {name}; give each image a name of its "
                "own, or list it once",
                first=other,
                second=number,
                name=repr(name)[:80],
            )


def _is_image(image: Any, axes: int) -> bool:
    """Check that something is RGB with so many axes, the last one of colours."""
    known = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == axes
    return known and image.shape[-1] == 3 and 0 not in image.shape[-3:]


def _kind(given: Any) -> str:
    """Say what something is: its kind of numbers and shape, or its type."""
    if isinstance(given, np.ndarray) or (hasattr(given, "dtype") and hasattr(given, "shape")):
        kind = "" if isinstance(given, np.ndarray) else f"{type(given).__name__} of "
        return f"{kind}{str(given.dtype).removeprefix('torch.')} in the shape {tuple(given.shape)}"
    return type(given).__name__
