"""A tensor as a file holds it: known by shape and type before a byte of it is copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MAX_TENSORS = 4096
"""Tensors in one file; the largest networks of the field have a few hundred."""

MAX_DIMENSIONS = 8
LARGEST_SIDE = 1 << 48

BYTES: dict[torch.dtype, int] = {
    dtype: dtype.itemsize
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}
"""The types that files hold, with their size in bytes."""


class DamagedError(ValueError):
    """What a file says about its contents contradicts the file."""


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """One tensor inside a file.

    Attributes:
        dtype: its type in the file.
        shape: its sides.
        load: gives the tensor itself, contiguous, in the file's type. The caller has compared the shape with what a
            network needs: repeated elements (stride 0) let a small file describe a large tensor.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    load: Callable[[], Tensor]


def in_memory(tensor: Tensor) -> StoredTensor:
    """A tensor that was read already."""
    return StoredTensor(tensor.dtype, tuple(tensor.shape), lambda: tensor)


def strided(
    content: Callable[[], memoryview], dtype: torch.dtype, shape: tuple[int, ...], strides: tuple[int, ...]
) -> StoredTensor:
    """A tensor that lies in a stretch of bytes.

    Args:
        content: gives the bytes from its first element to its last; already known to be within the file.
        dtype: type of its numbers.
        shape: its sides.
        strides: elements between neighbours along each side, none negative.
    """

    def load() -> Tensor:
        found = content()
        memory = torch.empty(len(found), dtype=torch.uint8)
        memory.numpy()[:] = np.frombuffer(found, dtype=np.uint8)
        return memory.view(dtype).as_strided(shape, strides).contiguous()

    return StoredTensor(dtype, shape, load)


def checked_sides(sides: object) -> tuple[int, ...]:
    """Sides or strides as a file claims them.

    Raises:
        DamagedError: they are not a short list of whole numbers from 0.
    """
    if not isinstance(sides, list | tuple) or len(sides) > MAX_DIMENSIONS:
        raise DamagedError("the shape of a tensor is not a short list of numbers")
    if any(type(side) is not int or not 0 <= side <= LARGEST_SIDE for side in sides):
        raise DamagedError("the shape of a tensor holds something other than whole numbers of a reasonable size")
    return tuple(sides)


def extent(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Elements from the first to the last of a tensor, both included; 0 for an empty one."""
    if math.prod(shape) == 0:
        return 0
    return 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
