"""Images that are near in gates.

Distances are Euclidean, between the values of all gates, or of one block or gate. All images are compared where there
are at most `EXACT`, and for one block; else a shortlist is, of the images that are nearest in principal components. As
distances along these are never longer than whole ones, they often prove that no other image is nearer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from cbam_core.atlas.answers import ClassAgreement, Neighbours
from cbam_core.atlas.finite import comparable
from cbam_core.atlas.preparing import EXACT, among_of, nearest_in_sample
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.rows import in_parts, read
from cbam_core.atlas.slices import shortened
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

SHORT = 2_000
"""Further images of a shortlist by principal components."""
SAMPLE = 5_000
"""Images of more than `EXACT` for which it is measured how often near images share a label."""
ROUNDING = 2.0**-17
"""Most that rounding adds to a squared distance, as a share of the squared lengths of both."""


def neighbours(atlas: Atlas, image: int | str, block: str | None, n: int) -> Neighbours:
    """Return the nearest images in gates; see `Atlas.neighbours`."""
    if isinstance(image, str):
        image = int(atlas.numbers_of([image])[0])
    if not 0 <= image < len(atlas) or not atlas.ok[image]:
        raise AtlasError(
            "atlas.no-such-image",
            "there are no gates of image {image}; images are numbered from 0 to {last}, and some could not be read",
            image=int(image),
            last=len(atlas) - 1,
        )
    usable = comparable(atlas, None if block is None else atlas.gates_of(block))
    if not usable.any():
        raise _without_distances(atlas, block)
    if not usable[image]:
        raise AtlasError(
            "atlas.not-finite",
            "image {image} has no distance to others: values of its gates are not finite",
            image=int(image),
        )
    columns = columns_of(atlas, block)
    scores = atlas.contents.scores
    if block is not None or len(atlas) <= EXACT or scores is None or not scores.shape[1]:
        near, others = nearly_nearest(atlas, columns, image, n, usable), np.inf
    else:
        near, others = shortlist(atlas, scores, image, n)
        near = near[usable[near]]
    distances = distances_to(atlas, columns, image, near)
    first = leading(distances, n)
    exact = bool((distances[first] ** 2 < others).all())
    same = None
    if atlas.has_labels and atlas.labels[image] >= 0 and len(first):
        same = float((atlas.labels[near[first]] == atlas.labels[image]).mean())
    return Neighbours(image, block, near[first], distances[first], exact=exact, same_class=same)


def _without_distances(atlas: Atlas, block: str | None) -> AtlasError:
    """Say which gates leave no image with finite values, and in which blocks there are some."""
    asked = atlas.gates if block is None else atlas.gates_of(block)
    lacking = [gate.name for gate in asked if not comparable(atlas, [gate]).any()]
    others = [
        one for one in dict.fromkeys(gate.block for gate in atlas.gates) if comparable(atlas, atlas.gates_of(one)).any()
    ]
    if others:
        return AtlasError(
            "atlas.none-finite",
            "no image has a distance to others, because a value of {gates} is finite in none: ask for one block, such "
            "as {block}",
            gates=shortened(lacking) or ", ".join(gate.name for gate in asked),
            block=others[0],
        )
    return AtlasError(
        "atlas.none-finite",
        "no image has a distance to others, because a value of {gates} is finite in none: check the weights of the "
        "network",
        gates=shortened(lacking) or ", ".join(gate.name for gate in asked),
    )


def columns_of(atlas: Atlas, block: str | None) -> list[slice]:
    """Return the columns of a block or gate; neighbouring ones as one slice."""
    found: list[slice] = []
    for gate in atlas.gates_of(block):
        if found and found[-1].stop == gate.first:
            found[-1] = slice(found[-1].start, gate.columns.stop)
        else:
            found.append(gate.columns)
    return found


def nearly_nearest(
    atlas: Atlas, columns: list[slice], image: int, n: int, usable: Bool[np.ndarray, " n"] | None = None
) -> Int64[np.ndarray, " m"]:
    """Return images among which the nearest are, by distances in float32 and what rounding may add to them.

    Args:
        atlas: the atlas.
        columns: what is compared.
        image: number of the image.
        n: number of neighbours.
        usable: images among which they are looked for; None for all that were read.
    """
    squared = np.zeros(len(atlas), np.float32)
    scale = 0.0
    for one in columns:
        lengths = atlas.remembered(f"lengths {one}", partial(_lengths, atlas, one))
        squared += lengths + lengths[image]
        scale += float(lengths[image]) + float(np.max(lengths, initial=0.0, where=np.isfinite(lengths)))
        row = read(atlas, one, np.array([image]))[0]
        for part, rows in in_parts(atlas, one, np.arange(len(atlas))):
            with np.errstate(invalid="ignore"):  # of images that are not usable
                squared[part] -= 2 * (rows @ row)
    squared[~(atlas.ok if usable is None else usable)] = np.inf
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


def shortlist(
    atlas: Atlas, scores: Float32[np.ndarray, "n p"], image: int, n: int
) -> tuple[Int64[np.ndarray, " m"], float]:
    """Return images that are near in principal components, and a squared distance within which no other one is."""
    lengths = atlas.remembered("lengths of scores", lambda: np.einsum("np,np->n", scores, scores))
    squared = lengths - 2 * (scores @ scores[image])
    squared[~comparable(atlas)] = np.inf
    squared[image] = np.inf
    next_one = min(len(squared) - 1, n + SHORT)
    order = np.argpartition(squared, next_one)
    found = order[: n + SHORT]
    others = float(squared[order[next_one]] + lengths[image]) if n + SHORT < len(squared) else np.inf
    rounding = ROUNDING * float(lengths[image] + np.nanmax(lengths))
    return np.sort(found[np.isfinite(squared[found])]), others - rounding


def distances_to(
    atlas: Atlas, columns: list[slice], image: int, others: Int64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    """Compute distances of one image's values to those of others, in float64."""
    squared = np.zeros(len(others))
    for one in columns:
        row = read(atlas, one, np.array([image]))[0].astype(np.float64)
        squared += np.square(read(atlas, one, others) - row).sum(axis=1)
    return np.sqrt(squared)


def class_agreement(atlas: Atlas) -> ClassAgreement | None:
    """Return how often near images share a label; see `Atlas.class_agreement`."""
    if not atlas.has_labels:
        return None
    return atlas.remembered("agreement", lambda: _agreement(atlas))


def _agreement(atlas: Atlas) -> ClassAgreement:
    images, found = nearest_in_sample(atlas, EXACT if len(atlas) <= EXACT else SAMPLE)
    near, own = np.r_[atlas.labels, -1][found], atlas.labels[images][:, None]  # image -1 has no label
    known = (near >= 0) & (own >= 0)
    counted = known.sum(axis=1)
    shares = ((near == own) & known).sum(axis=1)[counted > 0] / counted[counted > 0]
    labelled = atlas.labels[comparable(atlas) & (atlas.labels >= 0)]
    frequencies = np.bincount(labelled) / max(1, len(labelled))
    share = float(shares.mean()) if len(shares) else float("nan")
    chance, compared = float((frequencies**2).sum()), len(among_of(atlas))
    return ClassAgreement(share, chance, len(shares), compared)
