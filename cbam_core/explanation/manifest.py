"""What an explanation's files are and where they come from: the manifest that lies beside them."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from dataclasses import asdict
from datetime import UTC
from importlib import metadata
from typing import Any

from cbam_core.explanation.contents import Request
from cbam_core.explanation.formats import FORMATS
from cbam_core.render.colours import is_flat, stretch
from cbam_core.results.explanation import Block

FORMAT_VERSION = 1
"""Of the manifest; a later one may add entries, a change of meaning raises it."""

ROUNDING = "; ".join(f"{each.name}: {each.rounding}" for each in FORMATS) + "."
"""How numbers are rounded, file by file."""

PACKAGES = ("cbam-lens", "torch", "torchvision", "numpy", "pillow")
"""Packages whose versions the manifest names."""


def as_json(request: Request) -> bytes:
    """Everything about an explanation that a picture does not say, and the digests of the files made before."""
    text = json.dumps(_described(request), ensure_ascii=False, indent=2, allow_nan=False)
    return f"{text}\n".encode()


def _described(request: Request) -> dict[str, Any]:
    explanation, frame = request.explanation, request.explanation.frame
    return {
        "format": "cbam-lens explanation",
        "format_version": FORMAT_VERSION,
        "date": request.date.astimezone(UTC).isoformat(timespec="seconds"),
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
        "figure": {"on": "input" if request.original is None else "original", **asdict(request.look)},
        "rounding": ROUNDING,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in request.files.items()
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
