"""What did the network do with this image? The numbers of one forward, and their files.

Names are imported on first use, so that opening a stored result does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.explanation.blocks import explain_block
    from cbam_core.explanation.channels import explain_channel
    from cbam_core.explanation.explaining import explain
    from cbam_core.explanation.gate_traces import trace_gate

__all__ = ["explain", "explain_block", "explain_channel", "trace_gate"]

_HOMES = {
    "explain": "explaining",
    "explain_block": "blocks",
    "explain_channel": "channels",
    "trace_gate": "gate_traces",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
