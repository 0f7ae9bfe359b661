"""Operations that only put elements in other places, by doing the same with the numbers of the elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cbam_core.gates.geometry.joins import LARGEST, join
from cbam_core.gates.geometry.positions import HIGH, LOW, Axis, Positions, Table, condensed, lost
from cbam_core.gates.geometry.windows import continued

Move = Callable[[Tensor], Any]
"""Function of a tensor that returns its elements in other places, in one tensor or several."""


def moved(positions: Positions, move: Move, shapes: Sequence[tuple[int, ...]]) -> list[Positions]:
    """Return the positions after elements changed places; only views of small tables are made where possible.

    Args:
        positions: those before.
        move: the operation.
        shapes: shapes of its results.
    """
    sides = [_moved(axis, positions.shape, move, shapes) for axis in positions.axes]
    return [
        Positions(shape, (rows, columns), positions.gate, positions.root)
        for shape, rows, columns in zip(shapes, *sides, strict=True)
    ]


def _moved(axis: Axis, shape: tuple[int, ...], move: Move, shapes: Sequence[tuple[int, ...]]) -> list[Axis]:
    if not axis.along:
        return [Axis(axis.table.reshape(4, *(1,) * len(one)), axis.step, axis.mixed) for one in shapes]
    numbers = move(numbered(axis.table, shape))
    results = [numbers] if isinstance(numbers, Tensor) else list(numbers)
    return [picked(axis.table.reshape(4, -1), one, axis) for one in results]


def numbered(table: Table, shape: tuple[int, ...], start: int = 0) -> Tensor:
    """Number the elements of a table, and spread the numbers over a shape without copies."""
    numbers = torch.arange(start, start + int(np.prod(table.shape[1:])))
    return numbers.reshape(table.shape[1:]).expand(shape)


def picked(values: np.ndarray, numbers: Tensor, axis: Axis) -> Axis:
    """Return the positions of elements by their numbers in a flat table, with a step that fits them.

    Args:
        values: (4, elements).
        numbers: number of each element, any shape.
        axis: positions before.
    """
    table = condensed(values[:, _condensed(numbers).numpy()])
    return Axis(table, _step(table, axis.step), axis.mixed)


def _condensed(numbers: Tensor) -> Tensor:
    """Keep one element along every dimension in which nothing changes."""
    for dim in range(numbers.ndim):
        if numbers.shape[dim] > 1:
            first = numbers.narrow(dim, 0, 1)
            if numbers.stride(dim) == 0 or bool((numbers == first).all()):
                numbers = first
    return numbers


def _step(table: Table, before: float) -> float:
    """Return the distance of neighbours where positions lie along one dimension, repeated ones counted as shares."""
    middles = ((table[LOW] + table[HIGH]) / 2).squeeze()
    if middles.ndim != 1 or middles.size < 2 or np.isnan(middles).any():
        return before
    own = np.unique(middles)
    if own.size < 2:
        return before
    return float((own[-1] - own[0]) / (own.size - 1) * own.size / middles.size)


Operand = tuple[Positions | None, tuple[int, ...]]
"""Positions of a tensor, None where it does not depend on the image; and its shape."""


def concatenated(operands: Sequence[Operand], dim: int, shape: tuple[int, ...]) -> Positions:
    """Return the positions of tensors one after the other.

    Along space, each keeps its own. Along channels they meet: different grids make an interval, except for parts of
    one tensor, as when a map is folded into channels.

    Args:
        operands: the tensors.
        dim: dimension in which they follow each other.
        shape: shape of the result.
    """
    tracked = [one for one, _ in operands if one is not None]
    dim %= len(shape)
    one_root = len(tracked) == len(operands) and len({id(one.root) for one in tracked}) == 1
    meets = any(set(axis.along) - {dim} for one in tracked for axis in one.axes)
    if meets and not one_root and not any(dim in axis.along for one in tracked for axis in one.axes):
        return join([Positions((*one.shape[:dim], 1, *one.shape[dim + 1 :]), one.axes) for one in tracked], shape)
    axes = [_in_a_row(operands, side, dim) for side in (0, 1)]
    gate = all(one.gate for one in tracked)
    result = Positions(shape, (axes[0], axes[1]), gate)
    return Positions(shape, result.axes, gate, tracked[0].root) if one_root else result


def _in_a_row(operands: Sequence[Operand], side: int, dim: int) -> Axis:
    known = [one.axes[side] for one, _ in operands if one is not None]
    first = known[0]
    if all(axis.table is first.table and dim not in axis.along for axis in known) and len(known) == len(operands):
        return first
    parts = [_part(one, shape, side, dim) for one, shape in operands]
    dims = np.broadcast_shapes(*((4, *part.shape[1 : dim + 1], 1, *part.shape[dim + 2 :]) for part in parts))
    if np.prod(dims) * sum(part.shape[dim + 1] for part in parts) > LARGEST:
        return lost(operands[0][1]).axes[side]
    wide = [np.broadcast_to(part, (*dims[: dim + 1], part.shape[dim + 1], *dims[dim + 2 :])) for part in parts]
    table = _filled(np.concatenate(wide, dim + 1), dim + 1)
    table = condensed(table)
    return Axis(table, _step(table, first.step), any(axis.mixed for axis in known))


def _part(positions: Positions | None, shape: tuple[int, ...], side: int, dim: int) -> Table:
    if positions is None:
        return np.full((4, *(1,) * dim, shape[dim], *(1,) * (len(shape) - dim - 1)), np.nan)
    table = positions.axes[side].table
    return np.broadcast_to(table, (*table.shape[: dim + 1], shape[dim], *table.shape[dim + 2 :]))


def _filled(table: Table, dim: int) -> Table:
    """Continue a grid over what was put before and after it, as padding does."""
    known = ~np.isnan(np.moveaxis(table, dim, -1)).any(tuple(range(table.ndim - 1)))
    places = np.flatnonzero(known)
    if known.all() or places.size < 2 or not known[places[0] : places[-1] + 1].all():
        return table
    line = np.moveaxis(table, dim, -1)
    filled = continued(line[..., places[0] : places[-1] + 1], np.arange(known.size) - places[0])
    return np.moveaxis(filled, -1, dim)


def written(target: Operand, value: Operand, write: Callable[[Tensor, Tensor | float], Any]) -> Positions:
    """Return the positions of a tensor after part of it was overwritten.

    Args:
        target: the tensor.
        value: what is written into it.
        write: function that writes a value into the tensor.
    """
    into, shape = target
    axes = []
    for side in (0, 1):
        tables = [one.axes[side].table for one in (into, value[0]) if one is not None]
        steps = [one.axes[side] for one in (into, value[0]) if one is not None]
        flat = np.concatenate([np.full((4, 1), np.nan), *(table.reshape(4, -1) for table in tables)], 1)
        start = 1 if into is None else 1 + into.axes[side].table[0].size
        numbers = torch.zeros(shape, dtype=torch.long)
        if into is not None:
            numbers = numbered(into.axes[side].table, shape, 1).clone()
        if value[0] is not None:
            write(numbers, numbered(value[0].axes[side].table, value[1], start))
        axes.append(picked(flat, numbers, steps[-1]))
    return Positions(shape, (axes[0], axes[1]))
