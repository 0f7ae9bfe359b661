"""What Python is told of values decides which way a forward goes; one that is told the same goes the same way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

Outcome = bool | int | tuple[Any, ...]
"""What one call told: a truth value, a whole number, or the shape of a tensor."""

MOST = 256
"""Most outcomes that are compared in one forward."""


def outcome_of(told: Any) -> Outcome | None:
    """Return what can be compared of the result of a call that reads values; None for what hardly comes again."""
    if isinstance(told, bool | int):
        return told
    if isinstance(told, Tensor):
        return tuple(told.shape)
    if isinstance(told, tuple) and told and all(isinstance(one, Tensor) for one in told):
        return tuple(tuple(one.shape) for one in told)
    return None


def has_other_buffers(twin: nn.Module, model: nn.Module) -> bool:
    """Check whether a forward of a copy has changed a buffer, on which the next way may depend."""
    pairs = zip(twin.buffers(), model.buffers(), strict=True)
    return any(one.shape != other.shape or not torch.equal(one, other) for one, other in pairs)
