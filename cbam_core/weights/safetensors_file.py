"""The tensors of a ``.safetensors`` file: its JSON header is bounded here, and the library reads the rest.

Format: eight bytes with the header's length, a JSON header, then the tensors' bytes without gaps;
https://huggingface.co/docs/safetensors. The library compares shapes, offsets and the file's length, so it never
allocates more than the size of the file.
"""

from __future__ import annotations

import json
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from cbam_core.weights.stored import MAX_TENSORS, DamagedError, LimitError, StoredTensor, checked_sides, in_memory

MAX_HEADER_BYTES = 2 << 20
"""Largest header; one of `MAX_TENSORS` tensors is shorter."""


def looks_like_safetensors(data: bytes) -> bool:
    """Check that the bytes start like a header: a length, then an opening brace."""
    return len(data) > 8 and data[8:9] == b"{"


def read_safetensors(data: bytes) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """Read the tensors and the metadata of a file.

    Args:
        data: the whole file.

    Returns:
        The tensors by name, and the texts under ``__metadata__``.

    Raises:
        DamagedError: the header breaks the format, or does not match the file's length.
        LimitError: the header is longer, or lists more tensors, than this program reads.
    """
    metadata = _metadata(_header(data))
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError) as error:  # a KeyError names a number type that torch does not have
        raise DamagedError("the header does not match the contents") from error
    return {name: in_memory(tensor) for name, tensor in tensors.items()}, metadata


def _header(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if length > len(data) - 8:
        raise DamagedError("the header is longer than the file")
    if length > MAX_HEADER_BYTES:
        raise LimitError("header", most=MAX_HEADER_BYTES >> 20)
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError("the header is not JSON") from error
    if not isinstance(header, dict):
        raise DamagedError("the header is not a JSON object")
    if len(header) > MAX_TENSORS:
        raise LimitError("tensors", most=MAX_TENSORS)
    for name, entry in header.items():
        if name != "__metadata__":
            checked_sides(entry.get("shape") if isinstance(entry, dict) else None)
    return header


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedError("the metadata are not texts by name")
    return metadata
