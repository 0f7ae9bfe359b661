"""Images that are near in gates.

Distances are Euclidean, between the values of all gates, or of one block or gate. All images are compared where there
are at most `EXACT`, and for one block; else a shortlist is, of the images that are nearest in principal components.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.answers import ClassAgreement, Neighbours
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.rows import in_parts, read
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

EXACT = 20_000
"""Most images of which all are compared."""
NEAREST = 10
"""Number of nearest images that are found for each image."""
REFERENCE = 5_000
"""Images among which the nearest of each are looked for, where there are more than `EXACT`."""
SHORT = 2_000
"""Further images of a shortlist by principal components."""
SPARE = 16
"""Further candidates of a product of matrices in float32, whose distances are computed again from differences."""
ROUNDING = 2.0**-17
"""Most that rounding adds to a squared distance, as a share of the squared lengths of both."""
PART = 1 << 16
"""Images whose principal components are compared at once."""
ROWS = 500
"""Images whose distances are computed at once."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The nearest images of every image in all gates.

    Attributes:
        images: numbers of the 10 nearest of each image, the nearest first; -1 where there are fewer, or the image was
            not read.
        distances: their distances; infinite where there are fewer.
        compared_with: number of images among which they were looked for.
    """

    images: Int64[np.ndarray, "n k"]
    distances: Float64[np.ndarray, "n k"]
    compared_with: int


def neighbours(atlas: Atlas, image: int, block: str | None, n: int) -> Neighbours:
    """Return the nearest images in gates; see `Atlas.neighbours`."""
    if not 0 <= image < len(atlas) or not atlas.ok[image]:
        raise AtlasError(
            "atlas.no-such-image",
            "there are no gates of image {image}; images are numbered from 0 to {last}, and some could not be read",
            image=int(image),
            last=len(atlas) - 1,
        )
    columns = columns_of(atlas, block)
    exact = block is not None or len(atlas) <= EXACT or atlas.contents.scores is None
    near = _nearly_nearest(atlas, columns, image, n) if exact else _shortlist(atlas, image, n)
    distances = distances_to(atlas, columns, image, near)
    first = leading(distances, n)
    same = None
    if atlas.has_labels and atlas.labels[image] >= 0 and len(first):
        same = float((atlas.labels[near[first]] == atlas.labels[image]).mean())
    return Neighbours(image, block, near[first], distances[first], exact=exact, same_class=same)


def columns_of(atlas: Atlas, block: str | None) -> list[slice]:
    """Return the columns of a block or gate; neighbouring ones as one slice."""
    found: list[slice] = []
    for gate in atlas.gates_of(block):
        if found and found[-1].stop == gate.first:
            found[-1] = slice(found[-1].start, gate.columns.stop)
        else:
            found.append(gate.columns)
    return found


def _nearly_nearest(atlas: Atlas, columns: list[slice], image: int, n: int) -> Int64[np.ndarray, " m"]:
    """Return images among which the nearest are, by distances in float32 and what rounding may add to them."""
    squared = np.zeros(len(atlas), np.float32)
    scale = 0.0
    for one in columns:
        lengths = atlas.remembered(f"lengths {one}", partial(_lengths, atlas, one))
        squared += lengths + lengths[image]
        scale += float(lengths[image]) + float(np.nanmax(lengths, initial=0.0))
        row = read(atlas, one, np.array([image]))[0]
        for part, rows in in_parts(atlas, one, np.arange(len(atlas))):
            squared[part] -= 2 * (rows @ row)
    squared[~atlas.ok] = np.inf
    squared[image] = np.inf
    others = int(np.isfinite(squared).sum())
    if not 0 < n < others:
        return np.flatnonzero(np.isfinite(squared)) if n > 0 else np.zeros(0, np.int64)
    limit = np.partition(squared, n - 1)[n - 1] + ROUNDING * scale
    return np.flatnonzero(squared <= limit)


def _lengths(atlas: Atlas, columns: slice) -> Float32[np.ndarray, " n"]:
    """Compute the squared length of each row."""
    parts = [np.einsum("nc,nc->n", rows, rows) for _, rows in in_parts(atlas, columns, np.arange(len(atlas)))]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _shortlist(atlas: Atlas, image: int, n: int) -> Int64[np.ndarray, " m"]:
    """Return images that are near in principal components."""
    scores = atlas.contents.scores
    assert scores is not None  # noqa: S101 - asked before
    squared = np.empty(len(scores), np.float32)
    for start in range(0, len(scores), PART):
        part = scores[start : start + PART]
        squared[start : start + PART] = np.square(part - scores[image]).sum(axis=1)
    squared[~atlas.ok] = np.inf
    squared[image] = np.inf
    found = np.argpartition(squared, min(len(squared) - 1, n + SHORT))[: n + SHORT]
    return np.sort(found[np.isfinite(squared[found])])


def distances_to(
    atlas: Atlas, columns: list[slice], image: int, others: Int64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    """Compute distances of one image's values to those of others, in float64."""
    squared = np.zeros(len(others))
    for one in columns:
        row = read(atlas, one, np.array([image]))[0].astype(np.float64)
        squared += np.square(read(atlas, one, others) - row).sum(axis=1)
    return np.sqrt(squared)


