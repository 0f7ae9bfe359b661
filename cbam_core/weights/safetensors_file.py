"""The tensors of a ``.safetensors`` file, by its header alone.

Format: eight bytes with the header's length, a JSON header, then the tensors' bytes without gaps;
https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
import math
from typing import Any

import torch

from cbam_core.weights.stored import (
    BYTES,
    MAX_TENSORS,
    DamagedError,
    StoredTensor,
    checked_sides,
    contiguous_strides,
)

MAX_HEADER_BYTES = 1 << 20

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def looks_like_safetensors(data: bytes) -> bool:
    """Whether the bytes begin like a header: a length, then an opening brace."""
    return len(data) > 8 and data[8:9] == b"{"


def read_safetensors(data: bytes) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """Find the tensors and the metadata of a file, without copying a tensor.

    Args:
        data: the whole file.

    Returns:
        The tensors by name, and the texts under ``__metadata__``.

    Raises:
        DamagedError: the header is not what the format says, or does not match the file's length.
    """
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise DamagedError("the header is longer than the file or than 1 MiB")
    header = _header(data[8 : 8 + length])
    metadata = _metadata(header.pop("__metadata__", {}))
    if len(header) > MAX_TENSORS:
        raise DamagedError("there are too many tensors")
    body = memoryview(data)[8 + length :]
    tensors, spans = {}, []
    for name, entry in header.items():
        tensor, span = _tensor(entry, body)
        tensors[name] = tensor
        spans.append(span)
    _check_cover(spans, len(body))
    return tensors, metadata


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise DamagedError("the header is not JSON with each name once") from error
    if not isinstance(header, dict):
        raise DamagedError("the header is not a JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name occurs twice")
    return record


def _metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedError("the metadata are not texts by name")
    return metadata


def _tensor(entry: object, body: memoryview) -> tuple[StoredTensor, tuple[int, int]]:
    if not isinstance(entry, dict) or not entry.keys() >= {"dtype", "shape", "data_offsets"}:
        raise DamagedError("a tensor lacks its type, shape or place")
    dtype, shape = DTYPES.get(str(entry["dtype"])), checked_sides(entry["shape"])
    if dtype is None:
        raise DamagedError("a tensor has an unknown type")
    offsets = checked_sides(entry["data_offsets"])
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= len(body):
        raise DamagedError("a tensor lies outside the file")
    start, end = offsets
    if end - start != math.prod(shape) * BYTES[dtype]:
        raise DamagedError("a tensor's shape does not fit its bytes")
    return StoredTensor(dtype, shape, contiguous_strides(shape), lambda: body[start:end]), (start, end)


def _check_cover(spans: list[tuple[int, int]], total: int) -> None:
    reached = 0
    for start, end in sorted(spans):
        if start != reached:
            raise DamagedError("tensors overlap or leave gaps")
        reached = end
    if reached != total:
        raise DamagedError("the file is longer or shorter than its header says")
