"""From gate values to colours: fixed tables, one rule, the same in Python and in the browser.

The rule is exact: ``index = floor(clip(value, 0, 1) * 255 + 0.5)`` in float64, then a look-up in a table of
256 colours. The attention viewer's JavaScript does the same arithmetic, so its pixels can be compared bit for
bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Float64, UInt8

from cbam_core.results.look import COLOUR_TABLES, DEFAULT_COLOURS, Scale, check_colours

FLAT = 0.05
"""A map whose values span less than this is flat: stretching it would show contrast that is hardly there."""

MISSING = (255, 0, 255)
"""RGB of a value that is not a number; no table holds it."""


TABLES: Mapping[str, UInt8[np.ndarray, "256 3"]] = MappingProxyType(
    {name: np.frombuffer(rgb, dtype=np.uint8).reshape(256, 3) for name, rgb in COLOUR_TABLES.items()}
)
"""Every colour table by its name, uint8 RGB (256, 3), read-only."""


def table(colours: str) -> UInt8[np.ndarray, "256 3"]:
    """The colour table of that name.

    Raises:
        RenderError: there is none (``render.unknown-colours``).
    """
    check_colours(colours)
    return TABLES[colours]


def stretch(values: Float[np.ndarray, "*shape"]) -> tuple[float, float]:
    """The true range (least, greatest) of what is a number in a map; (0.0, 0.0) if nothing is."""
    known = values[~np.isnan(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def is_flat(values: Float[np.ndarray, "*shape"]) -> bool:
    """Whether the values span less than `FLAT`, so that a stretched picture of them would mislead."""
    low, high = stretch(values)
    return high - low < FLAT


def scaled(
    values: Float[np.ndarray, "*shape"], scale: Scale, limits: tuple[float, float]
) -> Float64[np.ndarray, "*shape"]:
    """Where values lie on the colour scale, 0 at its start and 1 at its end.

    Args:
        values: gate values.
        scale: ``"unit"`` leaves them as they are.
        limits: (least, greatest) of the whole map, for ``"stretch"``; when both are equal the result is 0.5.
    """
    wide = values.astype(np.float64)
    if scale == "unit":
        return wide
    low, high = limits
    return (wide - low) / (high - low) if high > low else np.where(np.isnan(wide), np.nan, 0.5)


def colourise(values: Float[np.ndarray, "*shape"], colours: str = DEFAULT_COLOURS) -> UInt8[np.ndarray, "*shape 3"]:
    """Colours of values on a scale from 0 to 1.

    Args:
        values: anything outside 0 to 1 gets the nearer end's colour; what is not a number gets `MISSING`.
        colours: name of a table.

    Returns:
        RGB, uint8, one more axis than `values`.

    Raises:
        RenderError: no such table.
    """
    wide = values.astype(np.float64)
    unknown = np.isnan(wide)
    index = np.floor(np.clip(np.where(unknown, 0.0, wide), 0.0, 1.0) * 255 + 0.5).astype(np.intp)
    pixels = table(colours)[index]
    pixels[unknown] = MISSING
    return pixels
