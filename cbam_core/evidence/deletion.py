"""Does a map rank the pixels that the answer needs? Deletion and insertion, for masks or any other maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Unpack

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, UInt8

from cbam_core.errors import ImageError, ModelError
from cbam_core.evidence.masks import AnyImages, Masks, Pixels, alike, masks_of, opened
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.network import Classifier, Stated
from cbam_core.observing import batch_size, batches, observe
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.results.deletion import CONTROL_WORDS, Control, Curves, DeletionRow, DeletionTest, Gain
from cbam_core.results.placement import Placement
from cbam_core.results.resampled import over_both
from cbam_core.steps import Steps, finished
from cbam_core.workers import in_order

POINTS = 10
"""Number of steps from no pixel to all."""

DRAWS = 8
"""Random maps of each kind for a single image; of several, each image has one."""

BLUR = 8
"""The standard deviation of the blur is the shorter side of the input over this."""

Maps = Mapping[str, Float[np.ndarray, "*n rows columns"]]
"""Maps by name: (rows, columns) for one image, (N, rows, columns) for N."""

Both = Float64[np.ndarray, "2 s"]
"""Probabilities of one order of the pixels: deletion, insertion."""


def deletion_test(
    classifier: AnyNetwork,
    images: AnyImages,
    maps: Maps | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    report: Callable[[float], object] | None = None,
    **stated: Unpack[Stated],
) -> DeletionTest:
    """Blur the pixels that maps rank highest, or make them sharp first, and follow the probability of the answer.

    Args:
        classifier: a network, as `explain` takes it; it is not changed.
        images: an image, as `explain` takes it, several, or a data set.
        maps: maps to test, of any resolution, which share out the image: (rows, columns) for one image, (N, rows,
            columns) for N; None for the spatial masks of the network.
        draws: number of random maps of each kind for each image; None for 8 for one image, and 1 for several.
        seed: seed of the random maps.
        report: called with the share of the work that is done, in [0, 1].
        **stated: what is known about the network, as for `explain`.

    Returns:
        One row for each map, always with both tests. For one image, intervals are ranges over the random maps.

    Raises:
        CaptureError: the network has no spatial mask.
        ImageError: `maps` do not fit the images, or as for `explain`.
        ModelError: the network has no classes, or as for `explain`.
        CbamError: as for `explain`.
    """
    network, found = opened(classifier, images, stated)
    return finished(deletion_steps(network, found, maps, draws, seed), report)


def deletion_steps(
    network: Classifier,
    images: list[Pixels],
    maps: Maps | None = None,
    draws: int | None = None,
    seed: int = 0,
    workers: int = 1,
) -> Steps[DeletionTest]:
    """Do both tests in steps; arguments as `deletion_test`, with images of the network's input size.

    Args:
        network: the network.
        images: the images.
        maps: maps to test.
        draws: number of random maps of each kind for each image.
        seed: seed of the random maps.
        workers: number of batches that go through the network side by side.

    Raises:
        ImageError: `maps` do not fit the images.
        ModelError: the network has no classes.
    """
    _check_classes(network)
    _check_maps(maps, len(images))
    repeats = draws or (DRAWS if len(images) == 1 else 1)
    sums, answer = _Sums(), ""
    parts = _parts(network, images, maps, repeats, np.random.default_rng(seed))
    for part, found in in_order(lambda part: (part, part.curves(network)), parts, workers):
        answer = network.classes[part.wanted] if len(images) == 1 else ""
        for one, both in zip(part.orders, found, strict=True):
            sums.add(one, part.number, both)
        yield (part.number + part.share) / len(images)
    shares = np.linspace(0, 1, POINTS + 1)
    names = dict.fromkeys(one for one, _ in sums.found if one)
    rows = tuple(sums.row(name) for name in names)
    return DeletionTest(network.name, len(images), repeats, min(network.input_size) / BLUR, shares, answer, rows)


def _check_classes(network: Classifier) -> None:
    if not network.classes:
        raise ModelError(
            "deletion.no-classes",
            "{name} has no classes, so it has no answer whose probability could fall: state them, classes=[...]",
            name=network.name or "this network",
        )


def _check_maps(maps: Maps | None, count: int) -> None:
    for name, values in (maps or {}).items():
        single = values.ndim == 2 and count == 1
        if not (single or (values.ndim == 3 and len(values) == count)) or not np.isfinite(values).all():
            raise ImageError(
                "deletion.maps",
                "the map {name} does not fit: expected finite numbers of shape (rows, columns) for one image, and "
                "({count}, rows, columns) here; given {shape}",
                name=name,
                count=count,
                shape=str(values.shape),
            )


@dataclass(frozen=True, eq=False)
class _Ranked:
    """A map that ranks the pixels of one image."""

    name: str
    values: Float[np.ndarray, "rows columns"]
    placement: Placement


def _ranked(network: Classifier, found: Sequence[Masks], maps: Maps | None, number: int) -> list[_Ranked]:
    """Return the maps of one image: its masks, or those that are given."""
    if maps is None:
        return [_Ranked(one.gate, one.values[0], one.placement) for one in found]
    chosen = {name: values if values.ndim == 2 else values[number] for name, values in maps.items()}
    size = network.input_size[::-1]
    return [
        _Ranked(name, values, Placement.stretched((values.shape[0], values.shape[1]), size))
        for name, values in chosen.items()
    ]


@dataclass(frozen=True, eq=False)
class _Order:
    """An order of the pixels of one image: of a map, of a control of that map, or of a control of all maps."""

    map: str
    control: Control | None
    pixels: Int64[np.ndarray, " p"]


@dataclass(frozen=True, eq=False)
class _Part:
    """Some orders of the pixels of one image, which go through the network together.

    Attributes:
        number: number of the image.
        image: uint8 RGB of the network's input size.
        blurred: the same image, blurred.
        wanted: index of the class whose probability is followed.
        orders: the orders.
        share: share of the image's orders that are done with these, in [0, 1].
    """

    number: int
    image: Pixels
    blurred: Pixels
    wanted: int
    orders: Sequence[_Order]
    share: float

    def curves(self, network: Classifier) -> list[Both]:
        """Follow the probability along each order."""
        return curves(network, self.image, self.blurred, [one.pixels for one in self.orders], self.wanted)


def _parts(
    network: Classifier, images: list[Pixels], maps: Maps | None, repeats: int, random: np.random.Generator
) -> Iterator[_Part]:
    """Yield all orders of all images; random maps are drawn one after the other, whoever tries them."""
    at_once = max(1, (batch_size(network) - 2) // (2 * (POINTS - 1)))
    for number, image in enumerate(images):
        seen, masks = masks_of(network, [image]) if maps is None else (observe(network, [image], gates=False), ())
        wanted = int(seen.probabilities[0].argmax())
        orders = list(_orders(_ranked(network, masks, maps, number), network.input_size, repeats, random))
        blurred = blur(image, min(network.input_size) / BLUR)
        for some in batches(len(orders), at_once):
            yield _Part(number, image, blurred, wanted, orders[some], some.stop / len(orders))


def _orders(
    maps: Sequence[_Ranked], size: tuple[int, int], repeats: int, random: np.random.Generator
) -> Iterator[_Order]:
    """Yield the orders to try on one image."""
    for one in maps:
        yield _Order(one.name, None, _order(one.values, one.placement, size, random))
        for _ in range(repeats):
            yield _Order(one.name, "alike", _order(alike(one.values, random), one.placement, size, random))
    whole = Placement.stretched((size[1], size[0]), size[::-1])
    for _ in range(repeats):
        yield _Order("", "pixels", _order(random.random(size[::-1]), whole, size, random))
    yield _Order("", "centre", _order(centre(size), whole, size, random))


def centre(size: tuple[int, int]) -> Float64[np.ndarray, "h w"]:
    """Return a map that is highest in the centre of an image, and falls to all sides.

    Args:
        size: (width, height) of the image.
    """
    across, down = (np.linspace(-1, 1, count) for count in size)
    return -(down[:, None] ** 2 + across[None] ** 2)


def _order(
    values: Float[np.ndarray, "rows columns"],
    placement: Placement,
    size: tuple[int, int],
    random: np.random.Generator,
) -> Int64[np.ndarray, " p"]:
    """Order the pixels of an image by a map that is interpolated between its cells, highest first, equals at random."""
    drawn = upsample(values, cells_on_input(placement), size, smooth=True).ravel()
    found: np.ndarray = np.lexsort((random.random(drawn.size), -drawn))
    return found


def blur(image: Pixels, deviation: float) -> Pixels:
    """Blur an image; at its border, by the pixels inside alone.

    Args:
        image: uint8 RGB.
        deviation: standard deviation of the blur in pixels.
    """
    down, across = (_weights(count, deviation) for count in image.shape[:2])
    soft = np.einsum("ij,jkc,lk->ilc", down, image.astype(np.float64), across, optimize=True)
    found: np.ndarray = np.rint(soft).clip(0, 255).astype(np.uint8)
    return found


def _weights(count: int, deviation: float) -> Float64[np.ndarray, "n n"]:
    places = np.arange(count)
    weights = np.exp(-0.5 * ((places[:, None] - places) / deviation) ** 2)
    found: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return found


def curves(
    network: Classifier, image: Pixels, blurred: Pixels, orders: Sequence[Int64[np.ndarray, " p"]], wanted: int
) -> list[Both]:
    """Follow the probability of a class while pixels are blurred, and while they are made sharp.

    Args:
        network: the network.
        image: uint8 RGB of its input size.
        blurred: the same image, blurred.
        orders: numbers of the pixels in reading order, those of the highest rank first, for each order to try.
        wanted: index of the class.

    Returns:
        Probabilities at each share of the pixels, from 0 to 1: of deletion, then of insertion, for each order.
    """
    shown = [image, blurred, *(one for order in orders for one in _between(image, blurred, order))]
    found = np.concatenate(
        [
            observe(network, shown[part], gates=False).probabilities[:, wanted]
            for part in batches(len(shown), batch_size(network))
        ]
    ).astype(np.float64)
    sharp, soft, between = found[:1], found[1:2], found[2:].reshape(len(orders), 2, -1)
    return [np.stack([np.r_[sharp, deleted, soft], np.r_[soft, inserted, sharp]]) for deleted, inserted in between]


def _between(image: Pixels, blurred: Pixels, order: Int64[np.ndarray, " p"]) -> Iterator[Pixels]:
    """Yield what lies between an image and the blurred one: in deletion, then in insertion."""
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    ranks = rank.reshape(image.shape[:2])
    counts = np.rint(np.linspace(0, 1, POINTS + 1)[1:-1] * order.size)
    for inside, outside in ((blurred, image), (image, blurred)):
        for count in counts:
            yield _mixed(inside, outside, ranks < count)


def _mixed(inside: Pixels, outside: Pixels, chosen: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    return np.where(chosen[:, :, None], inside, outside)


def area(curve: Float64[np.ndarray, "*n s"]) -> Float64[np.ndarray, "*n"]:
    """Compute the area under curves over shares from 0 to 1, by trapezoids."""
    found: np.ndarray = np.asarray((curve[..., :-1] + curve[..., 1:]).mean(axis=-1) / 2)
    return found


@dataclass(eq=False)
class _Sums:
    """Curves of every order, by map and control: for each image, those of its draws."""

    found: dict[tuple[str, Control | None], dict[int, list[Both]]] = field(default_factory=dict)

    def add(self, order: _Order, number: int, both: Both) -> None:
        self.found.setdefault((order.map, order.control), {}).setdefault(number, []).append(both)

    def _curves(self, name: str, control: Control | None) -> Float64[np.ndarray, "n draws 2 s"]:
        key = (name, control) if (name, control) in self.found else ("", control)
        return np.array(list(self.found[key].values()))

    def row(self, name: str) -> DeletionRow:
        """Sum up the curves of one map and its controls."""
        own = self._curves(name, None)
        others: dict[Control, np.ndarray] = {control: self._curves(name, control) for control in CONTROL_WORDS}
        return DeletionRow(
            map=name,
            own=_summed(own),
            controls={control: _summed(found) for control, found in others.items()},
            gains={control: _gain(own, found) for control, found in others.items()},
        )


def _summed(found: Float64[np.ndarray, "n draws 2 s"]) -> Curves:
    deletion, insertion = found.mean(axis=(0, 1))
    areas = area(found)  # (N, draws, 2)
    return Curves(deletion, insertion, over_both(areas[..., 0]), over_both(areas[..., 1]))


def _gain(own: Float64[np.ndarray, "n 1 2 s"], other: Float64[np.ndarray, "n draws 2 s"]) -> Gain:
    differences = area(other) - area(own)
    return Gain(over_both(differences[..., 0]), over_both(-differences[..., 1]))
