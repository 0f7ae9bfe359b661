"""The nearest images of every image: found once, in seconds for ten thousand images, and stored beside an atlas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

from cbam_core.atlas.layout import NEAREST
from cbam_core.atlas.rows import read
from cbam_core.errors import DataError
from cbam_core.results.arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

K = 10
"""Number of nearest images that are found for each image."""
EXACT = 20_000
"""Most images that are all compared with each other."""
REFERENCE = 5_000
"""Images among which the nearest of each are looked for, where there are more than `EXACT`."""
SPARE = 16
"""Further candidates of a product of matrices in float32, whose distances are computed again from differences."""
ROWS = 500
"""Images whose distances are computed at once."""
_LARGEST_FILE = 1 << 30


@dataclass(frozen=True, eq=False)
class Graph:
    """The nearest images of every image in all gates.

    Attributes:
        images: numbers of the 10 nearest of each image, the nearest first; -1 where there are fewer, or the image was
            not read.
        distances: their distances; infinite where there are fewer.
        among: numbers of the images among which they were looked for: all, or a sample.
    """

    images: Int32[np.ndarray, "n k"]
    distances: Float32[np.ndarray, "n k"]
    among: Int64[np.ndarray, " m"]


def graph(atlas: Atlas) -> Graph:
    """Return the nearest images of each, remembered: from a file beside the atlas, which is made if it is not there."""
    return atlas.remembered("graph", lambda: _stored(atlas) or prepare(atlas))


def is_prepared(atlas: Atlas) -> bool:
    """Check that the nearest images are stored beside an atlas."""
    return _stored(atlas) is not None


def prepare(atlas: Atlas, report: Callable[[int], object] = lambda _: None) -> Graph:
    """Find the nearest images of each, and store them beside the atlas if its folder can be written.

    Args:
        atlas: the atlas.
        report: called with the number of images that are done.
    """
    found = np.full((len(atlas), K), -1, np.int32)
    distances = np.full((len(atlas), K), np.inf, np.float32)
    done = 0
    among = among_of(atlas)
    for part, near, away in _in_parts(atlas, atlas.select(None), among):
        found[part, : near.shape[1]] = near
        distances[part, : near.shape[1]] = away
        done += len(part)
        report(done)
    made = Graph(found, distances, among)
    if atlas.folder is not None:
        digest = np.array(str(atlas.facts.get("digest", "")))
        with suppress(OSError):  # an atlas that ships with a network lies where nothing can be written
            write_arrays(atlas.folder / NEAREST, {"digest": digest, "images": found, "distances": distances})
    return made


def nearest_in_sample(atlas: Atlas, most: int) -> tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, "s k"]]:
    """Find the nearest images of a sample; of a large atlas, for the sample alone.

    Args:
        atlas: the atlas.
        most: largest number of images of the sample.

    Returns:
        Numbers of the images, and of the nearest of each; -1 where there are fewer than 10.
    """
    images = atlas.select(None)
    sample = images
    if len(images) > most:
        sample = np.sort(np.random.default_rng(0).choice(images, most, replace=False))
    if len(images) <= EXACT:
        return sample, graph(atlas).images[sample].astype(np.int64)
    parts = [near for _, near, _ in _in_parts(atlas, sample, among_of(atlas))]
    return sample, np.concatenate(parts)


def among_of(atlas: Atlas) -> Int64[np.ndarray, " m"]:
    """Return the images among which the nearest are looked for: all, or a sample of more than 20,000."""
    images = atlas.select(None)
    if len(images) <= EXACT:
        return images
    return np.sort(np.random.default_rng(0).choice(images, REFERENCE, replace=False))


def _stored(atlas: Atlas) -> Graph | None:
    """Read the file beside an atlas; None where there is none, or it is not of this atlas."""
    if atlas.folder is None or not (atlas.folder / NEAREST).exists():
        return None
    try:
        arrays = read_arrays(atlas.folder / NEAREST, largest=_LARGEST_FILE)
        images, distances = arrays["images"], arrays["distances"]
        same = str(arrays["digest"]) == atlas.facts.get("digest")
    except (DataError, OSError, KeyError):
        return None
    if not same or not images.shape == distances.shape == (len(atlas), K):
        return None
    if images.dtype != np.int32 or distances.dtype != np.float32 or not _within(images, len(atlas)):
        return None
    return Graph(images, distances, among_of(atlas))


def _within(images: Int32[np.ndarray, "n k"], count: int) -> bool:
    return not images.size or bool(-1 <= images.min() <= images.max() < count)


def _in_parts(
    atlas: Atlas, images: Int64[np.ndarray, " s"], among: Int64[np.ndarray, " m"]
) -> Iterator[tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, "p k"], Float64[np.ndarray, "p k"]]]:
    """Yield some of the images, their nearest among others, and the distances of these, until all are done."""
    everything = slice(0, atlas.contents.values.shape[1])
    targets = read(atlas, everything, among)
    middle = targets.mean(axis=0) if len(among) else np.zeros(everything.stop, np.float32)
    targets = targets - middle
    lengths = np.einsum("nc,nc->n", targets, targets)
    places = np.full(len(atlas), -1, np.int64)
    places[among] = np.arange(len(among))
    for start in range(0, len(images), ROWS):
        part = images[start : start + ROWS]
        rows = read(atlas, everything, part) - middle
        squared = rows @ targets.T
        squared *= -2
        squared += lengths
        own = np.flatnonzero(places[part] >= 0)
        squared[own, places[part[own]]] = np.inf
        near, away = _refined(rows, targets, squared, min(K, max(0, len(among) - 1)))
        yield part, among[near], away


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
    if not k:
        return np.zeros((len(rows), 0), np.int64), np.zeros((len(rows), 0))
    wide = min(k + SPARE, squared.shape[1])
    near = np.sort(np.argpartition(squared, wide - 1, axis=1)[:, :wide], axis=1)
    away = np.empty(near.shape)
    for place in range(wide):
        difference = rows - targets[near[:, place]]
        away[:, place] = np.einsum("pc,pc->p", difference, difference)
    away[np.isinf(np.take_along_axis(squared, near, axis=1))] = np.inf
    first = np.argsort(away, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(near, first, axis=1), np.sqrt(np.take_along_axis(away, first, axis=1))
