"""The nearest images of every image: found once, in seconds for ten thousand images, and stored beside an atlas.

All images are compared in full where there are at most `EXACT`. Of at most `BOUNDED`, bounds of distances leave few to
compare, which takes about a minute; of more, the nearest are looked for in a sample, and every answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

from cbam_core.atlas.finite import comparable
from cbam_core.atlas.layout import NEAREST
from cbam_core.atlas.nearest import Bounds, Found, bounds_of, is_affordable, nearest_by_bounds
from cbam_core.atlas.rows import read
from cbam_core.errors import DataError
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.steps import finished

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

K = 10
"""Number of nearest images that are found for each image."""
EXACT = 20_000
"""Most images that are all compared with each other in full."""
BOUNDED = 100_000
"""Most images among all of which the nearest of each are found, by bounds of their distances."""
REFERENCE = 5_000
"""Images among which the nearest of each are looked for, where looking among all is not affordable."""
SPARE = 16
"""Further candidates of a product of matrices in float32, whose distances are computed again from differences."""
DRAWN = 1_000
"""Images whose medians are the middle that distances are computed around, spread evenly."""
ROWS = 500
"""Images whose distances are computed at once."""
_VERSION = 2
"""Version of the search; what another one found is found again."""
_LARGEST_FILE = 1 << 30


@dataclass(frozen=True, eq=False)
class Graph:
    """The nearest images of every image in all gates.

    Attributes:
        images: numbers of the 10 nearest of each image, the nearest first; -1 where there are fewer, or the image was
            not read, or has values that are not finite.
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
    return finished(prepare_steps(atlas), report)


def prepare_steps(atlas: Atlas) -> Generator[int, None, Graph]:
    """Do the same in steps.

    Yields:
        Number of images that are done.
    """
    found = np.full((len(atlas), K), -1, np.int32)
    distances = np.full((len(atlas), K), np.inf, np.float32)
    done = 0
    try:
        for part, near, away in nearest_of(atlas, comparable_images(atlas), K):
            found[part, : near.shape[1]] = near
            distances[part, : near.shape[1]] = away
            done += len(part)
            yield done
        among = _searched(atlas)
    finally:
        atlas.forget("bounds")
    if atlas.folder is not None:
        said = {
            "digest": np.array(str(atlas.facts.get("digest", ""))),
            "among": np.array(len(among)),
            "version": np.array(_VERSION),
        }
        with suppress(OSError):  # an atlas that ships with a network lies where nothing can be written
            write_arrays(atlas.folder / NEAREST, {**said, "images": found, "distances": distances})
    return Graph(found, distances, among)


def comparable_images(atlas: Atlas) -> Int64[np.ndarray, " m"]:
    """Return the numbers of the images that have distances to others: they were read, and all values are finite."""
    return np.flatnonzero(comparable(atlas))


def nearest_of(atlas: Atlas, images: Int64[np.ndarray, " s"], k: int) -> Iterator[Found]:
    """Find the nearest of some images among all, or among a sample of very many; in parts.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        k: number of nearest images.
    """
    bounds = _bounds(atlas)
    if bounds is not None:
        return nearest_by_bounds(atlas, images, bounds, k)
    return _in_parts(atlas, images, _searched(atlas), k)


def nearest_in_sample(atlas: Atlas, most: int) -> tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, "s k"]]:
    """Find the nearest images of a sample; of a large atlas, for the sample alone if those of all are not known.

    Args:
        atlas: the atlas.
        most: largest number of images of the sample.

    Returns:
        Numbers of the images, and of the nearest of each; -1 where there are fewer than 10.
    """
    images = sample = comparable_images(atlas)
    if len(images) > most:
        sample = np.sort(np.random.default_rng(0).choice(images, most, replace=False))
    known = _known(atlas) if len(images) > max(most, EXACT) else graph(atlas)
    if known is not None:
        return sample, known.images[sample].astype(np.int64)
    return sample, np.concatenate([near for _, near, _ in nearest_of(atlas, sample, K)])


def among_of(atlas: Atlas) -> Int64[np.ndarray, " m"]:
    """Return the images among which the nearest are looked for: all, or a sample of those of a very large atlas."""
    known = _known(atlas)
    return _searched(atlas) if known is None else known.among


def _searched(atlas: Atlas) -> Int64[np.ndarray, " m"]:
    images = comparable_images(atlas)
    return images if len(images) <= EXACT or _bounds(atlas) is not None else _sample_of(images)


def _sample_of(images: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    return np.sort(np.random.default_rng(0).choice(images, REFERENCE, replace=False))


def _bounds(atlas: Atlas) -> Bounds | None:
    """Return bounds of distances to all images; None where they are not needed, or would not spare enough."""
    images = comparable_images(atlas)
    if not EXACT < len(images) <= BOUNDED:
        return None

    def found() -> Bounds | None:
        bounds = bounds_of(atlas, images)
        return bounds if is_affordable(atlas, bounds) else None

    return atlas.remembered("bounds", found)


def _known(atlas: Atlas) -> Graph | None:
    """Return the nearest images of all if they were found before; None else."""
    stored = atlas.recalled("graph") or _stored(atlas)
    if stored is not None:
        atlas.remember("graph", stored)
    return stored


def _stored(atlas: Atlas) -> Graph | None:
    """Read the file beside an atlas; None if there is none, or it is of another atlas, version or number of images."""
    if atlas.folder is None or not (atlas.folder / NEAREST).exists():
        return None
    try:
        arrays = read_arrays(atlas.folder / NEAREST, largest=_LARGEST_FILE)
        images, distances = arrays["images"], arrays["distances"]
        same = str(arrays["digest"]) == atlas.facts.get("digest") and int(arrays["version"]) == _VERSION
        compared = int(arrays["among"])
    except (DataError, OSError, KeyError, TypeError, ValueError):
        return None
    if not same or not images.shape == distances.shape == (len(atlas), K):
        return None
    if images.dtype != np.int32 or distances.dtype != np.float32 or not _within(images, len(atlas)):
        return None
    among = _compared(comparable_images(atlas), compared)
    return None if among is None else Graph(images, distances, among)


def _compared(images: Int64[np.ndarray, " n"], count: int) -> Int64[np.ndarray, " m"] | None:
    """Return among which images the nearest were looked for; None where others would be today.

    Args:
        images: numbers of all images.
        count: how many a file says.
    """
    if count == len(images):
        return images
    return _sample_of(images) if count == REFERENCE < EXACT < len(images) else None


def _within(images: Int32[np.ndarray, "n k"], count: int) -> bool:
    return not images.size or bool(-1 <= images.min() <= images.max() < count)


def _in_parts(atlas: Atlas, images: Int64[np.ndarray, " s"], among: Int64[np.ndarray, " m"], k: int) -> Iterator[Found]:
    """Yield some of the images, their nearest among others, and the distances of these, until all are done."""
    everything = slice(0, atlas.contents.values.shape[1])
    targets = read(atlas, everything, among)
    middle = _middle_of(targets)
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
        near, away = _refined(rows, targets, squared, min(k, max(0, len(among) - 1)))
        yield part, among[near], away


def _middle_of(rows: Float32[np.ndarray, "m c"]) -> Float32[np.ndarray, " c"]:
    """Return the medians of some of the rows: a mean would be moved by a single row with huge values."""
    if not len(rows):
        return np.zeros(rows.shape[1], np.float32)
    middle: Float32[np.ndarray, " c"] = np.median(rows[:: -(-len(rows) // DRAWN)], axis=0)
    return middle


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
