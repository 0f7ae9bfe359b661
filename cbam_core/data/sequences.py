"""Sequences of images: arrays and lists in memory, and files that are decoded when they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path, PurePath
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from cbam_core.data.fitting import decode_to_fit, fit_image
from cbam_core.data.images import decode
from cbam_core.errors import ImageError

Pixels = UInt8[np.ndarray, "h w 3"]


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


def originals_of(images: ImageSequence) -> ImageSequence:
    """Return the images that others are made of; themselves where they are nothing else."""
    return images.originals if isinstance(images, FittedImages) else images


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

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Ends of their paths that tell them apart: ``"17.jpg"``, or ``"cat/17.jpg"`` beside a ``"dog/17.jpg"``."""
        return shortest_names([path if self.root is None else path.relative_to(self.root) for path in self.paths])

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


def shortest_names(paths: Sequence[PurePath]) -> tuple[str, ...]:
    """Name each file by as many parts at the end of its path as tell it from the others.

    Args:
        paths: of the files, each another one.
    """
    names = [path.name for path in paths]
    ambiguous = list(range(len(paths)))
    for parts in range(2, 1 + max((len(path.parts) for path in paths), default=0)):
        count = Counter(names[number] for number in ambiguous)
        ambiguous = [number for number in ambiguous if count[names[number]] > 1]
        for number in ambiguous:
            names[number] = PurePath(*paths[number].parts[-parts:]).as_posix()
    return tuple(names)


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
