"""Images that are near in gates.

Distances are Euclidean, between the values of all gates, or of one block or gate. Up to `EXACT` images all are
compared. Above, a shortlist is: each image has a few coordinates, the principal components of its values and the length
of what they leave out. The distance between coordinates is never greater than that between values, so the images of the
shortlist that are compared in full are all of the nearest, or nearly so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.answers import ClassAgreement, Neighbours
from cbam_core.atlas.ranking import leading
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

EXACT = 20_000
"""Most images of which all are compared."""
NEAREST = 10
"""Number of nearest images that are found for each image."""
REFERENCE = 5_000
"""Images among which the nearest of each are looked for, where there are more than `EXACT`."""
SPARE = 16
"""Further candidates of a product in float32, whose distances are computed again in float64."""
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
    values = in_float32(atlas, block)
    others = atlas.select(None)
    others = others[others != image]
    squared = ((values[others] - values[image]) ** 2).sum(axis=1)
    near = others[leading(squared, n + SPARE)]
    distances = exact_distances(atlas, block, image, near)
    first = leading(distances, n)
    same = None
    if atlas.has_labels and atlas.labels[image] >= 0 and len(first):
        same = float((atlas.labels[near[first]] == atlas.labels[image]).mean())
    return Neighbours(image, block, near[first], distances[first], exact=True, same_class=same)


def columns_of(atlas: Atlas, block: str | None) -> list[slice]:
    """Return the columns of a block or gate; neighbouring ones as one slice."""
    found: list[slice] = []
    for gate in atlas.gates_of(block):
        if found and found[-1].stop == gate.first:
            found[-1] = slice(found[-1].start, gate.columns.stop)
        else:
            found.append(gate.columns)
    return found


def in_float32(atlas: Atlas, block: str | None) -> Float32[np.ndarray, "n d"]:
    """Return the values of a block or gate, remembered."""
    return atlas.remembered(
        f"float32 {block}",
        lambda: np.concatenate(
            [atlas.contents.values[:, one].astype(np.float32) for one in columns_of(atlas, block)], axis=1
        ),
    )


def exact_distances(
    atlas: Atlas, block: str | None, image: int, others: Int64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    """Compute distances of one image's values to those of others, in float64."""
    squared = np.zeros(len(others))
    for one in columns_of(atlas, block):
        values = atlas.contents.values[:, one]
        squared += ((values[others].astype(np.float64) - values[image].astype(np.float64)) ** 2).sum(axis=1)
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
    targets = atlas.contents.values[among].astype(np.float32)
    middle = targets.mean(axis=0) if len(among) else 0.0
    targets -= middle
    lengths = (targets * targets).sum(axis=1)
    found = np.full((len(atlas), k), -1, np.int64)
    distances = np.full((len(atlas), k), np.inf)
    for start in range(0, len(images), ROWS):
        part = images[start : start + ROWS]
        rows = atlas.contents.values[part].astype(np.float32) - middle
        squared = lengths - 2 * (rows @ targets.T)
        squared[among[None, :] == part[:, None]] = np.inf
        _fill(atlas, part, among, squared, (found, distances))
    return Graph(found, distances, len(among))


def _fill(
    atlas: Atlas,
    part: Int64[np.ndarray, " p"],
    among: Int64[np.ndarray, " m"],
    squared: Float32[np.ndarray, "p m"],
    into: tuple[Int64[np.ndarray, "n k"], Float64[np.ndarray, "n k"]],
) -> None:
    """Write the nearest of some images, from approximate distances to candidates."""
    found, distances = into
    k = min(found.shape[1], max(0, len(among) - 1))
    wide = min(k + SPARE, squared.shape[1])
    near = np.sort(np.argpartition(squared, wide - 1, axis=1)[:, :wide], axis=1)
    values = atlas.contents.values
    for row, image in enumerate(part.tolist()):
        candidates = among[near[row]]
        candidates = candidates[candidates != image]
        exact = ((values[candidates].astype(np.float64) - values[image].astype(np.float64)) ** 2).sum(axis=1)
        first = leading(exact, k)
        found[image, : len(first)] = candidates[first]
        distances[image, : len(first)] = np.sqrt(exact[first])


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
