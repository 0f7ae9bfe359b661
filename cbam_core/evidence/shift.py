"""Does a mask follow the content of an image that is moved, or stay with the frame?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Unpack, get_args

import numpy as np
from jaxtyping import Float, Float64

from cbam_core.errors import ImageError
from cbam_core.evidence.masks import AnyImages, Masks, Pixels, at_once, correlation, masks_of, opened
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.network import Classifier, Stated
from cbam_core.observing import batches
from cbam_core.render.colours import is_flat
from cbam_core.results.explanation import own_copy
from cbam_core.results.placement import Pair
from cbam_core.results.resampled import over_both
from cbam_core.results.shift import DIRECTIONS, Fill, Moved, ShiftRow, ShiftTest
from cbam_core.steps import Steps, finished

SHARE = 4
"""By default, images are moved by the shorter side of the input over this: 8 pixels of 32."""

FEWEST = 6
"""Smallest number of cells over which masks are compared."""


def shift_test(
    classifier: AnyNetwork,
    images: AnyImages,
    *,
    pixels: int | None = None,
    fill: str = "mean",
    report: Callable[[float], object] | None = None,
    **stated: Unpack[Stated],
) -> ShiftTest:
    """Move images in four directions, and compare the masks with those of the unmoved images.

    A mask whose cells do not lie on multiples of `pixels` is tested with the next larger distance that is a multiple,
    up to half of the image; where there is none, the mask is moved by interpolation, and its row says so.

    Args:
        classifier: a network, as `explain` takes it; it is not changed.
        images: an image, as `explain` takes it, several, or a data set.
        pixels: how far images are moved, in pixels of the input; None for a quarter of its shorter side, 8 of 32.
        fill: what comes into the image where content moved away: ``"mean"`` for the network's mean colour,
            ``"reflect"`` for the image mirrored, ``"edge"`` for its border repeated.
        report: called with the share of the work that is done, in [0, 1].
        **stated: what is known about the network, as for `explain`.

    Returns:
        One row for each mask. For one image, intervals are ranges of the four directions.

    Raises:
        CaptureError: the network has no spatial mask.
        ImageError: `pixels` or `fill` is not possible, or as for `explain`.
        CbamError: as for `explain`.
    """
    network, found = opened(classifier, images, stated)
    return finished(shift_steps(network, found, pixels, fill), report)


def shift_steps(
    network: Classifier, images: list[Pixels], pixels: int | None = None, fill: str = "mean"
) -> Steps[ShiftTest]:
    """Do the shift test in steps; arguments as `shift_test`, with images of the network's input size."""
    wanted, how = _distance(network, pixels), as_fill(fill)
    trials: dict[str, _Trials] = {}
    for part in batches(len(images), at_once(network, 1 + len(DIRECTIONS))):
        chosen = images[part]
        _, masks = masks_of(network, chosen)
        for one in masks:
            trials.setdefault(one.gate, _Trials(one, wanted, network.input_size)).begin(one, chosen[0])
        for distance in sorted({one.pixels for one in trials.values()}):
            for name, (down, right) in DIRECTIONS.items():
                there = [moved(image, down * distance, right * distance, how, network.fill) for image in chosen]
                _, after = masks_of(network, there)
                for one in after:
                    if one.gate in trials and trials[one.gate].pixels == distance:
                        trials[one.gate].compare(one, name, there[0])
        yield part.stop / len(images)
    rows = tuple(one.row() for one in trials.values())
    return ShiftTest(network.name, len(images), how, own_copy(images[0]), rows)


def as_fill(given: str) -> Fill:
    """Check the name of what comes into an image where content moves away.

    Raises:
        ImageError: there is nothing of that name.
    """
    for fill in get_args(Fill):
        if fill == given:
            known: Fill = fill
            return known
    raise ImageError("shift.fill", "unknown fill '{fill}'; expected mean, reflect or edge", fill=given[:40])


