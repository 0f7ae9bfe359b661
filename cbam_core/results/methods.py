"""Methods that say where an image mattered for an answer, and maps that know no network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Method = Literal["mask", "mask_gradient", "grad_cam", "integrated_gradients", "occlusion"]
METHODS: tuple[Method, ...] = get_args(Method)
"""All methods that give a map, in the order in which maps are shown."""

METHOD_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "mask": "Last spatial mask",
        "mask_gradient": "Mask × gradient",
        "grad_cam": "Grad-CAM",
        "integrated_gradients": "Integrated Gradients",
        "occlusion": "Occlusion",
        "centre": "Centre",
        "edges": "Edges",
    }
)
"""Names of the methods, and of the two maps that know no network."""

Control = Literal["centre", "edges"]
CONTROLS: tuple[Control, ...] = get_args(Control)
"""Maps that know no network, with which every agreement is compared."""
