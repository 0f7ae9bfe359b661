"""Rows of gates as float32: kept in memory for a small atlas, read in parts from a large one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float16, Float32, Int64

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Rows = Float32[np.ndarray, "m c"]

KEPT = 1 << 24
"""Most numbers of an atlas that are kept as float32, 64 MB: converting them takes longer than most answers."""
PART = 1 << 22
"""Most numbers that are read at once, 16 MB."""


def read(atlas: Atlas, columns: slice, images: Int64[np.ndarray, " m"] | None = None) -> Rows:
    """Return values of some images.

    Args:
        atlas: the atlas.
        columns: which columns.
        images: which images; None for every one, with those that were not read.

    Returns:
        float32, which must not be changed.
    """
    source = _source(atlas)[:, columns]
    if images is None:
        chosen = source
    elif _is_range(images):
        chosen = source[images[0] : images[0] + len(images)]
    else:
        chosen = source[images]
    return chosen.astype(np.float32, copy=False)


def in_parts(
    atlas: Atlas, columns: slice, images: Int64[np.ndarray, " m"], most: int = PART
) -> Iterator[tuple[Int64[np.ndarray, " p"], Rows]]:
    """Yield the values of images in parts that fit in memory.

    Args:
        atlas: the atlas.
        columns: which columns.
        images: which images.
        most: most numbers of a part.

    Yields:
        Places among `images`, and the values of these images.
    """
    places = np.arange(len(images))
    step = max(1, most // max(1, columns.stop - columns.start))
    for start in range(0, len(images), step):
        part = places[start : start + step]
        yield part, read(atlas, columns, images[part])


def _source(atlas: Atlas) -> Float32[np.ndarray, "n d"] | Float16[np.ndarray, "n d"]:
    values = atlas.contents.values
    if values.size > KEPT:
        return values
    return atlas.remembered("float32", lambda: values.astype(np.float32))


def _is_range(images: Int64[np.ndarray, " m"]) -> bool:
    """Whether these are images that follow each other, which are read without a copy."""
    if not len(images) or images[-1] - images[0] != len(images) - 1:
        return False
    return bool((images == np.arange(images[0], images[0] + len(images))).all())
