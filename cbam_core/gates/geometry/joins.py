"""Operations in which tensors of different positions meet, or in which one dimension is added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cbam_core.gates.geometry.positions import HIGH, LAST, Axis, Positions, Table, lost, reduce

LARGEST = 4_000_000
"""Most positions in one table: more, as of attention over very many cells, are not followed."""


def join(operands: Sequence[Positions], shape: tuple[int, ...]) -> Positions:
    """Return the positions of a result whose elements depend on those of all operands at their place.

    Its centre lies between theirs. What is the same in all cells, such as a mean over the map, has no place, and moves
    nothing.

    Args:
        operands: tensors that broadcast to the result.
        shape: shape of the result.
    """
    axes = [_join([_widened(one, side, len(shape)) for one in operands]) for side in (0, 1)]
    return Positions(shape, (axes[0], axes[1]), gate=all(one.gate for one in operands))


Operand = tuple[Axis, tuple[int, ...]]
"""Positions along one side of the image, and the shape of the tensor."""


def _widened(positions: Positions, side: int, ndim: int) -> Operand:
    """Put missing dimensions in front, as broadcasting does."""
    axis, missing = positions.axes[side], ndim - len(positions.shape)
    if missing <= 0:
        return axis, positions.shape
    table = axis.table.reshape(4, *(1,) * missing, *axis.table.shape[1:])
    return Axis(table, axis.step, axis.mixed), (1,) * missing + positions.shape


def _join(operands: Sequence[Operand]) -> Axis:
    along = {dim for axis, _ in operands for dim in axis.along}
    local = [axis for axis, shape in operands if _is_local(axis, shape, along)]
    first = next((axis for axis in local if axis.along), local[0])
    if all(axis.table is first.table for axis in local):
        return first
    tables = [axis.table for axis in local]
    if np.prod(np.broadcast_shapes(*(table.shape for table in tables))) > LARGEST:
        tables = [np.full((4,) + (1,) * (first.table.ndim - 1), np.nan)]
    table = np.minimum.reduce(np.broadcast_arrays(*tables))
    for row in (HIGH, LAST):
        table[row] = np.maximum.reduce(np.broadcast_arrays(*(one[row] for one in tables)))
    return Axis(table, first.step, any(axis.mixed for axis in local))


def _is_local(axis: Axis, shape: tuple[int, ...], along: set[int]) -> bool:
    if not along or axis.along:
        return True
    return (axis.mixed or axis.is_lost) and any(shape[dim] > 1 for dim in along)


def add_up_dimension(positions: Positions, dim: int, shape: tuple[int, ...], *, union: bool = False) -> Positions:
    """Return the positions after every element of one dimension was replaced by a mixture of all of them.

    Args:
        positions: those before.
        dim: the dimension.
        shape: shape of the result.
        union: whether the weights of the mixture depend on the image.
    """
    dim %= len(positions.shape)
    axes = [
        Axis(reduce(axis.table, (dim,), union=union), axis.step, dim in axis.along or axis.mixed)
        for axis in positions.axes
    ]
    return Positions(shape, (axes[0], axes[1]))


def product(
    left: Positions | None, right: Positions | None, ndims: tuple[int, int], shape: tuple[int, ...]
) -> Positions:
    """Return the positions of a matrix product.

    Args:
        left: first matrix or batch of matrices; None where it does not depend on the image.
        right: the second.
        ndims: numbers of dimensions of both.
        shape: shape of the product.
    """
    if min(ndims) < 2 or len(shape) < 2 or (left is None and right is None):
        return lost(shape)
    both = left is not None and right is not None
    if left is not None and left.gate and right is not None:
        left = None  # weights of attention are held, like gates
    operands = []
    if left is not None:
        operands.append(add_up_dimension(left, -1, (*left.shape[:-1], 1), union=both))
    if right is not None:
        operands.append(add_up_dimension(right, -2, (*right.shape[:-2], 1, right.shape[-1]), union=both))
    if len(operands) == 1:
        # Every row (or column) of the product is another mixture.
        dim = -1 if left is not None else -2
        one = operands[0]
        full = (*one.shape[:dim], shape[dim], *(one.shape[dim:][1:]))
        operands = [Positions(full, one.axes)]
    return join(operands, shape)


def contraction(equation: str, operands: Sequence[Positions | None], shape: tuple[int, ...]) -> Positions:
    """Return the positions of an Einstein sum.

    Args:
        equation: its equation, with an arrow.
        operands: its operands; None where one does not depend on the image.
        shape: shape of the result.
    """
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow or "." in equation or len(names) != len(operands):
        return lost(shape)
    tracked = [(name, one) for name, one in zip(names, operands, strict=True) if one is not None]
    held = [(name, one) for name, one in tracked if not one.gate] or tracked
    return join([_aligned(name, one, output, union=len(tracked) > 1) for name, one in held], shape)


def _aligned(names: str, positions: Positions, output: str, *, union: bool) -> Positions:
    """Add up the dimensions that the output lacks, and put the others in its order."""
    gone = tuple(dim for dim, name in enumerate(names) if name not in output)
    kept = {name: dim for dim, name in enumerate(names)}
    axes = []
    for axis in positions.axes:
        table: Table = reduce(axis.table, gone, union=union)
        order = [kept[name] + 1 for name in output if name in kept]
        table = table.transpose(0, *order, *(dim + 1 for dim in gone))
        sizes = iter(table.shape[1:])
        table = table.reshape(4, *(next(sizes) if name in kept else 1 for name in output))
        mixes = bool(set(gone) & set(axis.along))
        axes.append(Axis(table, axis.step, mixes or axis.mixed))
    shape = tuple(positions.shape[kept[name]] if name in kept else 1 for name in output)
    return Positions(shape, (axes[0], axes[1]))
