"""How an image was fitted to a network's input: the kind of fit, and the part of the original that is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Fit = Literal["crop", "square", "pad", "squash"]
"""How an image is fitted to a network's input; see `cbam_core.data.fitting.fit_image`."""

FITS: tuple[Fit, ...] = get_args(Fit)
"""All fits."""

Box = tuple[float, float, float, float]
Number = float | int
Square = tuple[Number, Number, Number]
"""(left, top, side) of a square part of an image, in pixels of the image."""


@dataclass(frozen=True)
class Frame:
    """The part of the original image that became the network's input.

    Coordinates are continuous, (x, y), in pixels. 0 is the left or top edge of the image: the first pixel covers 0 to
    1.

    Attributes:
        original_size: (width, height) of the original, after correction of its orientation.
        input_size: (width, height) of the network's input.
        box: (left, top, right, bottom) in the original that fills the input; it extends beyond the original if the
            image was padded.
    """

    original_size: tuple[int, int]
    input_size: tuple[int, int]
    box: tuple[float, float, float, float]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the input for each pixel of the original, (x, y)."""
        left, top, right, bottom = self.box
        return self.input_size[0] / (right - left), self.input_size[1] / (bottom - top)

    def to_original(self, x: Number, y: Number) -> tuple[float, float]:
        """Convert a point of the input to a point of the original."""
        left, top, right, bottom = self.box
        width, height = self.input_size
        return left + x * (right - left) / width, top + y * (bottom - top) / height
