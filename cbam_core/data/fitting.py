"""Fitting an image to a network's input, and the way back from the input to the original."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The part of the original image that became the network's input.

    Coordinates are continuous, (x, y), in pixels, 0 at the image's left or top edge: the first pixel covers 0 to 1.

    Attributes:
        original_size: (width, height) of the original, after its orientation was applied.
        input_size: (width, height) of the network's input.
        box: (left, top, right, bottom) in the original that fills the input; it may reach beyond the original
            where the image was padded.
    """

    original_size: tuple[int, int]
    input_size: tuple[int, int]
    box: tuple[float, float, float, float]

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point of the input, as a point of the original."""
        left, top, right, bottom = self.box
        width, height = self.input_size
        return left + x * (right - left) / width, top + y * (bottom - top) / height

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """A point of the original, as a point of the input."""
        left, top, right, bottom = self.box
        width, height = self.input_size
        return (x - left) * width / (right - left), (y - top) * height / (bottom - top)
