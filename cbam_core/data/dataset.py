"""Data sets of images, with or without labels: CIFAR-10, the bundled samples, or a folder of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt

from cbam_core.arguments import PATH, WHOLE, instance_of, takes
from cbam_core.data import cifar10
from cbam_core.data.dataset_parts import check_ids, check_images, check_labels
from cbam_core.data.folder import Unlisted, all_images
from cbam_core.data.image_folder import has_classes, list_image_folder
from cbam_core.data.samples import sample_sheet
from cbam_core.data.sequences import (
    FittedImages,
    ImageFiles,
    ImagesByNumber,
    ImageSequence,
    Pixels,
    centre_at,
    fitted_image,
    originals_of,
)
from cbam_core.errors import DataError
from cbam_core.results.brief import Brief
from cbam_core.results.left_out import LeftOut

__all__ = [
    "DATASET",
    "SETS",
    "Dataset",
    "FittedImages",
    "ImageFiles",
    "ImageSequence",
    "ImagesByNumber",
    "Labels",
    "Pixels",
    "centre_at",
    "fitted_image",
    "image_ids",
    "images_beside_classes",
    "images_by_number",
    "labelled_for",
    "open_dataset",
    "originals_of",
    "samples",
    "thinned",
]

SETS = ("cifar10:train", "cifar10:test", "samples")
"""Names of the sets that are not folders."""

Labels = UInt[np.ndarray, " n"] | Int[np.ndarray, " n"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Brief):
    """A data set of images, or one split of it.

    Attributes:
        name: name of the data set, such as ``"cifar10"``.
        split: name of the split, such as ``"test"``; "" where there are no splits.
        classes: names of the K classes, in the order of their labels; empty without labels.
        images: N uint8 RGB images (H, W, 3); those of a folder are decoded when they are read.
        labels: indices into `classes`, (N,); None where the images have no labels.
        ids: names of the images, for those that are a part of another set; None to make them, see `image_ids`.
        left_out: images of that other set that are not among these, because they cannot be decoded.
        unlisted: files of the folder of images that are not among them, for their names, or because they are not there.

    Raises:
        DataError: images in memory are not uint8 RGB, or labels and ids do not fit them.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    images: ImageSequence
    labels: Labels | None
    ids: tuple[str, ...] | None = None
    left_out: tuple[LeftOut, ...] = ()
    unlisted: Unlisted = field(default_factory=Unlisted)

    def __post_init__(self) -> None:
        check_images(self.images)
        check_labels(self.labels, len(self.images), self.classes)
        check_ids(self.ids, len(self.images))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def title(self) -> str:
        """Name of the set and its split, such as ``"cifar10:test"``."""
        return ":".join(filter(None, (self.name, self.split)))

    @property
    def known_labels(self) -> Labels:
        """Labels of the images.

        Raises:
            DataError: there are none.
        """
        if self.labels is None:
            raise DataError(
                "data.no-labels",
                "the images of {name} have no labels; sort them into one subfolder for each class",
                name=self.name,
            )
        return self.labels


DATASET = instance_of("a set of images, as open_dataset returns it", Dataset)
"""Kind of argument."""


