"""Where the project's own files lie; never in the folder that a program happens to be started from."""

from __future__ import annotations

import os
from pathlib import Path

CHECKPOINT_VARIABLE = "CBAM_CHECKPOINT_DIR"
"""Environment variable that names another folder of checkpoints."""

RUNS_VARIABLE = "CBAM_RUNS_DIR"
"""Environment variable that names another folder of training runs."""

IMAGE_VARIABLE = "CBAM_IMAGE_DIR"
"""Environment variable that names a folder of pictures for every visitor of the app."""


def checkpoint_folder() -> Path:
    """The folder of the trained networks: ``$CBAM_CHECKPOINT_DIR``, or ``checkpoints`` beside the package."""
    chosen = os.environ.get(CHECKPOINT_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(__file__).resolve().parent.parent / "checkpoints"


def shipped_checkpoints() -> dict[str, Path]:
    """The trained networks at hand, by name, in alphabetical order; empty where the folder is missing."""
    return {path.stem: path for path in sorted(checkpoint_folder().glob("*.safetensors")) if path.is_file()}


def runs_folder() -> Path:
    """The folder of training runs to look at: ``$CBAM_RUNS_DIR``, or ``runs`` beside the folder of checkpoints."""
    chosen = os.environ.get(RUNS_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else checkpoint_folder().parent / "runs"


def image_folder() -> Path | None:
    """The folder of pictures that every visitor of the app may look at: ``$CBAM_IMAGE_DIR``; None where none is set."""
    chosen = os.environ.get(IMAGE_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else None
