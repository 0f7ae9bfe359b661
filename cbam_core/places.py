"""Folders of the project's own files, independent of the current folder."""

from __future__ import annotations

import os
from pathlib import Path

from cbam_core.errors import CbamError, DataError

CHECKPOINT_VARIABLE = "CBAM_CHECKPOINT_DIR"
"""Environment variable that names another folder of checkpoints."""

RUNS_VARIABLE = "CBAM_RUNS_DIR"
"""Environment variable that names another folder of training runs."""

ATLASES_VARIABLE = "CBAM_ATLASES"
"""Environment variable that names another folder of atlases."""

DATA_VARIABLE = "CBAM_DATA_DIR"
"""Environment variable that names another folder of data sets."""

IMAGE_VARIABLE = "CBAM_IMAGE_DIR"
"""Environment variable that names a folder of images for every visitor of the app."""

NETWORK_VARIABLE = "CBAM_NETWORK"
"""Environment variable that names the operator's own network for the app: by name, by file, or by JSON."""


_PACKAGE = Path(__file__).resolve().parent


def project_folder() -> Path:
    """Return the folder that holds ``app`` and ``checkpoints``: in an installed package, else the repository."""
    return _bundle() if _bundle().is_dir() else _PACKAGE.parent


def _bundle() -> Path:
    """Return the folder of these files inside an installed package."""
    return _PACKAGE / "_bundle"


def checkpoint_folder() -> Path:
    """Return the folder of trained networks: ``$CBAM_CHECKPOINT_DIR``, or the one that ships."""
    return _named_by(CHECKPOINT_VARIABLE) or project_folder() / "checkpoints"


def shipped_checkpoints() -> dict[str, Path]:
    """Find the trained networks: files by name, in alphabetical order; empty if the folder is missing."""
    return {path.stem: path for path in sorted(checkpoint_folder().glob("*.safetensors")) if path.is_file()}


def runs_folder() -> Path:
    """Return the folder of the training runs that the app shows.

    It is ``$CBAM_RUNS_DIR``; else ``runs`` beside the folder of trained networks; for the networks of an installed
    package, ``runs`` in the current folder.
    """
    return _named_by(RUNS_VARIABLE) or _beside_checkpoints("runs")


def atlases_folder() -> Path:
    """Return the folder in which atlases are built, and in which the app finds them.

    It is ``$CBAM_ATLASES``; else ``atlases``, in the same place as ``runs``.
    """
    return _named_by(ATLASES_VARIABLE) or _beside_checkpoints("atlases")


def atlas_folders() -> tuple[Path, ...]:
    """Find the atlases: those that were built, in alphabetical order, then those that ship beside their networks."""
    built = (path.parent for path in sorted(atlases_folder().glob("*/atlas.json")))
    shipped = (path.parent for path in sorted(checkpoint_folder().glob("*.atlas/atlas.json")))
    return (*built, *shipped)


def page_atlas_folders() -> tuple[Path, ...]:
    """Find the atlases that were built from the app's pages, in the cache folder; () where there is none."""
    try:
        return tuple(path.parent for path in sorted((cache_folder() / "atlases").glob("*/atlas.json")))
    except (CbamError, OSError):  # there is no home folder, or it cannot be read
        return ()


def _beside_checkpoints(name: str) -> Path:
    """Return a folder beside that of trained networks; for those of an installed package, in the current folder."""
    folder = checkpoint_folder()
    return Path.cwd() / name if folder.is_relative_to(_bundle()) else folder.parent / name


def image_folder() -> Path | None:
    """Return the folder of images that every visitor of the app may see: ``$CBAM_IMAGE_DIR``; None if it is not set."""
    return _named_by(IMAGE_VARIABLE)


def cache_folder() -> Path:
    """Return the folder of data sets and of results that can be computed again.

    It is ``$CBAM_DATA_DIR``, or ``~/.cache/cbam-lens``.

    Raises:
        DataError: the variable is not set, and this user has no home folder.
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
    """Return the folder that an environment variable names; None if it is not set.

    Raises:
        CbamError: the path begins with the home folder of an unknown user.
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
