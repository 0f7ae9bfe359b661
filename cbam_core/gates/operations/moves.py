"""Views, copies and joins, repeated on the numbers of elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor

from cbam_core.gates.operations.elements import Shape
from cbam_core.gates.operations.tensors import Arguments

Move = Callable[[list[Tensor]], Tensor]
"""Function that gives the numbers of a result from those of its sources."""

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
_LOST = count(-(1 << 40), -(1 << 36))


class _Place:
    """Position of a source among arguments."""

    def __init__(self, index: int) -> None:
        self.index = index


def repeated(
    func: Callable[..., Any], arguments: Arguments, sources: Sequence[Tensor], shape: Shape, pick: int | None = None
) -> Move:
    """Make the function that does with numbers what a call did with tensors.

    Args:
        func: function of the call.
        arguments: its arguments.
        sources: tensors among them whose elements are in the result.
        shape: shape of the result.
        pick: position of the result among several.
    """
    order = {id(source): index for index, source in enumerate(sources)}
    args, kwargs = _template(arguments, order)
    kwargs.pop("out", None)

    def move(numbers: list[Tensor]) -> Tensor:
        here = [found.view(found.shape) for found in numbers]  # in-place forms change the shape of what they get
        try:
            result = func(*_filled(args, here), **_filled(kwargs, here))
            result = result if pick is None else result[pick]
        except (RuntimeError, TypeError, NotImplementedError, IndexError):
            return _unknown(shape)
        return result if result.shape == shape else _unknown(shape)

    return move


def nearest(func: Callable[..., Any], arguments: Arguments, source: Tensor, shape: Shape) -> Move:
    """Make the function that gives the numbers after an interpolation that copies."""
    args, kwargs = _template(arguments, {id(source): 0})

    def move(numbers: list[Tensor]) -> Tensor:
        (found,) = numbers
        size = found.shape[2:].numel()
        places = torch.arange(size, dtype=torch.float64).reshape(1, 1, *found.shape[2:])
        taken = func(*_filled(args, [places]), **_filled(kwargs, [places])).long().flatten()
        return found.flatten(2)[..., taken].reshape(shape)

    return move


def lettered(own: str, whole: str) -> Callable[[Tensor], Tensor]:
    """Make the function that brings a tensor with axes named by letters into the axes of another."""
    order = [own.index(letter) for letter in whole if letter in own]
    others = [axis for axis in range(len(own)) if axis not in order]

    def arrange(numbers: Tensor) -> Tensor:
        found = numbers.permute([*others, *order])
        found = found.reshape(found.shape[len(others) :])  # the others have one entry
        for axis, letter in enumerate(whole):
            if letter not in own:
                found = found.unsqueeze(axis)
        return found

    return arrange


def _unknown(shape: Shape) -> Tensor:
    first = next(_LOST)
    return torch.arange(first, first + torch.Size(shape).numel()).reshape(shape)


def _template(value: Any, order: dict[int, int]) -> Any:
    if isinstance(value, Tensor):
        if id(value) in order:
            return _Place(order[id(value)])
        whole = value.dtype in _INTEGERS
        return value.detach().cpu() if whole else torch.empty(value.shape, device="meta")
    if type(value) in (tuple, list, torch.Size):
        return type(value)(_template(item, order) for item in value) if type(value) is not torch.Size else value
    if type(value) is dict:
        return {key: _template(item, order) for key, item in value.items()}
    return value


def _filled(value: Any, numbers: list[Tensor]) -> Any:
    if isinstance(value, _Place):
        return numbers[value.index]
    if type(value) in (tuple, list):
        return type(value)(_filled(item, numbers) for item in value)
    if type(value) is dict:
        return {key: _filled(item, numbers) for key, item in value.items()}
    return value
