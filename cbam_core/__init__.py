"""CBAM Lens: see what a convolutional network's attention does.

Public names are imported on first use, so that ``import cbam_core`` does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbam_core.data.random_images import random_images
    from cbam_core.errors import CbamError
    from cbam_core.explanation import explain
    from cbam_core.explanation.comparison import Comparison
    from cbam_core.gates import capture
    from cbam_core.network import Classifier, load_classifier
    from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention, SpatialAttention
    from cbam_core.render.paper.grid import figure_grid
    from cbam_core.results.explanation import Explanation

    __version__: str

_HOMES = {
    "CBAM": "cbam_core.nn",
    "CBAM_CNN": "cbam_core.nn",
    "CbamError": "cbam_core.errors",
    "ChannelAttention": "cbam_core.nn",
    "Classifier": "cbam_core.network",
    "Comparison": "cbam_core.explanation.comparison",
    "Explanation": "cbam_core.results.explanation",
    "SpatialAttention": "cbam_core.nn",
    "capture": "cbam_core.gates",
    "explain": "cbam_core.explanation",
    "figure_grid": "cbam_core.render.paper.grid",
    "load_classifier": "cbam_core.network",
    "random_images": "cbam_core.data.random_images",
}

__all__ = [
    "CBAM",
    "CBAM_CNN",
    "CbamError",
    "ChannelAttention",
    "Classifier",
    "Comparison",
    "Explanation",
    "SpatialAttention",
    "__version__",
    "capture",
    "explain",
    "figure_grid",
    "load_classifier",
    "random_images",
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
