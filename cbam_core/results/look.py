"""How masks are drawn over an image: colours, scale, opacity, and whether cells or a smooth picture.

Colour tables are listed in one file, ``colours.json``, which `docs/make_colours.py` writes: whatever offers or checks
colours reads `COLOUR_TABLES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, get_args

from cbam_core.errors import RenderError

Scale = Literal["unit", "stretch"]
"""``"unit"``: colours run from 0 to 1, comparable everywhere; ``"stretch"``: from least to greatest value."""

Reading = Literal["values", "relative", "usual"]
"""Gates as their ``"values"``, ``"relative"`` to their own mean, or against the ``"usual"`` shape; see
`cbam_core.results.explanation.Gate`."""

DEFAULT_COLOURS = "viridis"
"""The colour table that is used when nobody chooses."""


def _read_tables() -> Mapping[str, bytes]:
    text = files("cbam_core.results").joinpath("colours.json").read_text(encoding="utf-8")
    return MappingProxyType({row["name"]: bytes.fromhex(row["rgb"]) for row in json.loads(text)["tables"]})


COLOUR_TABLES = _read_tables()
"""Every colour table by its name, in the order in which they are offered: 256 RGB colours, one byte a value."""


@dataclass(frozen=True)
class Look:
    """How masks are drawn over an image.

    Attributes:
        colours: name of a colour table, one of `COLOUR_TABLES`.
        scale: ``"unit"``, or ``"stretch"`` for colours over each mask's own range.
        opacity: share of the colours over the image, 0 to 1.
        smooth: linear between cell centres; otherwise cells as they are.
        reading: gates as their ``"values"``, ``"relative"`` to their own mean, or against the ``"usual"`` shape; the
            last two have colours and a scale of their own.

    Raises:
        RenderError: a value is unknown or out of its range.
    """

    colours: str = DEFAULT_COLOURS
    scale: Scale = "unit"
    opacity: float = 0.5
    smooth: bool = False
    reading: Reading = "values"

    def __post_init__(self) -> None:
        check_colours(self.colours)
        as_scale(self.scale)
        as_reading(self.reading)
        if not suits("opacity", self.opacity):
            raise RenderError("render.opacity", "opacity must lie between 0 and 1; given {given}", given=self.opacity)


_SUITS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "colours": lambda value: isinstance(value, str) and value in COLOUR_TABLES,
        "scale": lambda value: isinstance(value, str) and value in get_args(Scale),
        "opacity": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1,
        "smooth": lambda value: isinstance(value, bool),
        "reading": lambda value: isinstance(value, str) and value in get_args(Reading),
    }
)


def suits(name: str, value: object) -> bool:
    """Whether an attribute of a look can have that value, whatever its type."""
    return _SUITS[name](value)


def check_colours(colours: str) -> None:
    """Make sure that there is a colour table of that name.

    Raises:
        RenderError: there is none (``render.unknown-colours``).
    """
    if not suits("colours", colours):
        raise RenderError(
            "render.unknown-colours",
            "unknown colours '{given}'; choose one of {known}",
            given=colours,
            known=", ".join(COLOUR_TABLES),
        )


def as_scale(text: str) -> Scale:
    """Take a scale's name from a file or a person.

    Raises:
        RenderError: there is no such scale (``render.unknown-scale``).
    """
    scales: tuple[Scale, ...] = get_args(Scale)
    for scale in scales:
        if scale == text:
            return scale
    raise RenderError(
        "render.unknown-scale",
        "unknown scale '{given}'; choose one of {known}",
        given=text,
        known=", ".join(scales),
    )


def as_reading(text: str) -> Reading:
    """Take a reading's name from a file or a person.

    Raises:
        RenderError: there is no such reading (``render.unknown-reading``).
    """
    readings: tuple[Reading, ...] = get_args(Reading)
    for reading in readings:
        if reading == text:
            return reading
    raise RenderError(
        "render.unknown-reading",
        "unknown reading '{given}'; choose one of {known}",
        given=text,
        known=", ".join(readings),
    )


DEFAULT_LOOK = Look()
"""The look when nobody chooses."""
