"""Does a mask follow the content of an image that is moved, or stay with the frame? Correlations and verdicts.

An image is moved by some pixels in four directions. Over the cells that both masks have, the mask of the moved image is
compared with the mask that was moved along (it follows), and with the mask where it was (it stays).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8

from cbam_core.errors import Message
from cbam_core.results.placement import Placement
from cbam_core.results.resampled import Mean, optional

DIRECTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
)
"""Directions in which an image is moved: signs of the rows and columns."""

Fill = Literal["mean", "reflect", "edge"]
"""What comes into the image where content moved away: the network's mean colour, the image mirrored, its border."""

MARGIN = 0.1
"""Difference of two correlations, fixed beforehand, from which one of them is called the larger."""

AGREES = 0.5
"""Smallest correlation at which two masks are said to agree."""

Verdict = Literal["follows", "stays", "flat", "unsure"]
"""What a mask does when its image is moved; see `ShiftRow.verdict`."""

VERDICT_WORDS: Mapping[str, str] = MappingProxyType(
    {"follows": "follows", "stays": "stays", "flat": "flat", "unsure": "cannot tell"}
)

SHIFT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "follows": "{gate} follows the content: the mask of the moved image agrees with the mask moved along "
        "(r = {followed:.2f}), more than with the mask where it was ({stayed:.2f}).",
        "stays": "{gate} stays where it was, so it is made by padding and position: the mask of the moved image agrees "
        "with the mask of the unmoved one (r = {stayed:.2f}), more than with the mask moved along ({followed:.2f}).",
        "flat": "{gate} is flat: its values differ by less than 10 % of their mean, so it has no place.",
        "unsure": "{gate}: cannot tell; moved along r = {followed:.2f}, where it was r = {stayed:.2f}.",
        "few": "{gate}: cannot tell; too few of its cells are left when the image is moved.",
    }
)

WEAKNESS = Message(
    "shift.weakness",
    "What comes into the image at its border is new to the network, and a smooth mask agrees with itself after a small "
    "move: only the difference of the two correlations counts.",
)


@dataclass(frozen=True, eq=False)
class Moved:
    """One image moved in one direction, and a mask of it.

    Attributes:
        direction: ``"up"``, ``"down"``, ``"left"`` or ``"right"``.
        image: moved image, uint8 RGB.
        mask: mask of the moved image.
        followed: correlation of this mask with the mask moved along; None where one of them is constant.
        stayed: correlation of this mask with the mask where it was.
    """

    direction: str
    image: UInt8[np.ndarray, "h w 3"]
    mask: Float32[np.ndarray, "rows columns"]
    followed: float | None
    stayed: float | None


@dataclass(frozen=True, eq=False)
class ShiftRow:
    """What one mask does when images are moved.

    Attributes:
        gate: name of the gate.
        pixels: how far the images were moved; a multiple of the distance of the mask's cells where there is one.
        cells: the same in cells of the mask, (rows, columns).
        placement: positions of the mask's cells; those of unknown place are taken to share out the image.
        followed: correlation of the mask of the moved image with the mask moved along.
        stayed: correlation of the mask of the moved image with the mask where it was.
        difference: the first minus the second.
        flat: share of the images for which the mask is flat, which are left out of the correlations.
        mask: mask of the first image.
        moved: first image in every direction.
    """

    gate: str
    pixels: int
    cells: tuple[float, float]
    placement: Placement
    followed: Mean | None
    stayed: Mean | None
    difference: Mean | None
    flat: float
    mask: Float32[np.ndarray, "rows columns"]
    moved: tuple[Moved, ...]

    @property
    def interpolated(self) -> bool:
        """Whether the mask was moved by a part of a cell, so that its values are interpolated."""
        return any(abs(count - round(count)) > 1e-6 for count in self.cells)

    @property
    def verdict(self) -> Verdict:
        """What the interval of the difference says; for one image, all four directions must agree."""
        if self.flat > 0.5:
            return "flat"
        if self.difference is None or self.followed is None or self.stayed is None:
            return "unsure"
        if self.difference.low > MARGIN and self.followed.mean >= AGREES:
            return "follows"
        return "stays" if self.difference.high < -MARGIN and self.stayed.mean >= AGREES else "unsure"

    @property
    def sentence(self) -> Message:
        """The verdict with its numbers."""
        if self.verdict == "flat" or self.followed is None or self.stayed is None:
            code = "flat" if self.verdict == "flat" else "few"
            return Message(f"shift.{code}", SHIFT_WORDS[code], {"gate": self.gate})
        values = {"gate": self.gate, "followed": self.followed.mean, "stayed": self.stayed.mean}
        return Message(f"shift.{self.verdict}", SHIFT_WORDS[self.verdict], values)

    @property
    def notes(self) -> tuple[Message, ...]:
        """What to know about the numbers: a part of a cell, or an unknown place."""
        found = []
        if self.interpolated:
            found.append(
                Message(
                    "shift.interpolated",
                    "{gate}: {pixels} pixels are no whole number of its cells, so the mask was moved by interpolation.",
                    {"gate": self.gate, "pixels": self.pixels},
                )
            )
        if self.placement.status == "unknown":
            found.append(
                Message(
                    "shift.place-unknown",
                    "{gate}: where its cells lie is not known; they were taken to share out the image.",
                    {"gate": self.gate},
                )
            )
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without masks."""
        return {
            "gate": self.gate,
            "pixels": self.pixels,
            "cells": list(self.cells),
            "place": self.placement.status,
            "followed": optional(self.followed),
            "stayed": optional(self.stayed),
            "difference": optional(self.difference),
            "flat": self.flat,
            "verdict": VERDICT_WORDS[self.verdict],
            "sentence": str(self.sentence),
            "notes": [str(note) for note in self.notes],
        }


@dataclass(frozen=True, eq=False)
class ShiftTest:
    """What every mask of a network does when images are moved.

    Attributes:
        network: name of the network.
        count: number of images.
        fill: what comes into the image where content moved away.
        image: first image, uint8 RGB.
        rows: one row for each mask, in order of execution.
    """

    network: str
    count: int
    fill: Fill
    image: UInt8[np.ndarray, "h w 3"]
    rows: tuple[ShiftRow, ...]

    def __str__(self) -> str:
        return "\n".join(str(one) for row in self.rows for one in (row.sentence, *row.notes))

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without images and masks."""
        return {
            "count": self.count,
            "fill": self.fill,
            "margin": MARGIN,
            "rows": [row.as_dict() for row in self.rows],
            "weakness": str(WEAKNESS),
        }
