"""Which images a value is highest in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64, Shaped

from cbam_core.atlas.answers import Ranking
from cbam_core.atlas.layout import AtlasGate, Channel

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas


def top(
    atlas: Atlas, gate: AtlasGate, channel: Channel, n: int, images: Int64[np.ndarray, " m"], *, lowest: bool
) -> Ranking:
    """Return the images in which one value of a gate is highest, or lowest; see `Atlas.top`."""
    values = atlas.contents.values[images, gate.first + gate.flat(channel)].astype(np.float32)
    first = leading(values if lowest else -values, n)
    return Ranking(gate.label(channel), images[first], values[first], lowest, len(images))


def leading(keys: Float[np.ndarray, " m"], n: int) -> Int64[np.ndarray, " k"]:
    """Return the places of the n lowest keys, the lowest first; of equal keys the earlier place first."""
    n = max(0, min(n, len(keys)))
    if n == 0:
        return np.zeros(0, np.int64)
    limit = np.partition(keys, n - 1)[n - 1]
    near = np.flatnonzero(keys <= limit)
    return near[np.argsort(keys[near], kind="stable")[:n]]


def first_of(order: Shaped[np.ndarray, " m"], n: int) -> Shaped[np.ndarray, " k"]:
    """Return the first n of an order; none for a negative n."""
    return order[: max(0, n)]
