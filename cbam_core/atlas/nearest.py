"""The nearest images of many images, exactly, without comparing all of them in full.

The distance along a few orthonormal axes is never longer than the whole one. So an image that is farther along them
than the k-th nearest found so far is no nearer, and only the others are compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.rows import in_parts, read

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

AXES = 128
"""Axes along which distances are computed for all pairs."""
DRAWN = 1 << 20
"""Most numbers of the rows that the axes are found from, spread evenly."""
GROUPS = 64
"""Images of which the nearest along the axes stands for all, when first candidates are chosen."""
SPARE = 7
"""Further first candidates beside the k that are looked for."""
AT_ONCE = 1 << 24
"""Most distances along the axes that are computed at once, 64 MB."""
MOST_ROWS = 500
"""Most images whose nearest are found in one step."""
PROBED = 32
"""Images whose nearest are found to see what all of them cost."""
AFFORDABLE = 1 << 20
"""Most numbers that are compared in full for one image: some milliseconds."""
ROUNDING = 2.0**-17
"""Most that rounding adds to a squared distance, as a share of the squared lengths of both."""

Found = tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, "p k"], Float64[np.ndarray, "p k"]]
"""Numbers of some images, of the nearest of each, and their distances."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """What lower bounds of the distances to M images are computed from.

    Attributes:
        among: numbers of the M images.
        middle: what is subtracted of each row of gates.
        axes: orthonormal axes.
        table: coordinates of the images, and in the last row their squared lengths, less what rounding may add; filled
            up with infinite ones to whole groups.
    """

    among: Int64[np.ndarray, " m"]
    middle: Float32[np.ndarray, " d"]
    axes: Float32[np.ndarray, "d a"]
    table: Float32[np.ndarray, "b w"]


def bounds_of(atlas: Atlas, among: Int64[np.ndarray, " m"]) -> Bounds:
    """Find axes that hold most of what differs, and the coordinates of some images along them.

    Args:
        atlas: the atlas.
        among: numbers of the images.
    """
    width = atlas.contents.values.shape[1]
    drawn = among[:: max(1, len(among) * width // DRAWN)]
    rows = read(atlas, slice(0, width), drawn)
    middle = rows.mean(axis=0)
    axes = _main_axes(rows - middle)
    table = np.zeros((axes.shape[1] + 1, -(-len(among) // GROUPS) * GROUPS), np.float32)
    table[-1] = np.inf
    for part, values in in_parts(atlas, slice(0, width), among):
        centred = values - middle
        places = centred @ axes
        table[:-1, part] = places.T
        table[-1, part] = np.einsum("na,na->n", places, places) - ROUNDING * np.einsum("nd,nd->n", centred, centred)
    return Bounds(among, middle, axes, table)


def _main_axes(rows: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "d a"]:
    """Return orthonormal axes near the principal ones, by products with axes that were drawn at random."""
    width = rows.shape[1]
    axes = np.random.default_rng(0).standard_normal((width, min(AXES, width)))
    for _ in range(3):
        axes = np.linalg.qr(rows.T @ (rows @ axes.astype(np.float32)).astype(np.float64))[0]
    return axes.astype(np.float32)


def is_affordable(atlas: Atlas, bounds: Bounds, k: int = 10) -> bool:
    """Check on a few images that few others are left to compare in full."""
    probed = bounds.among[:: max(1, len(bounds.among) // PROBED)]
    compared = [len(near) for _, near in _candidates(atlas, probed, bounds, k)]
    return float(np.mean(compared)) * len(bounds.middle) <= AFFORDABLE if compared else True


def nearest_by_bounds(atlas: Atlas, images: Int64[np.ndarray, " s"], bounds: Bounds, k: int) -> Iterator[Found]:
    """Find the nearest of some images, in parts; of equal distances the lower number is first.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        bounds: of the images among which the nearest are looked for; an image is not its own neighbour.
        k: number of nearest images; one less than there are at most.
    """
    k = min(k, max(0, len(bounds.among) - 1))
    step = max(1, min(MOST_ROWS, AT_ONCE // bounds.table.shape[1]))
    for start in range(0, len(images), step):
        part = images[start : start + step]
        near, away = np.empty((len(part), k), np.int64), np.empty((len(part), k))
        for place, (image, places) in enumerate(_candidates(atlas, part, bounds, k)):
            squared = _squared(atlas, image, bounds.among[places])
            first = np.argsort(squared, kind="stable")[:k]
            near[place], away[place] = bounds.among[places[first]], np.sqrt(squared[first])
        yield part, near, away


def _candidates(
    atlas: Atlas, images: Int64[np.ndarray, " p"], bounds: Bounds, k: int
) -> Iterator[tuple[int, Int64[np.ndarray, " c"]]]:
    """Yield each image, and the places of those that may be among its k nearest, ascending."""
    if not k:
        yield from ((int(image), np.zeros(0, np.int64)) for image in images)
        return
    centred = read(atlas, slice(0, len(bounds.middle)), images) - bounds.middle
    lengths = np.einsum("nd,nd->n", centred, centred)
    coordinates = centred @ bounds.axes
    own = np.einsum("na,na->n", coordinates, coordinates) - ROUNDING * lengths
    lower = np.column_stack([-2 * coordinates, np.ones(len(images), np.float32)]) @ bounds.table
    places = np.searchsorted(bounds.among, images)
    for number, (image, row) in enumerate(zip(images.tolist(), lower, strict=True)):
        place = int(places[number])
        if place < len(bounds.among) and bounds.among[place] == image:
            row[place] = np.inf
        seeds = _first_candidates(row, k)
        farthest = np.partition(_squared(atlas, image, bounds.among[seeds]), k - 1)[k - 1]
        yield image, np.flatnonzero(row <= np.float32(farthest * (1 + ROUNDING) - own[number]))


def _first_candidates(lower: Float32[np.ndarray, " w"], k: int) -> Int64[np.ndarray, " c"]:
    """Return places of at least k images that are near along the axes."""
    across = len(lower) // GROUPS
    wide = min(across, k + SPARE)
    groups = np.argpartition(lower.reshape(GROUPS, across).min(axis=0), wide - 1)[:wide]
    places = (groups + across * np.arange(GROUPS)[:, None]).ravel()
    places = places[np.argpartition(lower[places], min(len(places), k + SPARE) - 1)[: k + SPARE]]
    finite: Int64[np.ndarray, " c"] = places[np.isfinite(lower[places])]
    return finite


def _squared(atlas: Atlas, image: int, others: Int64[np.ndarray, " c"]) -> Float64[np.ndarray, " c"]:
    """Compute squared distances of one image to others; differences of float16 are exact in float32."""
    everything = slice(0, atlas.contents.values.shape[1])
    row = read(atlas, everything, np.array([image]))
    found = np.empty(len(others))
    for part, values in in_parts(atlas, everything, others):
        found[part] = np.square(values - row, dtype=np.float64).sum(axis=1)
    return found
