"""A tensor in a file: shape and type are known before its bytes are copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MAX_TENSORS = 16_384
"""Largest number of tensors in one file; large convolutional networks have a few hundred, and their optimiser two more
for each."""

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
"""Number types in files, with their size in bytes."""


RARE_BYTES: dict[torch.dtype, int] = {
    dtype: dtype.itemsize
    for dtype in (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2)
}
"""Number types that are rare in files, and without arithmetic of their own, with their size in bytes."""


class DamagedError(ValueError):
    """A file contradicts its own description."""


LIMIT_WORDS: Mapping[str, str] = {
    "instructions": "its list of contents has more than {n1} instructions",
    "objects": "its list of contents has more than {n1} objects",
    "list": "its list of contents is longer than {n1} MiB",
    "tensors": "it holds more than {n1} tensors",
    "modules": "it holds more than {n1} modules",
    "entries": "its ZIP archive has more than {n1} entries",
    "header": "its header is longer than {n1} MiB",
}
"""What a file may have too much of; numbers are placeholders, so that translations can contain them."""


class LimitError(ValueError):
    """A file is well-formed, but has more of something than this program reads.

    Args:
        what: key of `LIMIT_WORDS`.
        most: the limit.
    """

    def __init__(self, what: str, *, most: int) -> None:
        super().__init__(LIMIT_WORDS[what].format(n1=most))


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """One tensor inside a file.

    Attributes:
        dtype: type in the file.
        shape: shape of the tensor.
        load: function that returns the tensor, contiguous, in the file's type. Compare the shape with what a network
            needs before calling it: repeated elements (stride 0) let a small file describe a large tensor.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    load: Callable[[], Tensor]


def in_memory(tensor: Tensor) -> StoredTensor:
    """Wrap a tensor that is already in memory."""
    return StoredTensor(tensor.dtype, tuple(tensor.shape), lambda: tensor)


def strided(
    content: Callable[[], memoryview],
    dtype: torch.dtype,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    swapped: bool = False,
) -> StoredTensor:
    """Describe a tensor in a range of bytes.

    Args:
        content: function that returns the bytes from its first element to its last; already known to be in the file.
        dtype: type of its numbers.
        shape: its shape.
        strides: number of elements between neighbours along each axis, from 0.
        swapped: whether the most significant byte of each number comes first.
    """

    def load() -> Tensor:
        found = content()
        memory = torch.empty(len(found), dtype=torch.uint8)
        memory.numpy()[:] = np.frombuffer(found, dtype=np.uint8)
        if swapped:
            memory.numpy().view(f"u{dtype.itemsize}").byteswap(inplace=True)
        return memory.view(dtype).as_strided(shape, strides).contiguous()

    return StoredTensor(dtype, shape, load)


def checked_sides(sides: object) -> tuple[int, ...]:
    """Check the shape or strides that a file claims.

    Raises:
        DamagedError: they are not a short list of whole numbers from 0.
    """
    if not isinstance(sides, list | tuple) or len(sides) > MAX_DIMENSIONS:
        raise DamagedError("the shape of a tensor is not a short list of numbers")
    if any(type(side) is not int or not 0 <= side <= LARGEST_SIDE for side in sides):
        raise DamagedError("the shape of a tensor holds something other than whole numbers of a reasonable size")
    return tuple(sides)


def extent(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Count the elements from the first to the last of a tensor, both included; 0 for an empty one."""
    if math.prod(shape) == 0:
        return 0
    return 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
