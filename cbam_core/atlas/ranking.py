"""Which images a value is highest in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64

from cbam_core.atlas.answers import Ranking
from cbam_core.atlas.finite import is_finite
from cbam_core.atlas.gate import AtlasGate, Channel
from cbam_core.atlas.slices import Where

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas


def top(atlas: Atlas, gate: AtlasGate, channel: Channel, n: int, where: Where, *, lowest: bool) -> Ranking:
    """Return the images in which one value of a gate is highest, or lowest; see `Atlas.top`."""
    column = gate.first + gate.flat(channel)
    images = atlas.select(where)
    listed = _listed(atlas, column, lowest=lowest) if where is None and is_finite(atlas, gate) else None
    if listed is not None and 0 < n < len(listed[0]) and listed[1][n - 1] != listed[1][-1]:
        tied = int((listed[1] == listed[1][n - 1]).sum())
        found = listed[0][:n].astype(np.int64), listed[1][:n].astype(np.float32)
        return Ranking(gate.label(channel), *found, lowest, len(images), tied)
    values = atlas.contents.values[images, column].astype(np.float32)
    asked = len(images)
    if not is_finite(atlas, gate):
        images, values = images[np.isfinite(values)], values[np.isfinite(values)]
    first = leading(values if lowest else -values, n)
    tied = int((values == values[first[-1]]).sum()) if len(first) else 0
    return Ranking(gate.label(channel), images[first], values[first], lowest, len(images), tied, asked - len(images))


def _listed(atlas: Atlas, column: int, *, lowest: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the images at one end of a column, and their values, as far as the atlas has a list of them."""
    if atlas.contents.tables is None:
        return None
    found = atlas.contents.tables.extremes
    images, values = (found.low_images, found.low_values) if lowest else (found.top_images, found.top_values)
    return images[:, column], values[:, column]


def leading(keys: Float[np.ndarray, " m"], n: int) -> Int64[np.ndarray, " k"]:
    """Return the places of the n lowest keys, the lowest first; of equal ones the earlier; NaN is no key."""
    n = max(0, min(n, len(keys) - int(np.isnan(keys).sum())))
    if n == 0:
        return np.zeros(0, np.int64)
    limit = np.partition(keys, n - 1)[n - 1]
    near = np.flatnonzero(keys <= limit)
    return near[np.argsort(keys[near], kind="stable")[:n]]
