"""How much of a mask lies where the object is? Shares of masks in one of four tiles, each of 25 % of the area.

An image alone on an empty canvas of twice its sides says whether a mask is drawn to where something is. A mosaic of
four images says whether it is higher in the tile that the network answers. Averaged over all four tiles, that is 25 %
for every mask, because a mask does not depend on the class that is asked about: only the answered tile says something.
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

QUARTER = 0.25
"""Share of a tile in the area, and of a mask averaged over all four tiles."""

MARGIN = 0.02
"""Difference from a quarter, fixed beforehand, from which a share is called larger or smaller."""

TILES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Row and column of each tile."""

Verdict = Literal["more", "less", "even", "unsure"]
"""What an interval of a share says; see `verdict_of`."""

TILE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "object.more": "{gate} is drawn to the object: {share:.0f} % of it lies there, on 25 % of the canvas.",
        "object.less": "{gate} is lower on the object: {share:.0f} % of it lies there, on 25 % of the canvas.",
        "object.even": "{gate} hardly depends on where the object is: {share:.0f} % of it lies there, on 25 % of the "
        "canvas.",
        "object.unsure": "{gate}: cannot tell; {share:.0f} % of it lies on the object, on 25 % of the canvas.",
        "answer.more": "{gate} is higher in the answered tile: {share:.0f} % of it lies there, on 25 % of the mosaic.",
        "answer.less": "{gate} is lower in the answered tile: {share:.0f} % of it lies there, on 25 % of the mosaic.",
        "answer.even": "{gate} is the same in the answered tile as in others: {share:.0f} % of it lies there, on 25 % "
        "of the mosaic.",
        "answer.unsure": "{gate}: cannot tell; {share:.0f} % of it lies in the answered tile, on 25 % of the mosaic.",
    }
)

CANVAS_WEAKNESS = Message(
    "mosaic.canvas-weakness",
    "No network was trained on an empty canvas, and a mask that marks any edge lies on the only object too.",
)

MOSAIC_WEAKNESS = Message(
    "mosaic.weakness",
    "A mask that knows no class can be higher in the answered tile too, because the network answers what stands out; "
    "averaged over all tiles every mask has 25 %.",
)


def verdict_of(share: Mean | None) -> Verdict:
    """Read the interval of a share: wholly above or below a quarter by `MARGIN`, or wholly within it."""
    if share is None:
        return "unsure"
    if share.low > QUARTER + MARGIN:
        return "more"
    if share.high < QUARTER - MARGIN:
        return "less"
    return "even" if share.low >= QUARTER - MARGIN and share.high <= QUARTER + MARGIN else "unsure"


@dataclass(frozen=True, eq=False)
class TileRow:
    """How much of one mask lies in tiles.

    Attributes:
        gate: name of the gate.
        placement: positions of its cells on the canvas.
        alone: share in the tile of the only object, each image in all four corners; 25 % for a mask that knows the
            place alone. None where the mask is 0 or less everywhere.
        answered: share in the tile of a mosaic whose class the network answers; None where it answered none of them.
        fixed: share that the mean mask of the other mosaics has in the same tiles: what a fixed pattern has there.
        mask: mask of the first image on the canvas.
        mosaic_mask: mask of the mosaic that is shown; None where there is none.
    """

    gate: str
    placement: Placement
    alone: Mean | None
    answered: Mean | None
    fixed: float | None
    mask: Float32[np.ndarray, "rows columns"]
    mosaic_mask: Float32[np.ndarray, "rows columns"] | None

    @property
    def sentences(self) -> tuple[Message, ...]:
        """What the shares say: on the canvas, and in the mosaics where there are any."""
        found = (("object", self.alone), ("answer", self.answered))
        return tuple(self._sentence(kind, share) for kind, share in found if share is not None)

    def _sentence(self, kind: str, share: Mean) -> Message:
        code = f"{kind}.{verdict_of(share)}"
        return Message(f"mosaic.{code}", TILE_WORDS[code], {"gate": self.gate, "share": 100 * share.mean})

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without masks."""
        return {
            "gate": self.gate,
            "alone": optional(self.alone),
            "alone_verdict": verdict_of(self.alone),
            "answered": optional(self.answered),
            "answered_verdict": verdict_of(self.answered),
            "fixed": self.fixed,
            "sentences": [str(one) for one in self.sentences],
        }


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Four images in one.

    Attributes:
        image: uint8 RGB, of twice the sides of the network's input.
        classes: what the network answers for each tile alone, in reading order.
        answer: what it answers for the mosaic.
    """

    image: UInt8[np.ndarray, "h w 3"]
    classes: tuple[str, str, str, str]
    answer: str

    @property
    def tile(self) -> int | None:
        """Number of the answered tile, in reading order; None where the answer is that of no tile."""
        return self.classes.index(self.answer) if self.answer in self.classes else None


@dataclass(frozen=True, eq=False)
class TileTest:
    """How much of each mask of a network lies where the object is.

    Attributes:
        network: name of the network.
        count: number of images that were put on the canvas.
        size: (width, height) of the canvas in pixels.
        mosaics: number of mosaics.
        answered: number of mosaics for which the network answers the class of one of their tiles.
        why_none: why there is no mosaic; None where there are some.
        canvas: first image on the canvas, uint8 RGB, in the first tile.
        example: first mosaic with an answered tile; None where there is none.
        rows: one row for each mask, in order of execution.
    """

    network: str
    count: int
    size: tuple[int, int]
    mosaics: int
    answered: int
    why_none: Message | None
    canvas: UInt8[np.ndarray, "h w 3"]
    example: Mosaic | None
    rows: tuple[TileRow, ...]

    def __str__(self) -> str:
        lines = [str(one) for row in self.rows for one in row.sentences]
        return "\n".join(lines if self.why_none is None else [*lines, str(self.why_none)])

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without images and masks."""
        return {
            "count": self.count,
            "size": list(self.size),
            "mosaics": self.mosaics,
            "mosaics_answered": self.answered,
            "why_no_mosaics": None if self.why_none is None else str(self.why_none),
            "every_tile": QUARTER,
            "margin": MARGIN,
            "rows": [row.as_dict() for row in self.rows],
            "weaknesses": [str(CANVAS_WEAKNESS), str(MOSAIC_WEAKNESS)],
        }
