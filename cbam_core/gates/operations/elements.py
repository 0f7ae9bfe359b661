"""Where the elements of a tensor come from: each has a number, and views, copies and joins carry numbers along.

Along which axes a gate differs, and whether a factor and a map are functions of one tensor, is read from these numbers,
never from values. They are computed only for tensors that may be gates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count

import torch
from torch import Tensor

Shape = tuple[int, ...]
Axis = Callable[[], int | None]
"""Function that finds the axis of channels when it is needed."""

_FIRST = count(1)
_BLOCK = 1 << 36  # more elements than a tensor has
_MIX, _TURN = -7046029254386353131, 31


class Elements:
    """Numbers of the elements of one tensor.

    Attributes:
        shape: shape of the tensor.
        roots: tensors that the elements come from.
    """

    __slots__ = ("_numbers", "roots", "shape")

    def __init__(self, shape: Shape, roots: frozenset[Root]) -> None:
        self.shape, self.roots = shape, roots
        self._numbers: Tensor | None = None

    @property
    def numbers(self) -> Tensor:
        """Numbers, int64, of the tensor's shape."""
        if self._numbers is None:
            self._numbers = self._compute()
        return self._numbers

    def _compute(self) -> Tensor:
        raise NotImplementedError


class Root(Elements):
    """Elements that are new: each has a number of its own."""

    __slots__ = ("_axis", "first")

    def __init__(self, shape: Shape, axis: Axis) -> None:
        super().__init__(shape, frozenset({self}))
        self.first, self._axis = next(_FIRST) * _BLOCK, axis

    @property
    def axis(self) -> int | None:
        """Axis of the channels; None where it is unknown."""
        return self._axis()

    def _compute(self) -> Tensor:
        return torch.arange(self.first, self.first + math.prod(self.shape)).reshape(self.shape)


class Moved(Elements):
    """Elements of other tensors, rearranged, repeated or left out."""

    __slots__ = ("_move", "_sources")

    def __init__(self, shape: Shape, sources: Sequence[Elements], move: Callable[[list[Tensor]], Tensor]) -> None:
        super().__init__(shape, frozenset().union(*(source.roots for source in sources)))
        self._sources, self._move = tuple(sources), move

    def _compute(self) -> Tensor:
        return self._move([source.numbers for source in self._sources])


class Combined(Elements):
    """Elements that are functions of several others, at the same position after broadcasting."""

    __slots__ = ("_sources",)

    def __init__(self, shape: Shape, sources: Sequence[Elements]) -> None:
        super().__init__(shape, frozenset().union(*(source.roots for source in sources)))
        self._sources = tuple(sources)

    def _compute(self) -> Tensor:
        first, *others = (source.numbers for source in self._sources)
        for other in others:
            first = (first * _TURN) ^ (other * _MIX)  # integers wrap around: a hash
        return first if first.shape == self.shape else first.expand(self.shape)


def moved(sources: Sequence[Elements], shape: Shape, move: Callable[[list[Tensor]], Tensor]) -> Elements:
    """Describe elements that are moved."""
    return Moved(shape, sources, move)


def combined(sources: Sequence[Elements], shape: Shape) -> Elements:
    """Describe elements that are functions of others; of one tensor alone where all sources are the same."""
    different = list(dict.fromkeys(sources))
    if len(different) == 1:
        return different[0] if different[0].shape == shape else broadcast(different[0], shape)
    return Combined(shape, different)


def broadcast(source: Elements, shape: Shape) -> Elements:
    """Describe elements that are repeated by broadcasting."""
    if source.shape == shape:
        return source
    return Moved(shape, (source,), lambda numbers: numbers[0].expand(shape))


def spread(source: Elements, shape: Shape) -> Elements:
    """Describe elements that were interpolated along all axes after the second: new where there was more than one."""

    def move(numbers: list[Tensor]) -> Tensor:
        (found,) = numbers
        if all(size == 1 for size in found.shape[2:]):
            return found.expand(shape)
        places = torch.arange(math.prod(shape[2:])).reshape(shape[2:])
        corner = found.flatten(2)[..., :1].reshape(*found.shape[:2], *(1 for _ in shape[2:]))
        return (corner * _TURN) ^ (places * _MIX)

    return Moved(shape, (source,), move)


def varying(numbers: Tensor) -> tuple[int, ...]:
    """Return the axes along which the numbers change."""
    kept = numbers
    for axis in range(numbers.ndim):
        if numbers.stride(axis) == 0:
            kept = kept.narrow(axis, 0, min(1, kept.shape[axis]))
    return tuple(
        axis
        for axis, size in enumerate(kept.shape)
        if size > 1 and not torch.equal(kept.narrow(axis, 0, size - 1), kept.narrow(axis, 1, size - 1))
    )
