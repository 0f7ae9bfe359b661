"""From gate values to colours: fixed tables and one rule, the same in Python and in the browser.

The rule is exact: ``index = floor(clip(value, 0, 1) * 255 + 0.5)`` in float64, then a look-up in a table of 256
colours. The attention viewer's JavaScript does the same arithmetic, so its pixels are identical.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, UInt8

from cbam_core.results.look import COLOUR_TABLES, DEFAULT_COLOURS, Scale, check_colours

FLAT = 0.1
"""A gate whose range is under this share of its mean is flat: stretched colours would exaggerate small differences."""

THROUGH = 0.95
"""A gate whose values are all above this is switched through: it lets everything pass."""

Evenness = Literal["flat", "through"]
"""A gate whose values hardly differ, and one that lets everything pass."""

MISSING = (255, 0, 255)
"""RGB of a value that is not a number; no table has this colour."""


TABLES: Mapping[str, UInt8[np.ndarray, "256 3"]] = MappingProxyType(
    {name: np.frombuffer(rgb, dtype=np.uint8).reshape(256, 3) for name, rgb in COLOUR_TABLES.items()}
)
"""Colour tables by name, uint8 RGB (256, 3), read-only."""


def table(colours: str) -> UInt8[np.ndarray, "256 3"]:
    """Return the colour table of that name.

    Raises:
        RenderError: there is none (``render.unknown-colours``).
    """
    check_colours(colours)
    return TABLES[colours]


def stretch(values: Float[np.ndarray, "*shape"]) -> tuple[float, float]:
    """Return (minimum, maximum) of the numbers in a map; (0.0, 0.0) if there are none."""
    known = values[~np.isnan(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def is_flat(values: Float[np.ndarray, "*shape"]) -> bool:
    """Check that the values hardly differ: their range is under `FLAT` of their mean, or they are all equal.

    A factor on all values changes nothing: the level of a gate says little, for the next layer's weights can undo it.
    """
    low, high = stretch(values)
    return high == low or high - low < FLAT * _mean(values)


def is_through(values: Float[np.ndarray, "*shape"]) -> bool:
    """Check that all values are above `THROUGH`, so that the gate lets everything pass; such a gate is flat as well."""
    return stretch(values)[0] > THROUGH


def evenness(values: Float[np.ndarray, "*shape"]) -> Evenness | None:
    """Return ``"through"`` for a gate that is switched through, ``"flat"`` for any other flat one, else None."""
    if not is_flat(values):
        return None
    return "through" if is_through(values) else "flat"


def _mean(values: Float[np.ndarray, "*shape"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if known.size else 0.0


def scaled(
    values: Float[np.ndarray, "*shape"], scale: Scale, limits: tuple[float, float]
) -> Float64[np.ndarray, "*shape"]:
    """Compute the positions of values on the colour scale, from 0 at its start to 1 at its end.

    Args:
        values: gate values.
        scale: ``"unit"`` leaves them unchanged.
        limits: (minimum, maximum) of the whole map, for ``"stretch"``; if both are equal the result is 0.5.
    """
    wide = values.astype(np.float64)
    if scale == "unit":
        return wide
    low, high = limits
    return (wide - low) / (high - low) if high > low else np.where(np.isnan(wide), np.nan, 0.5)


def colourise(values: Float[np.ndarray, "*shape"], colours: str = DEFAULT_COLOURS) -> UInt8[np.ndarray, "*shape 3"]:
    """Convert values on a scale from 0 to 1 to colours.

    Args:
        values: values; those outside 0 to 1 get the colour of the nearer end, those that are not numbers `MISSING`.
        colours: name of a table.

    Returns:
        uint8 RGB, with one more axis than `values`.

    Raises:
        RenderError: no such table.
    """
    wide = values.astype(np.float64)
    unknown = np.isnan(wide)
    index = np.floor(np.clip(np.where(unknown, 0.0, wide), 0.0, 1.0) * 255 + 0.5).astype(np.intp)
    pixels = table(colours)[index]
    pixels[unknown] = MISSING
    return pixels
