"""Which axes of a tensor are batch, channels, rows and columns, however it was permuted or reshaped on the way."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cbam_core.gates.operations.elements import Elements, Root, Shape, varying

Rearranged = tuple[Shape, Callable[[Tensor], Tensor]]
"""Shape of a map with its axes in the order batch, channels, positions, and a function that brings a tensor of the
map's own shape into it."""


def channel_axis(place: Elements) -> int | None:
    """Find the axis of channels of a tensor; None where there is none, or where it was merged with others."""
    if len(place.roots) != 1:
        return None
    (root,) = place.roots
    axis = root.axis
    if place is root or axis is None:
        return axis
    stride = math.prod(root.shape[axis + 1 :])
    channels = (place.numbers - root.first) // stride % root.shape[axis]
    found = varying(channels)
    return found[0] if len(found) == 1 else None


def rearranged(place: Elements) -> Rearranged | None:
    """Bring the axes of a map into the order batch, channels, positions.

    Args:
        place: elements of the map, which come from one tensor.

    Returns:
        None where this is unknown, or the map has no positions.
    """
    if len(place.roots) != 1:
        return None
    (root,) = place.roots
    axis = root.axis
    if axis is None or axis == 0 or axis >= len(root.shape):
        return None
    order = (0, axis, *(other for other in range(1, len(root.shape)) if other != axis))
    if place is root:
        return tuple(root.shape[i] for i in order), lambda tensor: tensor.permute(order)
    index = place.numbers - root.first if place.numbers.is_contiguous() else None
    permuted = _permutation(place.numbers, root)
    if permuted is not None:
        back = tuple(permuted[i] for i in order)
        return tuple(root.shape[i] for i in order), lambda tensor: tensor.permute(back)
    return _scattered(index if index is not None else place.numbers - root.first, root, order)


def _permutation(numbers: Tensor, root: Root) -> tuple[int, ...] | None:
    """Find the axis of a view for each axis of its root; None where it is more than a permutation."""
    if numbers.ndim != len(root.shape) or numbers.storage_offset() != 0 or numbers.numel() != math.prod(root.shape):
        return None
    strides = torch.empty(root.shape, device="meta").stride()
    free = list(range(numbers.ndim))
    found = []
    for size, stride in zip(root.shape, strides, strict=True):
        match = next((i for i in free if numbers.shape[i] == size and (size == 1 or numbers.stride(i) == stride)), None)
        if match is None:
            return None
        free.remove(match)
        found.append(match)
    same = numbers.permute(found)
    return tuple(found) if int(same.flatten()[-1]) - int(same.flatten()[0]) == numbers.numel() - 1 else None


def _scattered(index: Tensor, root: Root, order: tuple[int, ...]) -> Rearranged | None:
    """Bring elements to the position that they have in their root, without the rows that are left out."""
    target = torch.zeros_like(index)
    shape = []
    for axis in order:
        along = index // math.prod(root.shape[axis + 1 :]) % root.shape[axis]
        present = torch.zeros(root.shape[axis], dtype=torch.int64)
        present[along.flatten()] = 1
        size = int(present.sum())
        target = target * size + (present.cumsum(0) - 1)[along]
        shape.append(size)
    if math.prod(shape) != index.numel():
        return None
    flat = target.flatten()
    if int(torch.zeros_like(flat).scatter_(0, flat, 1).sum()) != len(flat):
        return None

    def bring(tensor: Tensor) -> Tensor:
        return torch.empty_like(flat).scatter_(0, flat, tensor.flatten()).reshape(shape)

    return tuple(shape), bring
