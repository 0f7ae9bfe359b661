"""A map by t-SNE, as a step of its own: it takes about a minute for ten thousand images.

The method is that of L. van der Maaten and G. Hinton, *Visualizing Data using t-SNE*, JMLR 9 (2008), 2579-2605, as
openTSNE computes it. It begins with the principal components, so that the same atlas gives the same map.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.answers import AtlasMap
from cbam_core.atlas.layout import MAP
from cbam_core.atlas.mapping import neighbours_kept, principal_places
from cbam_core.atlas.preparing import among_of, comparable_images, nearest_of
from cbam_core.atlas.rows import read
from cbam_core.errors import AtlasError
from cbam_core.results.arrays import write_arrays
from cbam_core.steps import finished

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

FEWEST = 10
"""Fewest images that are laid out."""
PERPLEXITY = 30.0
"""Number of neighbours that each image is laid out by, about."""
STAGES = ((250, {"exaggeration": 12, "momentum": 0.5}), (500, {"momentum": 0.8}))
"""Iterations, and how neighbours attract each other in them: first strongly, so that groups form."""
AT_ONCE = 25
"""Iterations of one step."""
IMAGES_A_THREAD = 500
"""With fewer, threads wait for each other longer than they compute."""
BEGUN, LAID_OUT = 0.1, 0.95
"""Shares of the work that are done when the neighbours are found, and when the images are laid out."""

PACE = 3_300.0 / 10_000
"""How many times as long as a probe t-SNE takes for each image, on one core: it grows about in proportion."""
PROBES = 3
"""Probes of which the fastest counts."""

Near = tuple[Int64[np.ndarray, "m k"], Float64[np.ndarray, "m k"]]
"""Neighbours of each of M images, and their distances."""

EmbeddingSteps = Generator[float, None, AtlasMap]
"""A map in steps: it yields the share of the work that is done, and returns the map."""


def compute_tsne(atlas: Atlas, report: Callable[[float], object] = lambda _: None, workers: int = 1) -> AtlasMap:
    """Lay out the images by t-SNE of all gates, and store the map beside the atlas if its folder can be written.

    Args:
        atlas: the atlas.
        report: called with the share of the work that is done, in [0, 1].
        workers: most threads; few images are laid out by fewer.

    Raises:
        AtlasError: openTSNE is not installed, or there are fewer than 10 images.
    """
    return finished(tsne_steps(atlas, workers), report)


def expected_seconds(count: int) -> float:
    """Estimate how long t-SNE takes on one core of this machine, from a computation like it that takes about 50 ms.

    Args:
        count: number of images.

    Returns:
        Seconds; they may be twice as many or half, and more if the machine does other work by then.
    """
    return PACE * count * min(_probe() for _ in range(PROBES))


def _probe() -> float:
    """Return the seconds of a few transforms and of forces between places drawn at random, as of some iterations."""
    draws = np.random.default_rng(0)
    grid, partners, places = draws.random((300, 300)), draws.integers(0, 20_000, 500_000), draws.random(20_000)
    begun = perf_counter()
    for _ in range(3):
        np.fft.irfft2(np.fft.rfft2(grid))
        away = places[partners]
        (1 / (1 + away * away)).sum()
    return perf_counter() - begun


def tsne_steps(atlas: Atlas, workers: int = 1) -> EmbeddingSteps:
    """Lay out the images in steps; whoever stops early leaves what was stored before.

    Yields:
        Share of the work that is done, in [0, 1].

    Raises:
        AtlasError: as `compute_tsne`.
    """
    images = comparable_images(atlas)
    if len(images) < FEWEST:
        raise AtlasError(
            "atlas.few-images",
            "t-SNE needs at least {least} images; there are {count}",
            least=FEWEST,
            count=len(images),
        )
    yield 0.0
    package, workers = _imported(), threads_for(len(images), workers)
    near = yield from _near_steps(atlas, images)
    embedding = _begun(package, atlas, images, near, workers)
    yield BEGUN
    total, done = sum(count for count, _ in STAGES), 0
    for count, forces in STAGES:
        for _ in range(0, count, AT_ONCE):
            embedding.optimize(n_iter=AT_ONCE, inplace=True, n_jobs=workers, **forces)
            done += AT_ONCE
            yield BEGUN + (LAID_OUT - BEGUN) * done / total
    points = np.full((len(atlas), 2), np.nan, np.float32)
    points[images] = np.asarray(embedding)
    made = AtlasMap(points, "tsne", *neighbours_kept(atlas, points), None, len(among_of(atlas)))
    if atlas.folder is not None:
        digest = np.array(str(atlas.facts.get("digest", "")))
        said = {"kept": made.kept, "sample": made.sample, "among": made.compared_with}
        numbers = {name: np.array(number) for name, number in said.items()}
        with suppress(OSError):  # an atlas that ships with a network lies where nothing can be written
            write_arrays(atlas.folder / MAP, {"digest": digest, "points": points, **numbers})
    atlas.remember("map tsne", made)
    return made


def threads_for(images: int, most: int) -> int:
    """Choose a number of threads for so many images, in [1, most]."""
    return max(1, min(most, images // IMAGES_A_THREAD))


def _imported() -> Any:
    try:
        return import_module("openTSNE")
    except ImportError as error:
        raise AtlasError(
            "atlas.no-opentsne",
            "a map by t-SNE needs openTSNE, which is not installed; run: pip install 'cbam-lens[tsne]'",
        ) from error


def _near_steps(atlas: Atlas, images: Int64[np.ndarray, " m"]) -> Generator[float, None, Near | None]:
    """Find the neighbours by which images are laid out, in steps; return None if they cannot be found among all.

    Yields:
        Share of the whole work that is done.
    """
    if len(among_of(atlas)) < len(images):
        return None
    k = min(len(images) - 1, int(3 * _perplexity(len(images))))
    near, away, done = np.empty((len(images), k), np.int64), np.empty((len(images), k)), 0
    try:
        for part, found, distances in nearest_of(atlas, images, k):
            rows = slice(done, done + len(part))
            near[rows], away[rows] = np.searchsorted(images, found), distances
            done += len(part)
            yield BEGUN * done / (len(images) + 1)
    finally:
        atlas.forget("bounds")
    return near, away


def _perplexity(count: int) -> float:
    """Return the number of neighbours that each of so many images is laid out by."""
    return min(PERPLEXITY, (count - 1) / 3)


def _begun(package: Any, atlas: Atlas, images: Int64[np.ndarray, " m"], near: Near | None, workers: int) -> Any:
    """Lay the images out by their principal components, closely together; openTSNE finds neighbours if there are none.

    Args:
        package: openTSNE.
        atlas: the atlas.
        images: numbers of the images.
        near: places among them of the neighbours of each, and their distances.
        workers: number of threads.
    """
    places: Float32[np.ndarray, "m 2"] = principal_places(atlas)[0][images].astype(np.float64)
    spread = places[:, 0].std()
    perplexity = _perplexity(len(images))
    made = package.TSNE(
        perplexity=perplexity,
        initialization=places / spread * 1e-4 if spread > 0 else "random",
        n_jobs=workers,
        random_state=0,
    )
    if near is None:
        return made.prepare_initial(read(atlas, slice(0, atlas.contents.values.shape[1]), images))
    index = import_module("openTSNE.nearest_neighbors").PrecomputedNeighbors(*near)
    affinities = import_module("openTSNE.affinity").PerplexityBasedNN(
        knn_index=index, perplexity=perplexity, n_jobs=workers
    )
    return made.prepare_initial(affinities=affinities)
