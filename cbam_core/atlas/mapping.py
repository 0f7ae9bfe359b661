"""Maps of a set: a place in the plane for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64

from cbam_core.atlas.answers import AtlasMap, Method
from cbam_core.atlas.neighbours import graph
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

SAMPLE = 1_000
"""Images on which it is measured how many neighbours a map keeps."""


def map_of(atlas: Atlas, method: Method | str) -> AtlasMap:
    """Return a map of the set; see `Atlas.map`."""
    if method == "pca":
        return atlas.remembered("map pca", lambda: _by_pca(atlas))
    if method != "tsne":
        raise AtlasError("atlas.unknown-map", "unknown map {method}; there are pca and tsne", method=repr(method))
    raise AtlasError(
        "atlas.no-tsne",
        "t-SNE of this atlas was not computed yet; run: cbam atlas map {folder} --tsne",
        folder="DIR" if atlas.folder is None else str(atlas.folder),
    )


def _by_pca(atlas: Atlas) -> AtlasMap:
    images = atlas.select(None)
    values = atlas.contents.values[images].astype(np.float64)
    values -= values.mean(axis=0) if len(values) else 0.0
    spread, axes = np.linalg.eigh(values.T @ values)
    axes, spread = axes[:, ::-1][:, :2], spread[::-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    points = np.full((len(atlas), 2), np.nan, np.float32)
    points[images, : axes.shape[1]] = values @ axes
    share = spread[:2] / max(float(spread.sum()), 1e-300)
    kept, sample = neighbours_kept(atlas, points)
    return AtlasMap(points, "pca", kept, sample, (float(share[0]), float(share[-1])))


def neighbours_kept(atlas: Atlas, points: Float32[np.ndarray, "n 2"]) -> tuple[float, int]:
    """Measure the share of the 10 nearest images in gates that are among the 10 nearest on a map.

    Args:
        atlas: the atlas.
        points: a place for each image.

    Returns:
        The share, in [0, 1], and the number of images it was measured on.
    """
    images = atlas.select(None)
    known = graph(atlas)
    sample = images
    if len(images) > SAMPLE:
        sample = np.sort(np.random.default_rng(0).choice(images, SAMPLE, replace=False))
    shares = []
    places: Float64[np.ndarray, "m 2"] = points[images].astype(np.float64)
    for image in sample.tolist():
        near = known.images[image][known.images[image] >= 0]
        if not len(near):
            continue
        away = ((places - points[image]) ** 2).sum(axis=1)
        away[images == image] = np.inf
        found = images[np.argpartition(away, len(near) - 1)[: len(near)]]
        shares.append(np.isin(near, found).mean())
    return float(np.mean(shares)) if shares else float("nan"), len(shares)
