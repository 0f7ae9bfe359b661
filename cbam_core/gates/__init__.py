"""What did the gates do in this forward? Where they are, watching them, and where their cells lie on the input.

Names are imported when they are first used, so that opening a stored result does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.gates.geometry import place
    from cbam_core.gates.record import Gate, Record
    from cbam_core.gates.watcher import capture

__all__ = ["Gate", "Record", "capture", "place"]

_HOMES = {"Gate": "record", "Record": "record", "capture": "watcher", "place": "geometry"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