def _distance(network: Classifier, pixels: int | None) -> int:
    """Return how far images are moved.

    Raises:
        ImageError: this is not possible.
    """
    side = min(network.input_size)
    if pixels is None:
        return max(1, side // SHARE)
    if not 1 <= pixels <= side // 2:
        raise ImageError(
            "shift.pixels",
            "images of this network can be moved by 1 to {most} pixels; given {pixels}",
            most=side // 2,
            pixels=pixels,
        )
    return pixels


def moved(image: Pixels, down: int, right: int, fill: Fill, colour: tuple[int, int, int]) -> Pixels:
    """Move the content of an image within its frame.

    Args:
        image: uint8 RGB.
        down: pixels by which it is moved down; below 0, up.
        right: pixels by which it is moved to the right; below 0, to the left.
        fill: what comes in.
        colour: the colour that comes in for ``"mean"``, uint8 RGB.

    Returns:
        An image of the same size.
    """
    height, width = image.shape[:2]
    top, left = max(down, 0), max(right, 0)
    pads = ((top, max(-down, 0)), (left, max(-right, 0)))
    if fill == "mean":
        wide = np.empty((height + abs(down), width + abs(right), 3), np.uint8)
        wide[:] = colour
        wide[top : top + height, left : left + width] = image
    else:
        wide = np.pad(image, (*pads, (0, 0)), mode=fill)
    return np.ascontiguousarray(wide[max(-down, 0) :][:height, max(-right, 0) :][:, :width])


def distance_for(step: Pair, wanted: int, size: tuple[int, int]) -> int:
    """Return the distance by which images are moved for cells of a step.

    Args:
        step: distance of the cells in input pixels (rows, columns).
        wanted: smallest distance in pixels.
        size: (width, height) of the input.

    Returns:
        The smallest whole number of pixels from `wanted` to half of the image that is a multiple of the step in both
        directions; `wanted` where there is none.
    """
    for pixels in range(wanted, min(size) // 2 + 1):
        if all(abs(pixels / one - round(pixels / one)) < 1e-6 and pixels >= one * (1 - 1e-6) for one in step):
            return pixels
    return wanted


def compared(
    before: Float[np.ndarray, "rows columns"], after: Float[np.ndarray, "rows columns"], down: float, right: float
) -> tuple[float | None, float | None]:
    """Compare the mask of a moved image with that of the unmoved one, over the cells that both have.

    Args:
        before: mask of the unmoved image.
        after: mask of the moved image.
        down: how far it was moved down, in cells; below 0, up.
        right: how far it was moved to the right, in cells.

    Returns:
        Correlation of `after` with `before` moved along, and with `before` where it was, over the same cells; None
        where there are fewer than `FEWEST` cells, or one of the masks is constant there.
    """
    rows, above = _origins(before.shape[0], down)
    columns, beside = _origins(before.shape[1], right)
    if rows.size * columns.size < FEWEST:
        return None, None
    along = _between(_between(before.astype(np.float64), above).T, beside).T
    there = np.ix_(rows, columns)
    return correlation(along, after[there]), correlation(before[there], after[there])


def _origins(count: int, cells: float) -> tuple[np.ndarray, Float64[np.ndarray, " m"]]:
    """Return the cells of a moved row whose content was inside before, and where it was."""
    places = np.arange(count)
    origins = places - cells
    inside = (origins >= -1e-6) & (origins <= count - 1 + 1e-6)
    return places[inside], origins[inside].clip(0, count - 1)


def _between(mask: Float64[np.ndarray, "rows columns"], places: Float64[np.ndarray, " m"]) -> np.ndarray:
    """Return rows of a mask at places that may lie between two of them, interpolated linearly."""
    near = np.rint(places)
    places = np.where(abs(places - near) < 1e-6, near, places)
    first = np.floor(places).astype(np.intp)
    second = np.minimum(first + 1, len(mask) - 1)
    share = (places - first)[:, None]
    found: np.ndarray = (1 - share) * mask[first] + share * mask[second]
    return found


class _Trials:
    """What one mask does: for each image, a correlation for each direction."""

    def __init__(self, masks: Masks, wanted: int, size: tuple[int, int]) -> None:
        self.gate, self._placement = masks.gate, masks.placement
        self.pixels = distance_for(masks.placement.step, wanted, size)
        self.cells = (self.pixels / masks.placement.step[0], self.pixels / masks.placement.step[1])
        self._flat: list[bool] = []
        self._followed: dict[str, list[float]] = {name: [] for name in DIRECTIONS}
        self._stayed: dict[str, list[float]] = {name: [] for name in DIRECTIONS}
        self._example: tuple[np.ndarray, list[Moved]] | None = None

    def begin(self, masks: Masks, _image: Pixels) -> None:
        """Take in the masks of unmoved images."""
        self._before = masks.values
        self._flat += [is_flat(one) for one in masks.values]
        if self._example is None:
            self._example = own_copy(masks.values[0]), []

    def compare(self, masks: Masks, name: str, image: Pixels) -> None:
        """Compare the masks of the same images, moved in one direction."""
        down, right = (sign * count for sign, count in zip(DIRECTIONS[name], self.cells, strict=True))
        start = len(self._followed[name])
        pairs = [compared(one, two, down, right) for one, two in zip(self._before, masks.values, strict=True)]
        for flat, (followed, stayed) in zip(self._flat[start:], pairs, strict=True):
            known = not flat and followed is not None and stayed is not None
            self._followed[name].append(followed if known and followed is not None else math.nan)
            self._stayed[name].append(stayed if known and stayed is not None else math.nan)
        if start == 0 and self._example is not None:
            self._example[1].append(Moved(name, own_copy(image), own_copy(masks.values[0]), *pairs[0]))

    def row(self) -> ShiftRow:
        """Sum up all images."""
        followed, stayed = (np.array(list(one.values())).T for one in (self._followed, self._stayed))
        mask, examples = self._example or (np.zeros((1, 1), np.float32), [])
        return ShiftRow(
            gate=self.gate,
            pixels=self.pixels,
            cells=self.cells,
            placement=self._placement,
            followed=over_both(followed),
            stayed=over_both(stayed),
            difference=over_both(followed - stayed),
            flat=sum(self._flat) / len(self._flat),
            mask=mask,
            moved=tuple(examples),
        )
