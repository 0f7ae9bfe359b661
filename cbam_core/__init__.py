"""CBAM Lens: see what a convolutional network's attention does.

Public names are imported on first use, so that ``import cbam_core`` does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.atlas.opening import open_atlas
    from cbam_core.data.random_images import random_images
    from cbam_core.errors import CbamError
    from cbam_core.evidence.one_image import consequences
    from cbam_core.explanation import explain
    from cbam_core.explanation.comparison import Comparison
    from cbam_core.explanation.gate_traces import trace_gate
    from cbam_core.gates import (
        AsIs,
        BestConstant,
        Borrowed,
        Inverted,
        Off,
        Only,
        OtherImage,
        OwnMean,
        SameClass,
        Scaled,
        Shuffled,
        Usual,
        UsualLevel,
        Values,
        capture,
        edit,
    )
    from cbam_core.network import Classifier, load_classifier
    from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention, SpatialAttention, insert_cbam, remove_cbam
    from cbam_core.render.paper.grid import figure_grid
    from cbam_core.results.explanation import Explanation
    from cbam_core.training.logging_gates import log_gates

    __version__: str

_HOMES = {
    "AsIs": "cbam_core.gates",
    "BestConstant": "cbam_core.gates",
    "Borrowed": "cbam_core.gates",
    "CBAM": "cbam_core.nn",
    "CBAM_CNN": "cbam_core.nn",
    "CbamError": "cbam_core.errors",
    "ChannelAttention": "cbam_core.nn",
    "Classifier": "cbam_core.network",
    "Comparison": "cbam_core.explanation.comparison",
    "Explanation": "cbam_core.results.explanation",
    "Inverted": "cbam_core.gates",
    "Off": "cbam_core.gates",
    "Only": "cbam_core.gates",
    "OtherImage": "cbam_core.gates",
    "OwnMean": "cbam_core.gates",
    "SameClass": "cbam_core.gates",
    "Scaled": "cbam_core.gates",
    "Shuffled": "cbam_core.gates",
    "SpatialAttention": "cbam_core.nn",
    "Usual": "cbam_core.gates",
    "UsualLevel": "cbam_core.gates",
    "Values": "cbam_core.gates",
    "capture": "cbam_core.gates",
    "consequences": "cbam_core.evidence.one_image",
    "edit": "cbam_core.gates",
    "explain": "cbam_core.explanation",
    "figure_grid": "cbam_core.render.paper.grid",
    "insert_cbam": "cbam_core.nn",
    "load_classifier": "cbam_core.network",
    "log_gates": "cbam_core.training.logging_gates",
    "open_atlas": "cbam_core.atlas.opening",
    "random_images": "cbam_core.data.random_images",
    "remove_cbam": "cbam_core.nn",
    "trace_gate": "cbam_core.explanation.gate_traces",
}

__all__ = [  # noqa: RUF022 - sorted by letters alone
    "AsIs",
    "BestConstant",
    "Borrowed",
    "CBAM",
    "CBAM_CNN",
    "CbamError",
    "ChannelAttention",
    "Classifier",
    "Comparison",
    "Explanation",
    "Inverted",
    "Off",
    "Only",
    "OtherImage",
    "OwnMean",
    "SameClass",
    "Scaled",
    "Shuffled",
    "SpatialAttention",
    "Usual",
    "UsualLevel",
    "Values",
    "__version__",
    "capture",
    "consequences",
    "edit",
    "explain",
    "figure_grid",
    "insert_cbam",
    "load_classifier",
    "log_gates",
    "open_atlas",
    "random_images",
    "remove_cbam",
    "trace_gate",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _installed_version()
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cbam-lens")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
