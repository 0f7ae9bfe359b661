"""Maps of a set: a place in the plane for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.answers import AtlasMap, Method
from cbam_core.atlas.finite import comparable
from cbam_core.atlas.layout import MAP
from cbam_core.atlas.preparing import EXACT, REFERENCE, among_of, comparable_images, nearest_in_sample
from cbam_core.atlas.rows import read
from cbam_core.atlas.tables import GroupTable
from cbam_core.errors import AtlasError, DataError
from cbam_core.results.arrays import read_arrays

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

SAMPLE = 1_000
"""Images on which it is measured how many neighbours a map keeps."""
ROWS = 100
"""Images whose places are compared at once."""
WIDEST = 2_048
"""Most columns whose axes are found anew, of at most `EXACT` images, where not all have finite values."""
_LARGEST_FILE = 1 << 28


def map_of(atlas: Atlas, method: Method | str) -> AtlasMap:
    """Return a map of the set; see `Atlas.map`."""
    if method == "pca":
        return atlas.remembered("map pca", lambda: _by_pca(atlas))
    if method != "tsne":
        raise AtlasError("atlas.unknown-map", "unknown map {method}; there are pca and tsne", method=repr(method))
    return atlas.remembered("map tsne", lambda: stored_tsne(atlas))


def stored_tsne(atlas: Atlas) -> AtlasMap:
    """Read the map that `cbam_core.atlas.embedding` made.

    Raises:
        AtlasError: there is none, or it is damaged or of another atlas.
    """
    folder = "DIR" if atlas.folder is None else str(atlas.folder)
    if atlas.folder is None or not (atlas.folder / MAP).exists():
        raise AtlasError(
            "atlas.no-tsne",
            "t-SNE of this atlas was not computed yet; run: cbam atlas map {folder} --tsne",
            folder=folder,
        )
    damaged = AtlasError(
        "atlas.damaged-tsne",
        "{file} is damaged, or of another atlas; run: cbam atlas map {folder} --tsne",
        file=MAP,
        folder=folder,
    )
    try:
        arrays = read_arrays(atlas.folder / MAP, largest=_LARGEST_FILE)
        points, kept, sample = arrays["points"], float(arrays["kept"]), int(arrays["sample"])
        compared = int(arrays["among"]) if "among" in arrays else _compared_before(atlas)
        same = str(arrays["digest"]) == atlas.facts.get("digest") and points.shape == (len(atlas), 2)
        same = same and points.dtype == np.float32
    except (DataError, OSError, KeyError, TypeError, ValueError) as error:
        raise damaged from error
    if not same:
        raise damaged
    return AtlasMap(points, "tsne", kept, sample, None, compared)


def _compared_before(atlas: Atlas) -> int:
    """Return among how many images the nearest were looked for before files said it."""
    count = len(comparable_images(atlas))
    return count if count <= EXACT else REFERENCE


def _by_pca(atlas: Atlas) -> AtlasMap:
    points, share = principal_places(atlas)
    kept, sample = neighbours_kept(atlas, points)
    return AtlasMap(points, "pca", kept, sample, share, len(among_of(atlas)))


def principal_places(atlas: Atlas) -> tuple[Float32[np.ndarray, "n 2"], tuple[float, float]]:
    """Return the places of the images along the two main axes of all gates, and the share of the variance of each."""
    points = np.zeros((len(atlas), 2), np.float32)
    usable, width = comparable(atlas), atlas.contents.values.shape[1]
    share = [0.0, 0.0]
    tables, scores = atlas.contents.tables, atlas.contents.scores
    whole = bool(usable[atlas.ok].all())
    if tables is not None and scores is not None and (whole or width > WIDEST or len(atlas) > EXACT):
        wide = min(2, scores.shape[1])
        points[:, :wide] = scores[:, :wide]
        share[:wide] = _shares(points[usable, :wide], tables.groups) if whole else tables.axes.share[:wide].tolist()
    else:
        images = comparable_images(atlas)
        found, spread = _main_axes(read(atlas, slice(0, width), images).astype(np.float64))
        points[images, : found.shape[1]] = found
        share[: len(spread)] = spread
    points[~usable] = np.nan
    return points, (share[0], share[1])


def _shares(points: Float32[np.ndarray, "n p"], groups: GroupTable) -> list[float]:
    """Return the share of the variance of all gates of a whole set that places have along each of their axes."""
    count = max(1, int(groups.count.sum()))
    columns = groups.squares.sum(axis=0) / count - np.square(groups.total.sum(axis=0) / count)
    spread = points.var(axis=0, dtype=np.float64) if len(points) else np.zeros(points.shape[1])
    shares: list[float] = (spread / max(float(np.nansum(columns)), 1e-300)).tolist()
    return shares


def _main_axes(rows: Float64[np.ndarray, "m d"]) -> tuple[Float64[np.ndarray, "m p"], list[float]]:
    """Project rows on at most two principal axes; the largest number of each axis is above 0."""
    if len(rows) < 2:
        return np.zeros((len(rows), 0)), []
    centred = rows - rows.mean(axis=0)
    spread, axes = np.linalg.eigh(centred.T @ centred)
    axes, spread = axes[:, ::-1][:, :2], spread[::-1]
    largest = np.abs(axes).argmax(axis=0)
    signed = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return centred @ signed, (spread[:2] / max(float(spread.sum()), 1e-300)).tolist()


def neighbours_kept(atlas: Atlas, points: Float32[np.ndarray, "n 2"]) -> tuple[float, int]:
    """Measure the share of the 10 nearest images in gates that are among the 10 nearest on a map.

    Args:
        atlas: the atlas.
        points: a place for each image.

    Returns:
        The share, in [0, 1], and the number of images it was measured on.
    """
    sample, near = nearest_in_sample(atlas, SAMPLE)
    among = among_of(atlas)
    k = int((near >= 0).sum(axis=1).min(initial=near.shape[1]))
    if not k or not len(sample):
        return float("nan"), 0
    found = [_nearest_places(points, sample[start : start + ROWS], among, k) for start in range(0, len(sample), ROWS)]
    kept = (near[:, :k, None] == np.concatenate(found)[:, None, :]).any(axis=2)
    return float(kept.mean()), len(sample)


def _nearest_places(
    points: Float32[np.ndarray, "n 2"], images: Int64[np.ndarray, " p"], among: Int64[np.ndarray, " m"], k: int
) -> Int64[np.ndarray, "p k"]:
    """Return the k images whose places are nearest to those of some images."""
    places = points.astype(np.float64)
    away = np.square(places[among, 0] - places[images, 0][:, None])
    away += np.square(places[among, 1] - places[images, 1][:, None])
    away[among == images[:, None]] = np.inf
    nearest: Int64[np.ndarray, "p k"] = among[np.argpartition(away, k - 1, axis=1)[:, :k]]
    return nearest
