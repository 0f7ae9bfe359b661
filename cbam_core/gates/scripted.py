"""Scripted parts of a network: what runs inside cannot be watched, which matters only where a gate may be there."""

from __future__ import annotations

import torch
from torch import nn

_SQUASHES = ("sigmoid", "tanh", "clamp", "softplus", "softmax", "relu6", "reciprocal", "exp")
_PRODUCTS = ("mul", "div", "einsum", "matmul", "bmm", "lerp", "addcmul")


def is_harmless(module: nn.Module) -> bool:
    """Check that a scripted module learns nothing, or has neither a sigmoid nor another squash beside a product."""
    if not isinstance(module, torch.jit.ScriptModule):
        return False
    if not any(True for _ in module.parameters()):
        return True  # an activation
    operations = _operations(module)
    if any("sigmoid" in name for name in operations):
        return False
    squashed = any(squash in name for squash in _SQUASHES for name in operations)
    multiplied = any(name.removesuffix("_") in _PRODUCTS for name in operations)
    return not multiplied and not squashed


def _operations(module: torch.jit.ScriptModule) -> set[str]:
    """Return the names of all operators in a module's code; unknown code counts as a gate."""
    try:
        return {part.split("(")[0] for part in str(module.inlined_graph).split("aten::")[1:]}
    except (RuntimeError, AttributeError):
        return {"sigmoid"}
