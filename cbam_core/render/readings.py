"""Colours of gates in each reading: as they are, relative to their own mean, or compared with the usual."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, UInt8

from cbam_core.render.colours import colourise, scaled
from cbam_core.render.diverging import diverging
from cbam_core.results.look import Look, Reading

NEUTRAL: Mapping[Reading, float] = MappingProxyType({"relative": 1.0, "usual": 0.0})
"""Value at the centre of the diverging colours, which extend by 1 to each side: x0 to x2, and -1 to 1."""


def is_fixed(look: Look) -> bool:
    """Check that the colour scale is the same for every gate."""
    return look.reading in NEUTRAL or look.scale == "unit"


def scale_of(look: Look, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the values at the ends of the colour scale.

    Args:
        look: reading and scale.
        limits: (least, greatest) of the gate, for a scale that is not fixed.
    """
    if look.reading in NEUTRAL:
        return NEUTRAL[look.reading] - 1, NEUTRAL[look.reading] + 1
    return (0.0, 1.0) if look.scale == "unit" else limits


def read_colours(
    values: Float[np.ndarray, "*shape"], look: Look, limits: tuple[float, float]
) -> UInt8[np.ndarray, "*shape 3"]:
    """Convert values in a look's reading to colours.

    Args:
        values: values of a gate in the look's reading, or interpolated between its cells.
        look: the reading; for gates as they are, the colours and the scale too.
        limits: (least, greatest) of the whole gate, for the scale ``"stretch"``.

    Returns:
        uint8 RGB, with one more axis than `values`.
    """
    if look.reading in NEUTRAL:
        return diverging(values.astype(np.float64) - NEUTRAL[look.reading])
    return colourise(scaled(values, look.scale, limits), look.colours)
