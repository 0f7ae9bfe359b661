"""Layout of a figure for print: its width, its parts, the look of masks and the order of bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, get_args

from cbam_core.arguments import NUMBER, check
from cbam_core.errors import RenderError
from cbam_core.results.look import Look, Reading, Scale

Part = Literal["input", "probabilities", "truth", "masks", "usual", "difference", "bars"]
"""Part of a figure: the network's input, its prediction, the true class; for each block its mask, its usual mask, the
difference of their shapes, and its channel weights."""

BarOrder = Literal["index", "sorted", "unusual", "difference"]
"""Channels by ``"index"``, ``"sorted"`` with the highest weight first (of a comparison, that of the first),
``"unusual"`` with the channel furthest above its usual shape first, or, in comparisons only, by the size of the
``"difference"``, largest first."""

PARTS: tuple[Part, ...] = get_args(Part)
"""All parts."""

COLUMN, PAGE = 84.0, 174.0
"""Widths in mm of one column of a journal's page, and of two."""

NARROWEST, WIDEST = 60.0, 400.0
"""Smallest and largest width of a figure, in mm."""

SIZES = (5.0, 14.0)
"""Smallest and largest size of letters, in points."""


class LayoutOptions(TypedDict, total=False):
    """Attributes of a `Layout`, as keyword arguments; ``colors`` is another spelling of ``colours``."""

    width: float
    parts: Part | Sequence[Part]
    blocks: Sequence[str] | None
    reading: Reading
    colours: str
    colors: str
    scale: Scale
    opacity: float
    smooth: bool
    order: BarOrder
    font: str
    size: float


@dataclass(frozen=True)
class Layout(Look):
    """Settings of a figure for print: a look, and what is drawn at which size.

    Attributes:
        width: width in mm: `COLUMN` (84), `PAGE` (174), or any other from `NARROWEST` to `WIDEST`.
        parts: parts that are drawn, in an order of their own.
        blocks: names of the blocks that are drawn; None for all.
        order: order of the channels' bars.
        font: family of the letters; "" for the one that comes with the library.
        size: size of the letters in points.

    Raises:
        RenderError: a value is unknown or out of its range.
    """

    width: float | int = PAGE
    parts: Sequence[str] = ("input", "probabilities", "truth", "masks", "bars")
    blocks: Sequence[str] | None = None
    order: str = "index"
    font: str = ""
    size: float | int = 7.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_between("width", self.width, (NARROWEST, WIDEST), "mm")
        _check_between("size", self.size, SIZES, "pt")
        for part in self.parts:
            _check_one_of("part", part, PARTS)
        _check_one_of("order", self.order, get_args(BarOrder))
        if not self.parts:
            raise RenderError("figure.no-parts", "a figure needs parts; choose some of {known}", known=", ".join(PARTS))

    def has(self, part: Part) -> bool:
        """Check that a part is drawn."""
        return part in self.parts

    @property
    def needs_usual(self) -> bool:
        """Whether a part or the reading shows what is usual, or a comparison with it."""
        return self.reading == "usual" or self.has("usual") or self.has("difference")

    @property
    def look(self) -> Look:
        """The look without the other settings."""
        return Look(self.colours, self.scale, self.opacity, self.smooth, self.reading)

    @classmethod
    def of(cls, options: LayoutOptions) -> Layout:
        """Make a layout from keyword arguments; one part or block may stand without a list.

        Raises:
            RenderError: an option or a value is unknown, or a value is out of its range.
        """
        given = dict(options)
        for name in given:
            _check_one_of("option", name, tuple(LayoutOptions.__annotations__))
        if "colors" in given:
            given.setdefault("colours", given.pop("colors"))
        for name in ("parts", "blocks"):
            if isinstance(given.get(name), str):
                given[name] = (given[name],)
        return cls(**given)  # type: ignore[arg-type]  # a dict forgets the types of its values

    @property
    def is_narrow(self) -> bool:
        """Whether the page is too narrow for blocks beside the network's input: they stand below it."""
        return self.width < 120


def _check_between(name: str, value: Any, limits: tuple[float, float], unit: str) -> None:
    check(RenderError, name, value, NUMBER)
    if not (math.isfinite(value) and limits[0] <= value <= limits[1]):
        raise RenderError(
            "figure.out-of-range",
            "a figure's {name} must lie between {low:g} and {high:g} {unit}; given {given}",
            name=name,
            low=limits[0],
            high=limits[1],
            unit=unit,
            given=value,
        )


def _check_one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise RenderError(
            "figure.unknown",
            "unknown {name} '{given}'; choose from {known}",
            name=name,
            given=value,
            known=", ".join(known),
        )


DEFAULT_LAYOUT = Layout()
"""Default layout."""
