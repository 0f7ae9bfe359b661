"""Data sets of images, with or without labels: CIFAR-10, the bundled samples, or a folder of images.

A folder with one subfolder for each class is listed by torchvision, so that classes and labels are the same as in other
programs; its images are decoded by `cbam_core.data.images` when they are read.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt, UInt8

from cbam_core.data import cifar10
from cbam_core.data.dataset_parts import check_ids, check_images, check_labels
from cbam_core.data.fitting import decode_to_fit, fit_image
from cbam_core.data.folder import Unlisted, all_images
from cbam_core.data.images import decode
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import DataError, ImageError
from cbam_core.results.left_out import LeftOut

SETS = ("cifar10:train", "cifar10:test", "samples")
"""Names of the sets that are not folders."""

Pixels = UInt8[np.ndarray, "h w 3"]
Labels = UInt[np.ndarray, " n"] | Int[np.ndarray, " n"]


@runtime_checkable
class ImageSequence(Protocol):
    """Sequence of uint8 RGB images (H, W, 3): an array (N, H, W, 3), a list, or files that are decoded when read."""

    def __len__(self) -> int:
        """Number of images."""

    @overload
    def __getitem__(self, index: int, /) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice, /) -> Sequence[Pixels] | UInt8[np.ndarray, "n h w 3"]: ...


class FittedImages(Sequence[Pixels]):
    """Images that know how to read one of them at a network's input size: files are decoded smaller for it."""

    @property
    def originals(self) -> ImageSequence:
        """The images that these are made of, which have their names and sizes."""
        return self

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: int | slice) -> Pixels | list[Pixels]:
        """Pixels of one image in its own size, uint8 RGB (H, W, 3), or of several."""
        numbers = range(len(self))[index]
        return [self.one(number) for number in numbers] if isinstance(numbers, range) else self.one(numbers)

    @abstractmethod
    def one(self, index: int) -> Pixels:
        """Return the pixels of one image in its own size.

        Args:
            index: number of the image, from 0.

        Raises:
            ImageError: the image cannot be read.
        """

    @abstractmethod
    def fitted(self, index: int, size: tuple[int, int], share: float = 1.0) -> Pixels:
        """Return the centre of one image at a network's input size.

        Args:
            index: number of the image.
            size: (width, height) of the input in pixels.
            share: see `cbam_core.data.fitting.fit_image`.

        Raises:
            ImageError: the image cannot be read.
        """


def fitted_image(images: ImageSequence, index: int, size: tuple[int, int], share: float = 1.0) -> Pixels:
    """Return the centre of one image at a network's input size; one that has the size is returned unchanged.

    Args:
        images: uint8 RGB images.
        index: number of the image.
        size: (width, height) of the input in pixels.
        share: see `cbam_core.data.fitting.fit_image`.

    Raises:
        ImageError: the image cannot be read.
    """
    if isinstance(images, FittedImages):
        return images.fitted(index, size, share)
    return centre_at(images[index], size, share)


def centre_at(
    image: UInt8[np.ndarray, "_ _ 3"], size: tuple[int, int], share: float = 1.0
) -> UInt8[np.ndarray, "input_h input_w 3"]:
    """Return the centre of an image at a network's input size; see `fitted_image`."""
    as_it_is = share == 1 and image.shape[:2] == size[::-1]
    return image if as_it_is else fit_image(image, size, "crop", share=share)[0]


@dataclass(frozen=True, eq=False)
class Dataset:
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
                "the images of {name} have no labels; sort them into one sub folder for each class",
                name=self.name,
            )
        return self.labels


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


def originals_of(images: ImageSequence) -> ImageSequence:
    """Return the images that others are made of; themselves where they are nothing else."""
    return images.originals if isinstance(images, FittedImages) else images


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


