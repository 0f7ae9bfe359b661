"""Positions of a tensor's elements on the input, and the straight line through them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from cbam_core.results.placement import Placement

LOW, HIGH, FIRST, LAST = range(4)
"""Rows of a table: the interval that has the centre, and the first and last pixel of the receptive field."""

EXACT = 1e-6
"""Largest distance in pixels at which centres count as lying on a line."""

UNEVEN = 0.5
"""Pixels by which the centre of a field may miss its middle, because weights are not symmetric."""

Table = Float64[np.ndarray, "4 ..."]


@dataclass(frozen=True, eq=False)
class Axis:
    """Positions along one side of the image, in pixel-centre units.

    Attributes:
        table: float64 (4, *dims), one row for each of `LOW`, `HIGH`, `FIRST` and `LAST`; it broadcasts to the tensor's
            shape, and has one element along dimensions that do not matter. NaN where the position is unknown.
        step: distance between neighbouring cells in pixels, where they have all the same.
        mixed: whether elements of equal position may differ, because each is a mixture of a whole range.
    """

    table: Table
    step: float
    mixed: bool = False

    @property
    def along(self) -> tuple[int, ...]:
        """Dimensions of the tensor along which positions differ."""
        return tuple(dim for dim, size in enumerate(self.table.shape[1:]) if size > 1)

    @property
    def is_lost(self) -> bool:
        """Whether some position is unknown."""
        return bool(np.isnan(self.table).any())


@dataclass(frozen=True, eq=False)
class Positions:
    """What is known about one tensor that depends on the image.

    Attributes:
        shape: shape of the tensor.
        axes: positions along the rows and along the columns of the image.
        gate: whether its values are a squashed factor; where it multiplies a map, it does not move that map.
        root: mark that tensors share which have the same elements in different places.
    """

    shape: tuple[int, ...]
    axes: tuple[Axis, Axis]
    gate: bool = False
    root: object = field(default_factory=object)


def pixels(shape: tuple[int, ...]) -> Positions:
    """Return the positions of an image's own pixels.

    Args:
        shape: (B, C, H, W).
    """
    rows, columns = (np.arange(float(size)) for size in shape[2:])
    return Positions(
        shape,
        (
            Axis(np.broadcast_to(rows[:, None], (4, 1, 1, shape[2], 1)), 1.0),
            Axis(np.broadcast_to(columns, (4, 1, 1, 1, shape[3])), 1.0),
        ),
    )


def lost(shape: tuple[int, ...], *, gate: bool = False) -> Positions:
    """Return the positions of a tensor of which nothing is known."""
    nowhere = Axis(np.full((4,) + (1,) * len(shape), np.nan), 1.0)
    return Positions(shape, (nowhere, nowhere), gate)


def condensed(table: Table) -> Table:
    """Keep one element along every dimension in which no position differs."""
    for dim in range(1, table.ndim):
        if table.shape[dim] > 1:
            first = table.take([0], dim)
            if np.allclose(table, first, rtol=0, atol=1e-9, equal_nan=True):
                table = first
    return table


def reduce(table: Table, dims: tuple[int, ...], *, union: bool = False) -> Table:
    """Combine the positions along some dimensions, which keep one element.

    Args:
        table: positions.
        dims: dimensions of the tensor.
        union: whether the weights of the elements are unknown, so that the centre may be that of any of them; else
            it is their middle.
    """
    over = tuple(dim + 1 for dim in dims if table.shape[dim + 1] > 1)
    if not over:
        return table
    reduced: Table = table.min(over, keepdims=True)
    reduced[LAST] = table[LAST].max(tuple(dim - 1 for dim in over), keepdims=True)
    inner = tuple(dim - 1 for dim in over)
    if union:
        reduced[HIGH] = table[HIGH].max(inner, keepdims=True)
    else:
        for row in (LOW, HIGH):
            reduced[row] = table[row].mean(inner, keepdims=True)
    return reduced


def placement_of(positions: Positions, image: tuple[int, int]) -> Placement | None:
    """Return the grid of a map's cells, with its status.

    Args:
        positions: those of a map with two sides, whatever the order of its dimensions.
        image: (height, width) of the input in pixels.

    Returns:
        The grid; that of a map stretched over the input where it is unknown; None where the tensor is no map.
    """
    positions = _over_channels(positions)
    rows, columns = positions.axes
    if not (rows.is_lost or columns.is_lost) and _is_map(positions):
        lines = _line(rows), _line(columns)
        if all(step > 0 and 2 * bound < count * step for _, step, bound, count in lines):
            (top, down, above, height), (left, across, beside, width) = lines
            bound = max(above, beside)
            return Placement(
                (top, left),
                (down, across),
                status="exact" if bound <= EXACT else "approximate",
                bound=0.0 if bound <= EXACT else bound + UNEVEN,
                field=(_extent(rows), _extent(columns)),
                cells=(height, width),
            )
    if len(positions.shape) != 4:
        return None
    return Placement.stretched(_sides(positions.shape, image), image)


def _over_channels(positions: Positions) -> Positions:
    """Make an interval of the places of all channels, where those differ in both directions, as after folding."""
    shared = set(positions.axes[0].along) & set(positions.axes[1].along)
    if len(shared) != 1:
        return positions
    rows, columns = (Axis(reduce(axis.table, (*shared,), union=True), axis.step, axis.mixed) for axis in positions.axes)
    return Positions(positions.shape, (rows, columns)) if rows.along and columns.along else positions


def _sides(shape: tuple[int, ...], image: tuple[int, int]) -> tuple[int, int]:
    """Return the sides of a map of four dimensions: of (H, W, C) and (C, H, W), what is more like the image's shape."""
    first, last = ((shape[at], shape[at + 1]) for at in (1, 2))
    slant = [abs(math.log(down * image[1] / (across * image[0]))) for down, across in (first, last)]
    return first if slant[0] < slant[1] else last


def _is_map(positions: Positions) -> bool:
    """Check that rows and columns have a dimension each, and that at most one other (channels) is left."""
    rows, columns = (axis.along for axis in positions.axes)
    if len(rows) > 1 or len(columns) > 1 or (rows and rows == columns):
        return False
    others = [dim for dim in range(1, len(positions.shape)) if dim not in (*rows, *columns)]
    missing = (not rows) + (not columns)
    return len(others) > missing and sum(positions.shape[dim] > 1 for dim in others) <= 1


def _line(axis: Axis) -> tuple[float, float, float, int]:
    """Fit start and step in pixels; return them, the largest distance of a centre from its place, and the count."""
    low, high = axis.table[LOW].ravel(), axis.table[HIGH].ravel()
    count = low.size
    start, bound = _fitted(low, high, axis.step)
    if count > 1 and bound > EXACT:
        step = float(low[-1] + high[-1] - low[0] - high[0]) / 2 / (count - 1)
        other, nearer = _fitted(low, high, step)
        if nearer < bound / 2:  # cells are not where strides say, as after slicing in a way of its own
            return other, step, nearer, count
    return start, axis.step, bound, count


def _fitted(low: np.ndarray, high: np.ndarray, step: float) -> tuple[float, float]:
    """Return the start of the best line with a step, and the largest distance of a centre from it."""
    places = np.arange(low.size) * step
    first, last = float((low - places).min()), float((high - places).max())
    return (first + last) / 2, (last - first) / 2


def _extent(axis: Axis) -> float:
    """Return the number of pixels of the largest receptive field."""
    return float((axis.table[LAST] - axis.table[FIRST]).max() + 1)
