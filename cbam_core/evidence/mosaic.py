"""How much of a mask lies where the object is? One image on an empty canvas, and mosaics of four."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
from jaxtyping import Float, Float64, UInt8

from cbam_core.data.dataset import samples
from cbam_core.errors import CbamError, Message, ModelError
from cbam_core.evidence.masks import AnyImages, Masks, Pixels, masks_of, opened
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.network import Classifier, Stated
from cbam_core.observing import Observation, batch_size, batches, fitted, observe
from cbam_core.results.explanation import own_copy
from cbam_core.results.mosaic import TILES, Mosaic, TileRow, TileTest
from cbam_core.results.placement import Placement
from cbam_core.results.resampled import over_both, over_images, over_trials
from cbam_core.steps import Steps, finished
from cbam_core.workers import in_order

MOSAICS = 8
"""Number of mosaics of a single image with others; of several images there are as many as images."""


def tile_test(
    classifier: AnyNetwork,
    images: AnyImages,
    *,
    partners: AnyImages | None = None,
    seed: int = 0,
    report: Callable[[float], object] | None = None,
    **stated: Unpack[Stated],
) -> TileTest:
    """Show a network one image on an empty canvas, and mosaics of four images, and find how much of a mask lies where.

    The canvas has twice the sides of the network's input, and its mean colour. The class of a tile is what the network
    answers for it alone, so labels are not needed; the four tiles of a mosaic have different classes.

    Args:
        classifier: a network that takes images of twice its input size, as `explain` takes it; it is not changed.
        images: an image, as `explain` takes it, several, or a data set.
        partners: images beside which a single one is put; None for the bundled ones.
        seed: seed of the choice of mosaics.
        report: called with the share of the work that is done, in [0, 1].
        **stated: what is known about the network, as for `explain`.

    Returns:
        One row for each mask. For one image, intervals are ranges of its four places, and of its mosaics.

    Raises:
        CaptureError: the network has no spatial mask.
        ModelError: the network does not take images of twice its input size.
        CbamError: as for `explain`.
    """
    network, found = opened(classifier, images, stated)
    others = None if partners is None else opened(network, partners, {})[1]
    return finished(tile_steps(network, found, others, seed), report)


def tile_steps(
    network: Classifier,
    images: list[Pixels],
    partners: list[Pixels] | None = None,
    seed: int = 0,
    workers: int = 1,
) -> Steps[TileTest]:
    """Do the test of tiles in steps; arguments as `tile_test`, with images of the network's input size.

    Args:
        network: the network.
        images: the images.
        partners: images beside which a single one is put.
        seed: seed of the choice of mosaics.
        workers: number of batches that go through the network side by side.

    Raises:
        ModelError: the network does not take images of twice its input size.
    """
    wide = widened(network)
    alone: dict[str, list[list[float]]] = {}
    first: tuple[Masks, ...] = ()

    def on_canvases(part: slice) -> tuple[slice, tuple[Masks, ...]]:
        laid = [on_canvas(image, tile, network.fill) for image in images[part] for tile in range(len(TILES))]
        return part, masks_of(wide, laid)[1]

    canvases = batches(len(images), max(1, batch_size(wide) // len(TILES)))
    for part, masks in in_order(on_canvases, canvases, workers):
        first = first or masks
        for one in masks:
            alone.setdefault(one.gate, []).extend(_in_corners(one, wide.input_size))
        yield 0.5 * part.stop / len(images)
    planned = yield from _planned(network, images, partners, seed)
    seen = yield from _seen(wide, planned.images, workers)
    answers = seen.answers(wide, planned)
    example = next((one for one in answers if one.tile is not None), None)
    shown = None if example is None else answers.index(example)
    return TileTest(
        network=network.name,
        count=len(images),
        size=wide.input_size,
        mosaics=len(answers),
        answered=sum(one.tile is not None for one in answers),
        why_none=planned.why_none,
        canvas=own_copy(on_canvas(images[0], 0, network.fill)),
        example=example,
        rows=tuple(_row(one, np.array(alone[one.gate]), seen, answers, shown) for one in first),
    )


def widened(network: Classifier) -> Classifier:
    """Return a network for images of twice its input size, after trying one.

    Raises:
        ModelError: it does not take them.
    """
    width, height = network.input_size
    wide = replace(network, input_size=(2 * width, 2 * height))
    try:
        observe(wide, [np.full((2 * height, 2 * width, 3), network.fill, np.uint8)])
    except CbamError as error:
        raise ModelError(
            "mosaic.size",
            "{name} does not take images of {width}×{height} pixels, so it cannot be shown a canvas or a mosaic",
            name=network.name or "this network",
            width=2 * width,
            height=2 * height,
        ) from error
    return wide


def on_canvas(image: Pixels, tile: int, colour: tuple[int, int, int]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Put an image on an empty canvas of twice its sides.

    Args:
        image: uint8 RGB.
        tile: number of the tile, in reading order from 0.
        colour: colour of the canvas, uint8 RGB.
    """
    height, width = image.shape[:2]
    canvas = np.empty((2 * height, 2 * width, 3), np.uint8)
    canvas[:] = colour
    down, right = TILES[tile]
    canvas[down * height :, right * width :][:height, :width] = image
    return canvas


