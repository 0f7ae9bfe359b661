"""What did the gates do in this forward? Finding gates, recording them, and locating their maps on the input.

Names are imported on first use, so that opening a stored result does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.gates.editing import edit
    from cbam_core.gates.geometry import place
    from cbam_core.gates.record import Gate, Record, RecordedGate
    from cbam_core.gates.replacements import (
        AsIs,
        BestConstant,
        Borrowed,
        Inverted,
        Off,
        Only,
        OtherImage,
        OwnMean,
        Replacement,
        SameClass,
        Scaled,
        Shuffled,
        Target,
        Usual,
        UsualLevel,
        Values,
    )
    from cbam_core.gates.watcher import capture

__all__ = [
    "AsIs",
    "BestConstant",
    "Borrowed",
    "Gate",
    "Inverted",
    "Off",
    "Only",
    "OtherImage",
    "OwnMean",
    "Record",
    "RecordedGate",
    "Replacement",
    "SameClass",
    "Scaled",
    "Shuffled",
    "Target",
    "Usual",
    "UsualLevel",
    "Values",
    "capture",
    "edit",
    "place",
]

_REPLACEMENTS = (
    "AsIs",
    "BestConstant",
    "Borrowed",
    "Inverted",
    "Off",
    "Only",
    "OtherImage",
    "OwnMean",
    "Replacement",
    "SameClass",
    "Scaled",
    "Shuffled",
    "Target",
    "Usual",
    "UsualLevel",
    "Values",
)
_HOMES = {
    "Gate": "record",
    "Record": "record",
    "RecordedGate": "record",
    "capture": "watcher",
    "edit": "editing",
    "place": "geometry",
    **dict.fromkeys(_REPLACEMENTS, "replacements"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
