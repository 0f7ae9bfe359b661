"""From a network to its files: a checkpoint with its description, or the weights alone."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from cbam_core.arguments import PATH, takes
from cbam_core.errors import CheckpointError
from cbam_core.files import write_atomically
from cbam_core.network.classifier import CLASSIFIER, Classifier
from cbam_core.network.loading import load_checkpoint
from cbam_core.network.naming import NamedNetwork
from cbam_core.nn.registry import expected_tensors
from cbam_core.weights.description import METADATA_KEY


@takes(CheckpointError, classifier=CLASSIFIER, path=PATH)
def save_classifier(classifier: Classifier, path: str | Path) -> str:
    """Write weights and description to a ``.safetensors`` file, complete or not at all.

    The same classifier gives the same bytes. Date and versions are added to a card that has none.

    Args:
        classifier: a network of a registered architecture.
        path: path of the file.

    Returns:
        SHA-256 of the file.

    Raises:
        CheckpointError: the network has no registered architecture, or `load_checkpoint` would refuse the file,
            which is then not written.
        OSError: the folder cannot be written.
    """
    card = classifier.card
    card = replace(card, date=card.date or _today(), versions=card.versions or current_versions())
    text = replace(classifier.description, card=card).to_json()
    content = safetensors.torch.save(_plain_state(classifier), metadata={METADATA_KEY: text})
    digest = load_checkpoint(content).digest
    write_atomically(Path(path), lambda file: file.write(content))
    return digest


def save_named(classifier: Classifier, named: NamedNetwork, path: Path) -> Path:
    """Write weights to a ``.safetensors`` file, and a TOML file beside it that says what builds the network.

    Nobody opens the weights by their file alone, for a file cannot name code that runs; the TOML file opens them, with
    ``--model``.

    Args:
        classifier: the network.
        named: its name, arguments, and which CBAM was inserted.
        path: path of the file of weights.

    Returns:
        Path of the TOML file.

    Raises:
        OSError: the folder cannot be written.
    """
    content = safetensors.torch.save(_plain_state(classifier))
    write_atomically(path, lambda file: file.write(content))
    values: dict[str, Any] = {
        "model": named.model,
        "weights": path.name,
        "classes": list(classifier.classes),
        "size": list(classifier.input_size),
        "mean": list(classifier.mean),
        "std": list(classifier.std),
        **named.inserted,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    if named.arguments:
        lines += ["", "[arguments]", *(f"{key} = {_toml(value)}" for key, value in named.arguments.items())]
    says = path.with_suffix(".toml")
    write_atomically(says, lambda file: file.write("\n".join([*lines, ""]).encode()))
    return says


def _toml(value: Any) -> str:
    """Write a value as TOML, whose tables in one line look unlike those of JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def export_state_dict(classifier: Classifier, path: Path) -> None:
    """Write only the weights, as a ``.pth`` file.

    The course's own code loads that of a `CBAM_CNN` with both gates, with ``strict=True``.

    Raises:
        OSError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(_plain_state(classifier), buffer)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def current_versions() -> dict[str, str]:
    """Return the versions of this program and of the libraries that it computes with, by name."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    try:
        versions["cbam-lens"] = importlib.metadata.version("cbam-lens")
    except importlib.metadata.PackageNotFoundError:
        versions["cbam-lens"] = "not installed"
    return versions


def _plain_state(classifier: Classifier) -> OrderedDict[str, Tensor]:
    state = classifier.model.state_dict()
    expected = expected_tensors(classifier.architecture, classifier.arguments) if classifier.architecture else state
    return OrderedDict(
        (name, state[name].detach().cpu().clone(memory_format=torch.contiguous_format))
        for name in [*expected, *(name for name in state if name not in expected)]
        if name in state
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
