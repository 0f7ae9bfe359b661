"""Colours of signed values: blue below 0, nearly white at 0, orange above.

The table is linear between a few colours in sRGB, equally light on both sides of its middle, and distinguishable with
every common kind of colour blindness.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from cbam_core.errors import RenderError
from cbam_core.render.colours import MISSING

STOPS = ("#08415f", "#1f6f93", "#6ba9c6", "#b9d8e5", "#f7f7f7", "#f3cfae", "#dd9453", "#b35c1c", "#6b3207")
"""Colours between which the table is linear, at equal distances, from the lowest value to the highest."""


def _table() -> UInt8[np.ndarray, "255 3"]:
    """Make 255 colours, an odd number, so that 0 has its own colour."""
    stops = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in STOPS], np.float64)
    positions, given = np.linspace(0, 1, 255), np.linspace(0, 1, len(stops))
    columns = [np.interp(positions, given, stops[:, channel]) for channel in range(3)]
    table: UInt8[np.ndarray, "255 3"] = np.floor(np.stack(columns, axis=1) + 0.5).astype(np.uint8)
    table.flags.writeable = False
    return table


DIVERGING = _table()
"""Colours from the lowest value to the highest, uint8 RGB (255, 3); the middle one is that of 0."""


def diverging(values: Float[np.ndarray, "*shape"], limit: float = 1.0) -> UInt8[np.ndarray, "*shape 3"]:
    """Convert values on a scale from -limit to limit to colours.

    Args:
        values: values; those beyond the scale get the colour of its end, those that are not numbers `MISSING`.
        limit: end of the scale, above 0.

    Returns:
        uint8 RGB, with one more axis than `values`.

    Raises:
        RenderError: the limit is not a number above 0.
    """
    if not (np.isfinite(limit) and limit > 0):
        raise RenderError("render.limit", "a diverging scale needs a limit above 0; given {given}", given=limit)
    wide = values.astype(np.float64)
    unknown = np.isnan(wide)
    index = np.floor(np.clip(np.where(unknown, 0, wide) / limit, -1, 1) * 127 + 127.5).astype(np.intp)
    pixels = DIVERGING[index]
    pixels[unknown] = MISSING
    return pixels
