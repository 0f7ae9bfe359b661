"""Where the project's own files lie; never in the folder that a program happens to be started from."""

from __future__ import annotations

import os
from pathlib import Path

from cbam_core.errors import CbamError, DataError

CHECKPOINT_VARIABLE = "CBAM_CHECKPOINT_DIR"
"""Environment variable that names another folder of checkpoints."""

RUNS_VARIABLE = "CBAM_RUNS_DIR"
"""Environment variable that names another folder of training runs."""

DATA_VARIABLE = "CBAM_DATA_DIR"
"""Environment variable that names another folder of data sets."""

IMAGE_VARIABLE = "CBAM_IMAGE_DIR"
"""Environment variable that names a folder of pictures for every visitor of the app."""


def checkpoint_folder() -> Path:
    """The folder of the trained networks: ``$CBAM_CHECKPOINT_DIR``, or ``checkpoints`` beside the package."""
    return _named_by(CHECKPOINT_VARIABLE) or Path(__file__).resolve().parent.parent / "checkpoints"


def shipped_checkpoints() -> dict[str, Path]:
    """The trained networks at hand, by name, in alphabetical order; empty where the folder is missing."""
    return {path.stem: path for path in sorted(checkpoint_folder().glob("*.safetensors")) if path.is_file()}


def runs_folder() -> Path:
    """The folder of training runs to look at: ``$CBAM_RUNS_DIR``, or ``runs`` beside the folder of checkpoints."""
    return _named_by(RUNS_VARIABLE) or checkpoint_folder().parent / "runs"


def image_folder() -> Path | None:
    """The folder of pictures that every visitor of the app may look at: ``$CBAM_IMAGE_DIR``; None where none is set."""
    return _named_by(IMAGE_VARIABLE)


def cache_folder() -> Path:
    """Where data sets and what can be made again are kept: ``$CBAM_DATA_DIR``, or ``~/.cache/cbam-lens``.

    Raises:
        DataError: none was named, and this user has no home folder.
    """
    if (named := _named_by(DATA_VARIABLE)) is not None:
        return named
    try:
        return Path.home() / ".cache" / "cbam-lens"
    except RuntimeError:
        raise DataError(
            "data.no-home",
            "there is no home folder to keep CIFAR-10 in; set CBAM_DATA_DIR to a folder of your choice",
        ) from None


def _named_by(variable: str) -> Path | None:
    """The folder that an environment variable names; None where it names none.

    Raises:
        CbamError: it begins with the home folder of a user whom this machine does not know.
    """
    chosen = os.environ.get(variable)
    if not chosen:
        return None
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError:
        raise CbamError(
            "place.no-such-home",
            "{variable} is {given}, and there is no such home folder; name the folder by its whole path",
            variable=variable,
            given=repr(chosen)[:80],
        ) from None
