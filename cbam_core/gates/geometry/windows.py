"""Layers with a window: each output cell takes a few neighbouring cells of one dimension, with known weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from cbam_core.gates.geometry.positions import FIRST, LAST, Axis, Positions, Table


@dataclass(frozen=True, eq=False)
class Window:
    """Cells that each output cell takes, along one dimension.

    Attributes:
        cells: indices (outputs, taps); they may lie outside, where the grid is continued.
        weights: relative weights (outputs, taps), 0 for a tap that is not taken.
        stride: distance of two outputs, in cells.
    """

    cells: Int64[np.ndarray, "outputs taps"]
    weights: Float64[np.ndarray, "outputs taps"]
    stride: float


def sliding(outputs: int, taps: int, stride: int, padding: int, dilation: int = 1) -> Window:
    """Return the window of a convolution or of pooling, with equal weights."""
    cells = np.arange(outputs)[:, None] * stride - padding + np.arange(taps) * dilation
    return Window(cells, np.ones(cells.shape), float(stride))


def transposed(outputs: int, taps: int, stride: int, padding: int, dilation: int = 1) -> Window:
    """Return the window of a transposed convolution: an output takes the cells that are spread onto it."""
    places = np.arange(outputs)[:, None] + padding - np.arange(taps)[::-1] * dilation
    cells, beside = np.divmod(places, stride)
    taken = (beside == 0).astype(np.float64)
    empty = taken.sum(1) == 0  # only the bias: as if it had the nearest cell
    taken[empty, 0] = 1
    cells[empty, 0] = np.round(places[empty].mean(1) / stride)
    return Window(cells, taken, 1 / stride)


def adaptive(outputs: int, size: int) -> Window:
    """Return the window of adaptive pooling, which shares out all cells."""
    first = np.arange(outputs) * size // outputs
    last = -(-(np.arange(outputs) + 1) * size // outputs)
    cells = first[:, None] + np.arange((last - first).max())
    taken = (cells < last[:, None]).astype(np.float64)
    return Window(cells, taken, size / outputs)


def padded(outputs: int, before: int) -> Window:
    """Return the window of padding, or of cropping where it is negative."""
    return sliding(outputs, 1, 1, before)


def nearest(outputs: int, scale: float, *, middle: bool) -> Window:
    """Return the window of nearest interpolation.

    Args:
        outputs: number of outputs.
        scale: distance of two outputs in cells.
        middle: whether the cell below the middle of an output is taken, else below its edge.
    """
    cells = np.floor((np.arange(outputs) + (0.5 if middle else 0.0)) * scale).astype(np.int64)[:, None]
    return Window(cells, np.ones(cells.shape), scale)


def linear(outputs: int, scale: float, *, corners: bool) -> Window:
    """Return the window of linear interpolation; `corners` if the outermost cells keep their places."""
    places = np.arange(outputs) * scale if corners else (np.arange(outputs) + 0.5) * scale - 0.5
    cells = np.floor(places).astype(np.int64)
    share = places - cells
    return Window(np.stack((cells, cells + 1), 1), np.stack((1 - share, share), 1), scale)


def cubic(outputs: int, scale: float, *, corners: bool) -> Window:
    """Return the window of cubic interpolation, which leaves a line straight as linear interpolation does."""
    two = linear(outputs, scale, corners=corners)
    cells = np.concatenate((two.cells[:, :1] - 1, two.cells, two.cells[:, 1:] + 1), 1)
    tiny = np.full((outputs, 1), 1e-12) * (two.weights[:, 1:] > 0)  # taken, and equal on both sides
    return Window(cells, np.concatenate((tiny, two.weights, tiny), 1), scale)


def smoothed(outputs: int, scale: float, reach: float) -> Window:
    """Return the window of interpolation with antialiasing: a tent over all cells that an output covers.

    Args:
        outputs: number of outputs.
        scale: distance of two outputs in cells.
        reach: half the width of the tent for a scale of 1: 1 for linear, 2 for cubic.
    """
    support = reach * max(scale, 1.0)
    middle = (np.arange(outputs) + 0.5) * scale
    first = np.floor(middle - support + 0.5).astype(np.int64)
    cells = first[:, None] + np.arange(int(np.ceil(2 * support)) + 1)
    weights = np.maximum(0, 1 - np.abs(cells + 0.5 - middle[:, None]) / support)
    return Window(cells, weights, scale)


def through_windows(
    positions: Positions, windows: dict[int, Window], shape: tuple[int, ...], channels: int | None = None
) -> Positions:
    """Return the positions after a layer with a window along some dimensions.

    Args:
        positions: those before.
        windows: window of each dimension, counted from the last (-1).
        shape: shape of the layer's output.
        channels: groups of channels, in the dimension before the windows, each of which the layer adds up; None if it
            keeps them apart.
    """
    axes = []
    for axis in positions.axes:
        table, step = axis.table, axis.step
        if channels is not None:
            table = add_up(table, len(windows) + 1, channels, shape[-len(windows) - 1])
        for dim, window in windows.items():
            if table.shape[dim] > 1:
                table, step = _through(table, dim, window), step * window.stride
        axes.append(Axis(table, step, axis.mixed))
    return Positions(shape, (axes[0], axes[1]))


def add_up(table: Table, dim: int, groups: int, outputs: int) -> Table:
    """Combine the positions of channels that a convolution adds up; `dim` is counted from the last."""
    channels = table.shape[-dim]
    if channels == 1:
        return table
    before, after = table.shape[:-dim], table.shape[len(table.shape) - dim + 1 :]
    grouped = table.reshape(*before, groups, channels // groups, *after)
    middle = len(before) + 1
    reduced: Table = grouped.mean(middle)
    reduced[FIRST], reduced[LAST] = grouped[FIRST].min(middle - 1), grouped[LAST].max(middle - 1)
    return reduced.repeat(outputs // groups, axis=middle - 1) if groups > 1 else reduced


def _through(table: Table, dim: int, window: Window) -> Table:
    line: Table = np.moveaxis(table, dim, -1)
    taken = continued(line, window.cells)  # (4, ..., outputs, taps)
    out: Table = (taken * window.weights).sum(-1) / window.weights.sum(-1)
    used = window.weights != 0
    out[FIRST] = np.where(used, taken[FIRST], np.inf).min(-1)
    out[LAST] = np.where(used, taken[LAST], -np.inf).max(-1)
    return np.moveaxis(out, -1, dim)


def continued(line: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Look up cells along the last dimension, of more than one cell, which goes on as before beyond both ends."""
    last = line.shape[-1] - 1
    rounds, index = np.divmod(cells, last)
    inside = cells == last
    rounds, index = rounds - inside, np.where(inside, last, index)
    found: np.ndarray = line[..., index]
    if rounds.any():
        whole = line[..., last] - line[..., 0]
        found = found + whole.reshape(*whole.shape, *(1,) * cells.ndim) * rounds
    return found


def as_sizes(value: int | Sequence[int] | None, count: int, default: int = 1) -> tuple[int, ...]:
    """Return one number for each dimension, as layers take them: one for all, or one each."""
    if value is None or (not isinstance(value, int) and not len(value)):
        return (default,) * count
    if isinstance(value, int):
        return (value,) * count
    numbers = tuple(int(one) for one in value)
    return numbers * count if len(numbers) == 1 else numbers