def labelled_for(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Number the labels of a data set as a network does that knows all of its classes, and maybe more.

    Args:
        dataset: labelled images.
        classes: names of the network's classes, in the order of its outputs.

    Returns:
        The same images; the data set itself where the network does not know all of its classes.
    """
    if dataset.labels is None or dataset.classes == classes or not set(dataset.classes) <= set(classes):
        return dataset
    numbers = np.array([classes.index(name) for name in dataset.classes], np.int64)
    return replace(dataset, classes=classes, labels=numbers[dataset.labels])


@takes(DataError, dataset=DATASET, count=WHOLE)
def thinned(dataset: Dataset, count: int) -> Dataset:
    """Return so many images of a data set, spread evenly over it, under their own names.

    Args:
        dataset: the images.
        count: number of images, at least 1; the data set itself is returned where it has no more.
    """
    if count >= len(dataset):
        return dataset
    chosen = np.arange(count) * len(dataset) // count
    images = dataset.images
    if isinstance(images, ImageFiles):
        fewer: ImageSequence = ImageFiles([images.paths[number] for number in chosen], images.root)
    else:
        fewer = images[chosen] if isinstance(images, np.ndarray) else [images[int(number)] for number in chosen]
    names = list(image_ids(dataset))
    labels = None if dataset.labels is None else dataset.labels[chosen]
    return replace(dataset, images=fewer, labels=labels, ids=tuple(names[number] for number in chosen))


def images_by_number(dataset: Dataset, numbers: Sequence[int], left_out: tuple[LeftOut, ...] = ()) -> Dataset:
    """Return some images of a data set under their own names, read as they are there.

    Args:
        dataset: the images.
        numbers: which of them.
        left_out: see `Dataset`.
    """
    names = list(image_ids(dataset))
    return replace(
        dataset,
        images=ImagesByNumber(dataset.images, numbers),
        labels=None if dataset.labels is None else dataset.labels[list(numbers)],
        ids=tuple(names[number] for number in numbers),
        left_out=left_out,
    )


def image_ids(dataset: Dataset, part: slice = slice(None)) -> Iterator[str]:
    """Yield a name for each image, which tells it from the others of its set, and pairs it with itself elsewhere.

    It is the file's path in its folder, such as ``"cat/17.jpg"``; else title and number, such as ``"cifar10:test/17"``.

    Args:
        dataset: the images.
        part: which of them.
    """
    images = originals_of(dataset.images)
    if dataset.ids is not None:
        yield from dataset.ids[part]
    elif isinstance(images, ImageFiles):
        root = images.root
        paths = images.paths[part]
        yield from (path.as_posix() if root is None else path.relative_to(root).as_posix() for path in paths)
    else:
        title = dataset.title
        yield from (f"{title}/{number}" for number in range(len(dataset))[part])


@takes(DataError, source=PATH)
def open_dataset(source: str | Path, folder: Path | None = None) -> Dataset:
    """Open a data set without reading its images.

    Args:
        source: ``"cifar10:train"``, ``"cifar10:test"``, ``"samples"``, or the path of a folder: either with one
            subfolder for each class, whose images get labels, or with images, which have none.
        folder: where CIFAR-10 is; see `cbam_core.data.cifar10.data_folder`.

    Raises:
        DataError: the data set is missing, unreadable or empty; or a folder with classes was given and torchvision is
            not installed.
    """
    if source == "cifar10:train":
        return _cifar10("train", folder)
    if source == "cifar10:test":
        return _cifar10("test", folder)
    if source == "samples":
        return samples()
    return _folder(Path(source))


def samples() -> Dataset:
    """Return the bundled images: ten of each class of CIFAR-10."""
    sheet = sample_sheet()
    return Dataset("cifar10", "samples", cifar10.CLASSES, sheet.images, sheet.labels)


def _cifar10(split: cifar10.Split, folder: Path | None) -> Dataset:
    opened = cifar10.open_split(split, folder)
    return Dataset("cifar10", split, cifar10.CLASSES, opened.images, opened.labels)


def _folder(path: Path) -> Dataset:
    try:
        found = list_image_folder(path)
    except FileNotFoundError as error:
        raise DataError(
            "data.unreadable-folder",
            "there is no folder of images {folder}, and no set of this name; name a folder, or one of the sets {sets}",
            folder=str(path),
            sets=", ".join(SETS),
        ) from error
    except NotADirectoryError as error:
        raise DataError(
            "data.unreadable-folder",
            "{folder} is a file; name the folder of images that it is in, or one of the sets {sets}",
            folder=str(path),
            sets=", ".join(SETS),
        ) from error
    images = ImageFiles(found.paths, path)
    return Dataset(found.name, "", found.classes, images, found.labels, unlisted=found.unlisted)


def images_beside_classes(source: str | Path) -> list[Path]:
    """List the images of a folder that are not in one of its class folders, and so are not in the data set.

    Args:
        source: what was opened as a data set.

    Returns:
        Paths of the images; empty for a folder without class folders, and for a set that has a name.
    """
    path = Path(source)
    if source in SETS or not path.is_dir() or not has_classes(path):
        return []
    return [picture.path for picture in all_images(path)]
