"""The page about the shipped checkpoints, made from the files, so that it always agrees with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from cbam_core.errors import CheckpointError
from cbam_core.files import write_atomically
from cbam_core.nn.registry import expected_tensors
from cbam_core.places import checkpoint_folder, shipped_checkpoints
from cbam_core.weights.card import Card
from cbam_core.weights.description import METADATA_KEY, Description
from cbam_core.weights.file import WeightsFile, open_weights

INTRODUCTION = """\
# Checkpoints

This page is made from the checkpoints themselves, by `cbam_core.weights.card_page.write_cards()`;
do not edit it by hand.
Each file carries its own description, so it can be moved and opened anywhere:
`load_classifier("{name}")` or `load_classifier("path/to/{name}.safetensors")`.
"""


def render_cards(checkpoints: Mapping[str, Path]) -> str:
    """Make the Markdown page about checkpoints.

    Args:
        checkpoints: files by name.

    Raises:
        CheckpointError: a file is refused or has no description.
    """
    parts = [INTRODUCTION.format(name=next(iter(checkpoints), "name"))]
    for name, path in checkpoints.items():
        file = open_weights(path)
        if METADATA_KEY not in file.metadata:
            raise CheckpointError(
                "checkpoint.no-description",
                "{path} holds no description of its network; write it with save_classifier",
                path=str(path),
            )
        parts.append(_section(name, path, file, Description.from_json(file.metadata[METADATA_KEY])))
    return "\n".join(parts)


def write_cards(folder: Path | None = None) -> Path:
    """Write ``README.md`` beside the checkpoints.

    Args:
        folder: folder of the checkpoints; by default the project's own.

    Returns:
        The page's path.

    Raises:
        CheckpointError: a file is refused or has no description.
        OSError: the folder cannot be written.
    """
    if folder is None:
        folder, checkpoints = checkpoint_folder(), shipped_checkpoints()
    else:
        checkpoints = {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
    text = render_cards(checkpoints)
    page = folder / "README.md"
    write_atomically(page, lambda file: file.write(text.encode("utf-8")))
    return page


def _section(name: str, path: Path, file: WeightsFile, description: Description) -> str:
    card = description.card
    facts = {
        "Network": _call(description),
        "Parameters": f"{_parameter_count(description):,}",
        "Classes": ", ".join(description.classes),
        "Input": _input(description),
        "Test accuracy": _accuracy(card),
        "Images": card.split,
        "Epochs": "" if card.epochs is None else str(card.epochs),
        "Seed": "" if card.seed is None else str(card.seed),
        "Limits": card.limits,
        "Date": card.date,
        "Versions": ", ".join(f"{software} {version}" for software, version in card.versions.items()),
        "File": f"`{path.name}`, {file.size:,} bytes",
        "SHA-256": f"`{file.digest}`",
    }
    rows = [f"| {fact} | {_cell(value)} |" for fact, value in facts.items() if value]
    parts = [f"## {name}", _text(card.what), "\n".join(["| | |", "|---|---|", *rows])]
    if card.command:
        parts.append(f"Command:\n\n```sh\n{card.command.strip()}\n```")
    if card.recipe:
        recipe = ", ".join(f"{key} {value}" for key, value in card.recipe.items() if value not in ("", None))
        parts.append(f"Recipe: {_text(recipe)}.")
    parts += [f"Assumed: {message}." for message in card.assumptions]
    return "\n\n".join(part for part in parts if part) + "\n"


def _call(description: Description) -> str:
    arguments = ", ".join(f"{key}={value!r}" for key, value in description.arguments.items())
    return f"`{description.architecture}({arguments})`"


def _parameter_count(description: Description) -> int:
    tensors = expected_tensors(description.architecture, description.arguments)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return sum(math.prod(spec.shape) for name, spec in tensors.items() if not name.endswith(statistics))


def _input(description: Description) -> str:
    width, height = description.input_size
    return f"{width}×{height} RGB, scaled to 0-1, mean {description.mean}, std {description.std}"


def _accuracy(card: Card) -> str:
    if card.test_accuracy is None:
        return ""
    return f"{card.test_accuracy:.2%} ({card.test_correct:,} of {card.test_count:,})".replace("%", " %")


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    return " ".join(text.split())
