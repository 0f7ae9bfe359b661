"""Do two maps of one image agree? Three measures, and two maps that know no network to compare them with.

Attention, objects and edges all tend towards the middle of a photo, so two maps can agree for a reason that neither
network nor method has a part in. An agreement says something only where it is larger than that with both controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from cbam_core.results.attribution import Agreement, correlation, is_flat
from cbam_core.results.explanation import own_copy

TOP = 0.2
"""Share of the pixels whose overlap is measured."""

LUMA = np.array([77.0, 150.0, 29.0]) / 256
"""Weights of red, green and blue in the brightness of a pixel."""


def agreements(maps: Mapping[str, Float[np.ndarray, "h w"]]) -> tuple[Agreement, ...]:
    """Compare any two maps of one size.

    Args:
        maps: values at each pixel, by the codes of the maps.
    """
    return tuple(Agreement(one, other, *agreement(maps[one], maps[other])) for one, other in combinations(maps, 2))


def agreement(
    one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"]
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Return the correlation of values, that of ranks, and the overlap of the top 20 %; None where a map is flat."""
    if is_flat(one) or is_flat(other):
        return None, None, None
    pearson, spearman = correlation(one, other), correlation(ranks(one), ranks(other))
    return pearson or 0.0, spearman or 0.0, overlap(one, other)


def ranks(values: Float[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Return the rank of each value, from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean: Float64[np.ndarray, " n"] = counts.cumsum() - (counts - 1) / 2
    return mean[place].reshape(values.shape)


def overlap(one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"], share: float = TOP) -> float:
    """Return intersection over union of the highest pixels of two maps.

    Pixels that are equal at the threshold count in part, so that every map has the same share: a map of few cells
    would have more or less of it otherwise.

    Args:
        one: values at each pixel.
        other: values of another map.
        share: share of the pixels, in (0, 1).
    """
    first, second = top(one, share), top(other, share)
    return float(np.minimum(first, second).sum() / np.maximum(first, second).sum())


def top(values: Float[np.ndarray, "h w"], share: float = TOP) -> Float64[np.ndarray, "h w"]:
    """Return how far each pixel belongs to the highest ones, in [0, 1]; the sum is that share of all pixels."""
    wanted = share * values.size
    threshold = np.sort(values, axis=None)[values.size - int(np.ceil(wanted))]
    above, level = values > threshold, values == threshold
    part = (wanted - above.sum()) / level.sum()
    belongs: Float64[np.ndarray, "h w"] = above + part * level
    return belongs


def centre(size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """Return a map that is high in the middle: a Gaussian with a deviation of a quarter of each side.

    Args:
        size: (width, height) in pixels.
    """
    across, down = (_bell(side) for side in size)
    return own_copy(np.outer(down, across))


def _bell(side: int) -> Float64[np.ndarray, " n"]:
    offset = (np.arange(side) - (side - 1) / 2) / (side / 4)
    bell: Float64[np.ndarray, " n"] = np.exp(-np.square(offset) / 2)
    return bell


def edges(image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
    """Return a map that is high at edges: the length of the brightness's gradient, by Sobel's kernels.

    Args:
        image: uint8 RGB.
    """
    bright = np.pad(image.astype(np.float64) @ LUMA, 1, mode="edge")
    smooth_rows = bright[:-2] + 2 * bright[1:-1] + bright[2:]
    smooth_columns = bright[:, :-2] + 2 * bright[:, 1:-1] + bright[:, 2:]
    across = smooth_rows[:, 2:] - smooth_rows[:, :-2]
    down = smooth_columns[2:] - smooth_columns[:-2]
    return own_copy(np.hypot(across, down) / 8)
