"""The film player: the scenes of a training run in the attention viewer, all sent to the browser at once.

A host puts `player_styles` and `player_source` on its page and calls ``mountPlayer(root, data, emit)`` with the output
of `lay_out_film`. Like the viewer, the player makes no network requests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from cbam_core.errors import unbroken
from cbam_core.render.film import check_film
from cbam_core.render.overlay import cells_on_input
from cbam_core.results.explanation import Gate
from cbam_core.results.film import Film, FilmedGate
from cbam_core.viewer import Payload, Picture, Settings, source, styles
from cbam_core.viewer.packing import as_base64
from cbam_core.viewer.payload import PIXELATED, gate_as_dict, place_as_dict

PLAYER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "images": "Image",
        "image": "{truth}, image {number} of {count}",
        "play": "Play",
        "pause": "Pause",
        "epoch": "Epoch {epoch}",
        "untrained": "before training",
        "accuracy": "validation accuracy {percent} %",
        "unknown": "accuracy not measured",
        "slider": "Scene; the space bar plays and pauses",
        "chart": "Validation accuracy over the epochs",
        "classes": "Class probabilities",
        "truth": "truth",
        "class_percent": "{percent} %",
        "spoken": "{epoch}, {accuracy}, {predicted} {percent} %",
        "no_usual": "What is usual changes while the network learns, so scenes of a film are not compared with it; "
        "Inspect compares the finished network with what is usual.",
    }
)
"""Words of the player, besides those of the viewer, in English."""

DRAWN = Settings()
"""Default settings of scenes."""


def lay_out_film(
    film: Film,
    *,
    name: str,
    curve: Sequence[tuple[int, float]] = (),
    image: int = 0,
    settings: Settings = DRAWN,
    words: Mapping[str, str] = MappingProxyType({}),
    viewer_words: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Make the input of the player, JSON-ready, with numbers as little-endian float32 in base64.

    Args:
        film: the scenes.
        name: name of the run; a new name makes the player return to the last scene.
        curve: epochs and accuracies in [0, 1], if there are more than in the film.
        image: index of the first image.
        settings: settings to start with.
        words: translations of `PLAYER_WORDS`; missing keys are English.
        viewer_words: translations of the viewer's words.

    Raises:
        RenderError: the film is damaged.
    """
    check_film(film)
    height, width = film.images.shape[1:3]
    seen = (0.0, 0.0, float(width), float(height))
    pixelated = max(width, height) <= PIXELATED
    pictures = tuple(Picture("input", image, seen, pixelated) for image in film.images)
    viewer = Payload(pictures, (), settings, viewer_words).as_dict()
    known = {int(e): float(a) for e, a in zip(film.epochs, film.accuracy, strict=True) if np.isfinite(a)}
    points = {int(epoch): float(accuracy) for epoch, accuracy in curve if np.isfinite(accuracy)} | known
    data: dict[str, Any] = {
        "name": name,
        "image": image,
        "pictures": viewer.pop("images"),
        "viewer": viewer,
        "classes": list(film.classes),
        "labels": [int(label) for label in film.labels],
        "epochs": [int(epoch) for epoch in film.epochs],
        "accuracy": [known.get(int(epoch)) for epoch in film.epochs],
        "curve": [list(point) for point in sorted(points.items())],
        "probabilities": [as_base64(scene) for scene in film.probabilities],
        "blocks": [_block(film, block) for block in film.blocks],
        "words": {key: unbroken(word) for key, word in {**PLAYER_WORDS, **words}.items()},
    }
    data["id"] = hashlib.sha256(json.dumps(data).encode()).hexdigest()[:16]
    return data


def _block(film: Film, block: str) -> dict[str, Any]:
    """Collect a block's values by scene and image, each ready for the viewer."""
    masks, weights = film.gate(block, "spatial"), film.gate(block, "channel")
    placement = film.placements.get(block)
    cells = {} if placement is None or masks is None else {"input": asdict(cells_on_input(placement))}
    return {
        "name": block,
        "cells": cells,
        "place": place_as_dict(placement),
        "size": None if masks is None else {"height": masks.values.shape[2], "width": masks.values.shape[3]},
        "masks": _by_scene(masks),
        "weights": _by_scene(weights),
    }


def _by_scene(gate: FilmedGate | None) -> list[list[dict[str, Any]]] | None:
    """A gate by scene and image, as the viewer takes one; None where there is none."""
    if gate is None:
        return None
    return [[gate_as_dict(Gate(gate.name, gate.kind, gate.call, values)) for values in scene] for scene in gate.values]


@cache
def player_source() -> str:
    """Return viewer and player as one ES module that exports `mount` and `mountPlayer`."""
    return f"{source()}\n{_read('player.js')}"


@cache
def player_styles() -> str:
    """Return the style sheet of both."""
    return f"{styles()}\n{_read('player.css')}"


def _read(name: str) -> str:
    return files("cbam_core.viewer.player").joinpath(name).read_text(encoding="utf-8")
