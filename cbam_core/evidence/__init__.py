"""Does a gate matter? What a network answers where another takes its place, and other maps beside the attention.

`attribute` is imported on first use, so that opening a stored result does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.evidence.attributing import attribute

__all__ = ["attribute"]

_HOMES = {"attribute": "attributing"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
