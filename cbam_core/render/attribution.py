"""Maps of what mattered, in colours over their image: one rule for each kind of scale."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from cbam_core.render.colours import colourise, table
from cbam_core.render.diverging import DIVERGING, diverging
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.results.attribution import AttributionMap
from cbam_core.results.look import DEFAULT_COLOURS
from cbam_core.results.placement import Placement

OPACITY = 0.65
"""Share of a map's colour over the image."""


def map_picture(image: UInt8[np.ndarray, "h w 3"], one: AttributionMap, zoom: int = 1) -> UInt8[np.ndarray, "oh ow 3"]:
    """Draw a map over its image, on its own scale, see `AttributionMap.limits`.

    Args:
        image: input of the network, uint8 RGB.
        one: the map.
        zoom: drawn pixels along each side of a pixel of the image.
    """
    return over(image, one.values, one.placement, one.limits, zoom)


def over(
    image: UInt8[np.ndarray, "h w 3"],
    values: Float[np.ndarray, "rows columns"],
    placement: Placement,
    limits: tuple[float, float],
    zoom: int = 1,
) -> UInt8[np.ndarray, "oh ow 3"]:
    """Draw values of cells in colours over an image.

    Args:
        image: input of the network, uint8 RGB.
        values: values of the cells.
        placement: grid of the cells.
        limits: ends of the scale; one that begins below 0 has diverging colours.
        zoom: drawn pixels along each side of a pixel of the image.
    """
    height, width = image.shape[:2]
    drawn = upsample(values, cells_on_input(placement), (width, height), zoom)
    base = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return np.floor((1 - OPACITY) * base + OPACITY * colours(drawn, limits) + 0.5).astype(np.uint8)


def colours(values: Float[np.ndarray, "*shape"], limits: tuple[float, float]) -> UInt8[np.ndarray, "*shape 3"]:
    """Convert values to colours: diverging about 0 where the scale begins below it, else from 0."""
    end = limits[1] or 1.0
    return diverging(values, end) if limits[0] < 0 else colourise(values / end)


def bar_colours(limits: tuple[float, float]) -> UInt8[np.ndarray, "n 3"]:
    """Return the colours of a scale, from its lower end."""
    return DIVERGING if limits[0] < 0 else table(DEFAULT_COLOURS)
