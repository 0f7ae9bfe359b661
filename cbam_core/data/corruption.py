"""Images made worse on the fly: brighter, noisier or blurred, at five levels.

The idea of comparing a network on a set and on corruptions of it at five levels is that of D. Hendrycks and
T. Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations*, 2019, arXiv:1903.12261;
the three corruptions and their levels here are this library's own.

Nothing is stored: an image is corrupted when it is read, by a function of its pixels and its number in the set, so
every process that reads it has the same pixels. Where a network is shown the images, they are fitted to its input
first, so that a level is as strong for photos of any size as for images of 32 x 32 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeGuard, get_args

import numpy as np
from jaxtyping import UInt8

from cbam_core.data.dataset import Dataset
from cbam_core.data.sequences import FittedImages, ImageSequence, Pixels, fitted_image
from cbam_core.errors import DataError

CorruptionKind = Literal["brightness", "noise", "blur"]

KINDS: tuple[CorruptionKind, ...] = get_args(CorruptionKind)
"""Kinds of corruption."""

LEVELS = (1, 2, 3, 4, 5)
"""Levels, from hardly visible to severe."""

BRIGHTER = 25
"""What is added to every colour of every pixel, of 255, per level; sums above 255 are 255."""

NOISE = 0.02
"""Standard deviation of the Gaussian noise of each pixel and colour, as a share of their range, per level."""

BLUR = 0.01
"""Standard deviation of the blur as a share of the image's shorter side, per level: 0.32 pixels of 32."""

SEED = 20_260
"""First number of the seed of noise; the second is the image's."""


@dataclass(frozen=True)
class Corruption:
    """One way of making images worse; as text it is ``"blur:3"``.

    Attributes:
        kind: ``"brightness"``, ``"noise"`` or ``"blur"``.
        level: 1 to 5.

    Raises:
        DataError: there is no such kind or level.
    """

    kind: CorruptionKind
    level: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.level not in LEVELS:
            raise _unknown(f"{self.kind}:{self.level}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.level}"

    def of(self, pixels: UInt8[np.ndarray, "h w 3"], number: int) -> UInt8[np.ndarray, "h w 3"]:
        """Return corrupted pixels.

        Args:
            pixels: uint8 RGB (H, W, 3); not changed.
            number: number of the image in its set, which seeds the noise: the same at every level.
        """
        if self.kind == "brightness":
            return _brighter(pixels, BRIGHTER * self.level)
        if self.kind == "noise":
            return _noisy(pixels, NOISE * self.level, number)
        return _blurred(pixels, BLUR * self.level * min(pixels.shape[:2]))


def read_corruption(text: str) -> Corruption:
    """Read a corruption such as ``"blur:3"``.

    Raises:
        DataError: there is no such kind or level.
    """
    kind, _, level = text.partition(":")
    if not _is_kind(kind) or level not in map(str, LEVELS):
        raise _unknown(text)
    return Corruption(kind, int(level))


class CorruptedImages(FittedImages):
    """Images that are corrupted when they are read.

    Args:
        clean: the images; arrays, lists or files.
        corruption: what is done to each.
    """

    def __init__(self, clean: ImageSequence, corruption: Corruption) -> None:
        self.clean = clean
        self.corruption = corruption

    @property
    def originals(self) -> ImageSequence:
        """The clean images, which have the names."""
        return self.clean

    def __len__(self) -> int:
        return len(self.clean)

    def one(self, index: int) -> Pixels:
        """Read one image, and corrupt it."""
        return self.corruption.of(self.clean[index], index)

    def fitted(self, index: int, size: tuple[int, int], share: float = 1.0) -> Pixels:
        """Return the centre of one image at a network's input size, corrupted there."""
        return self.corruption.of(fitted_image(self.clean, index, size, share), range(len(self))[index])


def corrupted(dataset: Dataset, kind: CorruptionKind, level: int) -> Dataset:
    """Return a data set whose images are corrupted when they are read; names, classes and labels stay.

    Args:
        dataset: images with or without labels; not changed.
        kind: ``"brightness"``, ``"noise"`` or ``"blur"``.
        level: 1 to 5.

    Raises:
        DataError: there is no such kind or level, or the images are corrupted already.
    """
    corruption = Corruption(kind, level)
    if (before := corruption_of(dataset)) is not None:
        raise DataError(
            "data.corrupted-twice",
            "the images of {name} are corrupted already ({corruption}); corrupt the clean set instead",
            name=dataset.title,
            corruption=str(before),
        )
    return replace(dataset, images=CorruptedImages(dataset.images, corruption))


def corruption_of(dataset: Dataset) -> Corruption | None:
    """Return how the images of a set are corrupted; None for clean ones."""
    return dataset.images.corruption if isinstance(dataset.images, CorruptedImages) else None


def _is_kind(text: str) -> TypeGuard[CorruptionKind]:
    return text in KINDS


def _unknown(text: str) -> DataError:
    return DataError(
        "data.unknown-corruption",
        "unknown corruption '{given}'; expected one of {kinds} and a level from 1 to 5, as in blur:3",
        given=text[:40],
        kinds=", ".join(KINDS),
    )


def _brighter(pixels: UInt8[np.ndarray, "h w 3"], added: int) -> UInt8[np.ndarray, "h w 3"]:
    brighter: UInt8[np.ndarray, "h w 3"] = np.minimum(pixels, np.uint8(255 - added)) + np.uint8(added)
    return brighter


def _noisy(pixels: UInt8[np.ndarray, "h w 3"], share: float, number: int) -> UInt8[np.ndarray, "h w 3"]:
    noise = np.random.default_rng((SEED, number)).standard_normal(pixels.shape, np.float32)
    noise *= np.float32(share * 255)
    noise += pixels
    np.rint(noise, out=noise)
    return noise.clip(0, 255).astype(np.uint8)


def _blurred(pixels: UInt8[np.ndarray, "h w 3"], deviation: float) -> UInt8[np.ndarray, "h w 3"]:
    from PIL import Image, ImageFilter

    # Pillow's is three box blurs in whole numbers: the same bits on every machine.
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(deviation)))