def graph(atlas: Atlas) -> Graph:
    """Return the 10 nearest images of each in all gates, remembered."""
    return atlas.remembered("graph", lambda: nearest_of_all(atlas))


def nearest_of_all(atlas: Atlas, k: int = NEAREST) -> Graph:
    """Find the nearest images of each: among all, or among a sample of 5,000 where there are more than 20,000."""
    images = atlas.select(None)
    among = images
    if len(images) > EXACT:
        among = np.sort(np.random.default_rng(0).choice(images, REFERENCE, replace=False))
    everything = slice(0, atlas.contents.values.shape[1])
    targets = read(atlas, everything, among)
    middle = targets.mean(axis=0) if len(among) else np.zeros(everything.stop, np.float32)
    targets = targets - middle
    lengths = np.einsum("nc,nc->n", targets, targets)
    found = np.full((len(atlas), k), -1, np.int64)
    distances = np.full((len(atlas), k), np.inf)
    for start in range(0, len(images), ROWS):
        part = images[start : start + ROWS]
        rows = read(atlas, everything, part) - middle
        squared = lengths - 2 * (rows @ targets.T)
        squared[among[None, :] == part[:, None]] = np.inf
        near, away = _refined(rows, targets, squared, min(k, max(0, len(among) - 1)))
        found[part, : near.shape[1]] = among[near]
        distances[part, : near.shape[1]] = away
    return Graph(found, distances, len(among))


def _refined(
    rows: Float32[np.ndarray, "p c"],
    targets: Float32[np.ndarray, "m c"],
    squared: Float32[np.ndarray, "p m"],
    k: int,
) -> tuple[Int64[np.ndarray, "p k"], Float64[np.ndarray, "p k"]]:
    """Return the nearest targets of some rows, and their distances, from squared distances with rounding.

    Args:
        rows: values of the rows.
        targets: values of the targets.
        squared: squared distances up to rounding, and up to a number for each row; infinite for the row itself.
        k: number of nearest.
    """
    wide = min(k + SPARE, squared.shape[1])
    near = np.sort(np.argpartition(squared, wide - 1, axis=1)[:, :wide], axis=1) if k else np.zeros((len(rows), 0), int)
    away = np.empty(near.shape)
    for place in range(near.shape[1]):
        difference = rows - targets[near[:, place]]
        away[:, place] = np.einsum("pc,pc->p", difference, difference)
    away[np.isinf(np.take_along_axis(squared, near, axis=1))] = np.inf
    first = np.argsort(away, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(near, first, axis=1), np.sqrt(np.take_along_axis(away, first, axis=1))


def class_agreement(atlas: Atlas) -> ClassAgreement | None:
    """Return how often near images share a label; see `Atlas.class_agreement`."""
    if not atlas.has_labels:
        return None
    return atlas.remembered("agreement", lambda: _agreement(atlas))


def _agreement(atlas: Atlas) -> ClassAgreement:
    found = graph(atlas).images
    labels = np.r_[atlas.labels, -1]  # image -1 has none
    near = labels[found]
    known = (near >= 0) & (atlas.labels >= 0)[:, None]
    counted = known.sum(axis=1)
    shares = ((near == atlas.labels[:, None]) & known).sum(axis=1)[counted > 0] / counted[counted > 0]
    labelled = atlas.labels[atlas.ok & (atlas.labels >= 0)]
    frequencies = np.bincount(labelled) / max(1, len(labelled))
    share = float(shares.mean()) if len(shares) else float("nan")
    return ClassAgreement(share, float((frequencies**2).sum()), len(shares))
