"""What did the gates do in this forward? Finding and recording them, and where their cells lie on the input.

Names are imported when they are first used, so that `Placement`, which needs no torch, does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.gates.placement import Placement
    from cbam_core.gates.placing import place
    from cbam_core.gates.record import Gate, Record
    from cbam_core.gates.recording import capture

__all__ = ["Gate", "Placement", "Record", "capture", "place"]

_HOMES = {
    "Gate": "record",
    "Placement": "placement",
    "Record": "record",
    "capture": "recording",
    "place": "placing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
