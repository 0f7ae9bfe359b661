"""Feature maps in colours: several on one scale, so that they are comparable.

Feature maps can have any values. The scale runs from the minimum to the maximum of all maps that are shown together, in
a colour table of its own, so that they are not confused with masks.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8

from cbam_core.render.colours import colourise, scaled, stretch
from cbam_core.render.overlay import Cells, upsample

FEATURES = "magma"
"""Colour table of feature maps."""


def common_limits(maps: Iterable[Float[np.ndarray, "h w"]]) -> tuple[float, float]:
    """Return the smallest and the largest finite value of several maps; (0.0, 0.0) if there is none."""
    ranges = [stretch(known) for one in maps if (known := one[np.isfinite(one)]).size]
    if not ranges:
        return 0.0, 0.0
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def feature_picture(
    values: Float[np.ndarray, "h w"],
    cells: Cells | None,
    size: tuple[int, int],
    *,
    zoom: int,
    limits: tuple[float, float],
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Draw a feature map, with its cells at their positions on the network's input.

    Args:
        values: one value for each cell; those that are not numbers get `cbam_core.render.colours.MISSING`.
        cells: positions of the cells; None where they are unknown, then they tile the picture.
        size: (width, height) of the input in pixels.
        zoom: drawn pixels along each side of a pixel of the input.
        limits: values at the start and at the end of the colour scale.
    """
    if cells is None:
        across, down = size[0] / values.shape[1], size[1] / values.shape[0]
        cells = Cells(across / 2, down / 2, across, down)
    ends = (0.0, 1.0) if limits == (0.0, 0.0) else limits  # nothing is as dark as nothing elsewhere
    return colourise(scaled(upsample(values, cells, size, zoom), "stretch", ends), FEATURES)
