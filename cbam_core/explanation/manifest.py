"""What an explanation's files are and where they come from: the manifest that lies beside them."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from cbam_core.render.colours import is_flat, stretch
from cbam_core.results.explanation import Block, Explanation

FORMAT_VERSION = 1
"""Of the manifest; a later one may add entries, a change of meaning raises it."""

ROUNDING = (
    "figure.png: probabilities in percent to 1 decimal, gate values to 3 decimals; channel_weights.csv: 9 "
    "significant digits, from which every float32 comes back exactly; manifest.json: unrounded; "
    "values.npz: bit for bit."
)
"""How numbers are rounded, where they are."""

PACKAGES = ("cbam-lens", "torch", "torchvision", "numpy", "pillow")
"""Packages whose versions the manifest names."""


def manifest(
    explanation: Explanation, *, drawn: Mapping[str, Any], files: Mapping[str, bytes], date: datetime
) -> dict[str, Any]:
    """Everything about an explanation that a picture does not say, ready for JSON.

    Args:
        explanation: what is described.
        drawn: how its figure was drawn.
        files: contents of the files beside the manifest, by name.
        date: when; any time zone, written in UTC.
    """
    frame = explanation.frame
    return {
        "format": "cbam-lens explanation",
        "format_version": FORMAT_VERSION,
        "date": date.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "network": {"name": explanation.checkpoint, "sha256": explanation.checkpoint_digest or None},
        "image": {
            "sha256": explanation.image_digest,
            "fit": explanation.fit,
            "frame": {
                "original_size": list(frame.original_size),
                "input_size": list(frame.input_size),
                "box": list(frame.box),
            },
            "notes": [note.as_dict() for note in explanation.notes],
        },
        "predicted": explanation.predicted,
        "probabilities": [
            {"class": name, "probability": _number(probability)}
            for name, probability in zip(explanation.classes, explanation.probabilities.tolist(), strict=True)
        ],
        "blocks": [_block_entry(block) for block in explanation.blocks],
        "figure": dict(drawn),
        "rounding": ROUNDING,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        },
    }


def _block_entry(block: Block) -> dict[str, Any]:
    gates: dict[str, Any] = {}
    for gate in block.gates:
        values = gate.values
        least, greatest = stretch(values)
        gates[gate.kind if gate.kind not in gates else gate.name] = {
            "array": gate.name,
            "shape": list(values.shape),
            "least": _number(least),
            "greatest": _number(greatest),
            "flat": is_flat(values),
        }
    place = block.placement
    placement = None if place is None else {"start": list(place.start), "step": list(place.step)}
    return {"name": block.name, "gates": gates, "placement": placement}


def _number(value: float) -> float | None:
    """The number itself; None for what JSON has no number for."""
    return value if math.isfinite(value) else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
