"""The manifest: a description of an explanation's files and their origin, beside them."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cbam_core.explanation.contents import Request
from cbam_core.explanation.formats import FORMATS
from cbam_core.render.colours import is_flat, is_through, stretch
from cbam_core.results.explanation import Block, Gate
from cbam_core.results.frame import Fit
from cbam_core.results.look import Look

FORMAT_VERSION = 1
"""Version of the manifest; increased when the meaning of an entry changes, not when entries are added."""

MANIFEST = FORMATS[-1].name
"""Name of the file."""

ROUNDING = "; ".join(f"{each.name}: {each.rounding}" for each in FORMATS) + "."
"""Rounding of numbers in each file."""

PACKAGES = ("cbam-lens", "torch", "torchvision", "numpy", "pillow")
"""Packages whose versions are in the manifest."""


PLAIN: Mapping[str, str | bool] = MappingProxyType({"stretch": False, "ground": "white"})
"""How image files are decoded unless something else is asked for; see `cbam_core.data.images.decode`."""


def as_json(request: Request) -> bytes:
    """Describe an explanation and the files made before, with their digests, as JSON."""
    text = json.dumps(_described(request), ensure_ascii=False, indent=2, allow_nan=False)
    return f"{text}\n".encode()


def is_saved(
    folder: Path,
    *,
    image: str,
    fit: Fit,
    network: str,
    look: Look,
    decoding: Mapping[str, str | bool] = PLAIN,
) -> bool:
    """Check that a folder has all files of an explanation, with the figure drawn on the network's input.

    Args:
        folder: folder of the files; it need not exist.
        image: SHA-256 of the image file's bytes.
        fit: how the image is fitted.
        network: SHA-256 of the network's weights file.
        look: look of the masks in the figure.
        decoding: how the image file is decoded.
    """
    try:
        stored = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes = {name: entry["bytes"] for name, entry in stored["files"].items()}
        origin = (
            stored["format_version"],
            stored["image"]["sha256"],
            stored["image"]["fit"],
            stored["network"]["sha256"],
            {**PLAIN, **stored["image"].get("decoding", {})},
        )
        return (
            origin == (FORMAT_VERSION, image, fit, network, {**PLAIN, **decoding})
            and stored["figure"] == {"on": "input", **asdict(look)}
            and all((folder / name).stat().st_size == size for name, size in sizes.items())
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


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
            "decoding": {**PLAIN, **request.decoding},
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
            "through": is_through(values),
            **_use(gate),
        }
    placement = None if block.placement is None else block.placement.as_dict()
    return {"name": block.name, "gates": gates, "placement": placement}


def _use(gate: Gate) -> dict[str, Any]:
    """How the values multiplied the map, where not by themselves, and whether they may lie outside of [0, 1]."""
    use = {"scale": (gate.scale, 1.0), "shift": (gate.shift, 0.0), "squashed": (gate.squashed, True)}
    return {name: _number(value) for name, (value, usual) in use.items() if value != usual}


def _number(value: float) -> float | None:
    """Return the number; None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
