"""How an image was fitted to a network's input: the kind of fit, and the part of the original that is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from cbam_core.arguments import NUMBER, list_of
from cbam_core.errors import ImageError

Fit = Literal["crop", "square", "pad", "squash"]
"""How an image is fitted to a network's input; see `cbam_core.data.fitting.fit_image`."""

FITS: tuple[Fit, ...] = get_args(Fit)
"""All fits."""

Box = tuple[float, float, float, float]
Number = float | int
Square = tuple[Number, Number, Number]
"""(left, top, side) of a square part of an image, in pixels of the image."""

SQUARE = list_of("left, top and side of a square in pixels, three numbers", NUMBER, 3)
"""Kind of argument."""


SCALES = (1, 2, 4, 8)
"""Scales at which a JPEG can be decoded: pixels of the original along each side of a decoded pixel."""


@dataclass(frozen=True)
class Grid:
    """Positions of a decoded image's pixels on the original.

    Attributes:
        size: (width, height) of the original, upright.
        scale: pixels of the original along each side of a decoded pixel, one of `SCALES`.
        start: (left, top) edge of the first decoded pixel on the original; below 0 where it begins outside.
    """

    size: tuple[int, int]
    scale: int = 1
    start: tuple[int, int] = (0, 0)

    def decoded(self, box: Box) -> Box:
        """Convert a box on the original to one on the decoded pixels."""
        (x, y), scale = self.start, self.scale
        left, top, right, bottom = box
        return (left - x) / scale, (top - y) / scale, (right - x) / scale, (bottom - y) / scale

    @property
    def whole(self) -> Box:
        """The original, as a box on the decoded pixels."""
        return self.decoded((0.0, 0.0, float(self.size[0]), float(self.size[1])))


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

    def factors(self, picture: tuple[int, int]) -> tuple[float, float]:
        """Return the pixels of a decoded picture for each pixel of the original, (across, down).

        Args:
            picture: (width, height) of the picture: those of the original, or as a large JPEG was decoded at a half,
                a quarter or an eighth of it.

        Raises:
            ImageError: the picture is not of that original.
        """
        width, height = self.original_size
        if picture not in [(-(-width // scale), -(-height // scale)) for scale in SCALES]:
            raise ImageError(
                "save.other-original",
                "the image given as the original has {given} pixels, but the one that was explained had "
                "{expected}; give the same image, upright, before it was fitted",
                given=f"{picture[0]}×{picture[1]}",
                expected=f"{width}×{height}",
            )
        return picture[0] / width, picture[1] / height

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