def in_mosaic(images: Sequence[Pixels]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Put four images of one size together, in reading order."""
    top, bottom = (np.concatenate(images[start : start + 2], axis=1) for start in (0, 2))
    return np.concatenate([top, bottom], axis=0)


def share_in_tile(
    mask: Float[np.ndarray, "rows columns"], placement: Placement, tile: int, size: tuple[int, int]
) -> float | None:
    """Compute the share of a mask in one of four tiles, by the areas that its cells cover.

    Args:
        mask: the mask; values below 0 count as 0.
        placement: positions of its cells on the canvas.
        tile: number of the tile, in reading order from 0.
        size: (width, height) of the canvas.

    Returns:
        A share in [0, 1]; None where the mask is 0 everywhere.
    """
    values = mask.astype(np.float64).clip(0)
    lengths = (size[1], size[0])
    inside, whole = [], []
    for axis in (0, 1):
        centres = placement.start[axis] + placement.step[axis] * np.arange(mask.shape[axis]) + 0.5
        middle = lengths[axis] / 2
        start = TILES[tile][axis] * middle
        inside.append(_covered(centres, placement.step[axis], start, start + middle))
        whole.append(_covered(centres, placement.step[axis], 0.0, float(lengths[axis])))
    total = float(whole[0] @ values @ whole[1])
    return float(inside[0] @ values @ inside[1]) / total if total > 0 else None


def _covered(centres: Float64[np.ndarray, " n"], step: float, low: float, high: float) -> Float64[np.ndarray, " n"]:
    """Return the part of each cell between two places, in cells."""
    found: np.ndarray = (np.minimum(centres + step / 2, high) - np.maximum(centres - step / 2, low)).clip(0) / step
    return found


def _in_corners(masks: Masks, size: tuple[int, int]) -> Iterator[list[float]]:
    """Yield the share of a mask in the tile of the only object, for each of four places of each image."""
    for start in range(0, len(masks.values), len(TILES)):
        found = [share_in_tile(masks.values[start + tile], masks.placement, tile, size) for tile in range(len(TILES))]
        yield [np.nan if share is None else share for share in found]


@dataclass(frozen=True, eq=False)
class _Planned:
    """Mosaics before they are shown: their images, the classes of their tiles, or why there are none."""

    images: list[Pixels]
    classes: list[tuple[str, str, str, str]]
    why_none: Message | None = None


def _planned(network: Classifier, images: list[Pixels], partners: list[Pixels] | None, seed: int) -> Steps[_Planned]:
    """Choose four images of different classes for each mosaic, and their order."""
    if not network.classes:
        return _Planned([], [], Message("mosaic.no-classes", "without classes there is no answered tile"))
    if partners is None and len(images) == 1:
        partners = fitted(network, samples().images, slice(0, len(samples())))
    pool = images if partners is None else [*images, *partners]
    answers = []
    for part in batches(len(pool), batch_size(network)):
        answers += observe(network, pool[part], gates=False).probabilities.argmax(axis=1).tolist()
        yield 0.5 + 0.2 * part.stop / len(pool)
    if len(set(answers)) < len(TILES):
        return _Planned(
            [],
            [],
            Message("mosaic.one-class", "there are no four images with different answers, so there is no mosaic"),
        )
    draws = np.random.default_rng(seed)
    chosen = [_four(draws, answers, place) for place in _firsts(len(images))]
    names = [tuple(network.classes[answers[one]] for one in four) for four in chosen]
    return _Planned([in_mosaic([pool[one] for one in four]) for four in chosen], [(a, b, c, d) for a, b, c, d in names])


def _firsts(count: int) -> Iterator[tuple[int, int]]:
    """Yield an image for each mosaic, and the tile that it is in."""
    for number in range(MOSAICS if count == 1 else count):
        yield number % count, number % len(TILES)


def _four(draws: np.random.Generator, answers: list[int], place: tuple[int, int]) -> list[int]:
    """Draw three further images of different answers around one in a given tile."""
    first, tile = place
    taken, chosen = {answers[first]}, []
    for other in draws.permutation(len(answers)).tolist():
        if answers[other] not in taken:
            taken.add(answers[other])
            chosen.append(other)
        if len(chosen) == len(TILES) - 1:
            break
    return [*chosen[:tile], first, *chosen[tile:]]


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the network did with the mosaics."""

    images: list[Pixels]
    parts: list[tuple[Observation, tuple[Masks, ...]]]

    def answers(self, network: Classifier, planned: _Planned) -> list[Mosaic]:
        """Return the mosaics with their answers."""
        found = [int(place) for seen, _ in self.parts for place in seen.probabilities.argmax(axis=1)]
        return [
            Mosaic(own_copy(image), classes, network.classes[answer])
            for image, classes, answer in zip(planned.images, planned.classes, found, strict=True)
        ]

    def values(self, gate: str) -> Float[np.ndarray, "n rows columns"] | None:
        """Return the masks of a gate for all mosaics; None where there are no mosaics."""
        found = [one.values for _, masks in self.parts for one in masks if one.gate == gate]
        return np.concatenate(found) if found else None


def _seen(network: Classifier, images: list[Pixels], workers: int) -> Steps[_Seen]:
    parts, done = [], 0
    sizes = batches(len(images), batch_size(network))
    for found in in_order(lambda part: masks_of(network, images[part]), sizes, workers):
        parts.append(found)
        done += len(found[0].probabilities)
        yield 0.7 + 0.3 * done / len(images)
    return _Seen(images, parts)


def _row(
    masks: Masks, alone: Float64[np.ndarray, "n 4"], seen: _Seen, answers: list[Mosaic], shown: int | None
) -> TileRow:
    values = seen.values(masks.gate)
    own, fixed = _answered(values, masks.placement, answers)
    return TileRow(
        gate=masks.gate,
        placement=masks.placement,
        alone=over_both(alone),
        answered=over_images(own) if len(alone) > 1 else over_trials(own),
        fixed=float(np.mean(fixed)) if fixed else None,
        mask=own_copy(masks.values[0]),
        mosaic_mask=None if values is None or shown is None else own_copy(values[shown]),
    )


def _answered(
    values: Float[np.ndarray, "n rows columns"] | None, placement: Placement, answers: list[Mosaic]
) -> tuple[list[float | None], list[float]]:
    """Return the share of each mosaic's mask in its answered tile, and that of the mean of the other mosaics' masks."""
    own: list[float | None] = []
    fixed: list[float] = []
    if values is None:
        return own, fixed
    sums = values.sum(axis=0, dtype=np.float64)
    for mask, one in zip(values, answers, strict=True):
        if one.tile is None:
            continue
        size = (one.image.shape[1], one.image.shape[0])
        own.append(share_in_tile(mask, placement, one.tile, size))
        others = share_in_tile(sums - mask, placement, one.tile, size) if len(values) > 1 else None
        fixed += [] if others is None else [others]
    return own, fixed
