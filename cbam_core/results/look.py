"""Settings for drawing masks over an image: colours, scale, opacity, and smoothing.

Colour tables are listed in one file, ``colours.json``, which `docs/make_colours.py` writes; all code that offers or
checks colours reads `COLOUR_TABLES`.
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
"""``"unit"``: colours for 0 to 1, comparable everywhere; ``"stretch"``: for each mask's minimum to maximum."""

Reading = Literal["values", "relative", "usual"]
"""Gates as their ``"values"``, ``"relative"`` to their own mean, or compared with the ``"usual"`` shape; see
`cbam_core.results.explanation.Gate`."""

DEFAULT_COLOURS = "viridis"
"""Default colour table."""


def _read_tables() -> Mapping[str, bytes]:
    text = files("cbam_core.results").joinpath("colours.json").read_text(encoding="utf-8")
    return MappingProxyType({row["name"]: bytes.fromhex(row["rgb"]) for row in json.loads(text)["tables"]})


COLOUR_TABLES = _read_tables()
"""Colour tables by name, in the order of menus: 256 RGB colours, one byte for each value."""


@dataclass(frozen=True)
class Look:
    """Settings for drawing masks over an image.

    Attributes:
        colours: name of a colour table, one of `COLOUR_TABLES`.
        scale: ``"unit"``, or ``"stretch"`` for colours over each mask's own range.
        opacity: share of the colours over the image, 0 to 1.
        smooth: whether masks are interpolated linearly between cell centres.
        reading: gates as their ``"values"``, ``"relative"`` to their own mean, or compared with the ``"usual"``
            shape; the last two have their own colours and scale. Everything that draws has ``"values"`` by default,
            so that a colour is a number of the saved files; only the page Inspect opens with ``"relative"``.

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
    """Check that an attribute of a look can have a value of any type."""
    return _SUITS[name](value)


def check_colours(colours: str) -> None:
    """Check that there is a colour table of that name.

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
    """Check the name of a scale that comes from a file or a user.

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
    """Check the name of a reading that comes from a file or a user.

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
"""Default look."""
