"""Checkpoints that tests open, made in code: networks, their state dicts, descriptions and files."""

from __future__ import annotations

import copy
import io
import json
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from cbam_core.nn import CBAM_CNN

KEY = "cbam_lens"


def network(classes: int = 10, seed: int = 0) -> CBAM_CNN:
    """A seeded network whose statistics are not the initial ones."""
    return copy.deepcopy(_network(classes, seed))


@lru_cache(maxsize=4)
def _network(classes: int, seed: int) -> CBAM_CNN:
    torch.manual_seed(seed)
    model = CBAM_CNN(classes).train()
    with torch.no_grad():
        model(torch.rand(4, 3, 32, 32))
    return model.eval()


def description(**changes: Any) -> dict[str, Any]:
    """A description that fits `network`, with some values replaced."""
    record = {
        "version": 1,
        "architecture": "CBAM_CNN",
        "arguments": {"num_classes": 10},
        "classes": [f"class {index}" for index in range(10)],
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.3],
        "input_size": [32, 32],
        "card": {"what": "A test network."},
    }
    return record | changes


def described(record: Any, state: Mapping[str, Tensor] | None = None) -> bytes:
    """A ``.safetensors`` file with that description (a text is taken as it is)."""
    text = record if isinstance(record, str) else json.dumps(record)
    return safetensors.torch.save(dict(state or network().state_dict()), metadata={KEY: text})


def saved(value: Any, **options: Any) -> bytes:
    """What `torch.save` writes for the value."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def with_tensor(name: str, tensor: Tensor | None) -> dict[str, Tensor]:
    """The network's state dict with one tensor replaced, added or (None) left out."""
    state = dict(_network(10, 0).state_dict())
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    return state


def light_state(**tensors: Tensor) -> dict[str, Tensor]:
    """The network's state dict, of which nine tenths are one number that is stored once."""
    light = torch.zeros(1, dtype=torch.float16).expand(512, 2048)
    return dict(_network(10, 0).state_dict()) | {"fc1.weight": light} | tensors


def safetensors_file(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """A file with that header (bytes are taken as they are)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body