class ImageFiles(FittedImages):
    """Images in files, each decoded whenever it is read.

    Reading one raises `ImageError`, which names its file, if that cannot be decoded.

    Args:
        paths: paths of the files.
        root: folder that their names in `image_ids` are relative to; None for whole paths.
    """

    def __init__(self, paths: Sequence[Path], root: Path | None = None) -> None:
        self.paths = tuple(paths)
        self.root = root

    def __len__(self) -> int:
        return len(self.paths)

    def one(self, index: int) -> Pixels:
        """Decode one file."""
        return _read(self.paths[index], _pixels)

    def fitted(self, index: int, size: tuple[int, int], share: float = 1.0) -> Pixels:
        """Return the centre of one image at a network's input size, decoded in as much detail as that needs."""
        return _read(self.paths[index], partial(_fitted, size=size, share=share))


class ImagesByNumber(FittedImages):
    """Some of other images, read when they are asked for.

    Args:
        images: the others.
        numbers: which of them.
    """

    def __init__(self, images: ImageSequence, numbers: Sequence[int]) -> None:
        self._images, self._numbers = images, tuple(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def one(self, index: int) -> Pixels:
        """Read one of the others."""
        return self._images[self._numbers[index]]

    def fitted(self, index: int, size: tuple[int, int], share: float = 1.0) -> Pixels:
        """Return the centre of one image at a network's input size."""
        return fitted_image(self._images, self._numbers[index], size, share)


def _pixels(path: Path) -> Pixels:
    return decode(path).pixels


def _fitted(path: Path, size: tuple[int, int], share: float) -> Pixels:
    image = decode_to_fit(path, size, share=share)
    return fit_image(image.pixels, size, grid=image.grid, share=share)[0]


def _read(path: Path, way: Callable[[Path], Pixels]) -> Pixels:
    try:
        return way(path)
    except ImageError as error:
        if str(path) in str(error):
            raise
        raise ImageError("data.unreadable-image", "{path}: {reason}", path=str(path), reason=str(error)) from error


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
        with os.scandir(path) as entries:
            has_classes = any(map(_is_folder, entries))
        opened = _class_folders(path) if has_classes else _flat_folder(path)
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
    except (OSError, ValueError) as error:
        raise DataError(
            "data.unreadable-folder",
            "the folder of images {folder} cannot be read ({reason}); check its name and permissions",
            folder=str(path),
            reason=getattr(error, "strerror", None) or type(error).__name__,
        ) from error
    if not len(opened):
        raise DataError(
            "data.empty-folder",
            "there are no images in {folder}; put some there, or one sub folder of images for each class",
            folder=str(path),
        )
    return opened


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and not entry.name.startswith(".")
    except OSError:  # a link that leads to itself
        return False


def images_beside_classes(source: str | Path) -> list[Path]:
    """List the images of a folder that are not in one of its class folders, and so are not in the data set.

    Args:
        source: what was opened as a data set.

    Returns:
        Paths of the images; empty for a folder without class folders, and for a set that has a name.
    """
    path = Path(source)
    if source in SETS or not path.is_dir():
        return []
    with os.scandir(path) as entries:
        has_classes = any(map(_is_folder, entries))
    return [picture.path for picture in all_images(path)] if has_classes else []


def _class_folders(path: Path) -> Dataset:
    try:
        from torchvision.datasets import ImageFolder
    except ImportError as error:
        raise DataError(
            "data.no-torchvision",
            "reading a folder of classes needs torchvision; install it by `{command}`",
            command="pip install 'cbam-lens[train]'",
        ) from error

    class ClassFolders(ImageFolder):  # type: ignore[misc]
        """Folders of classes, without links that lead to themselves."""

        def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
            with os.scandir(directory) as entries:
                names = sorted(entry.name for entry in entries if _is_folder(entry))
            return names, {name: number for number, name in enumerate(names)}

    unlisted = Unlisted()
    found = ClassFolders(path, is_valid_file=lambda file: unlisted.lists(Path(file), path), allow_empty=True)
    files = ImageFiles([Path(file) for file, _ in found.samples], path)
    labels = np.array(found.targets, np.int64)
    return Dataset(path.resolve().name, "", tuple(found.classes), files, labels, unlisted=unlisted)


def _flat_folder(path: Path) -> Dataset:
    unlisted = Unlisted()
    files = ImageFiles([picture.path for picture in all_images(path, unlisted)], path)
    return Dataset(path.resolve().name, "", (), files, None, unlisted=unlisted)
