"""The state of a run in one file, so that a run stopped at any time continues as if it had not been stopped."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

try:
    import fcntl
except ImportError:  # Windows, where a folder cannot be locked
    fcntl = None  # type: ignore[assignment]

from cbam_core.errors import TrainingError
from cbam_core.files import write_atomically
from cbam_core.results.history import HISTORY, Epoch, History, read_history
from cbam_core.training.recipes import Recipe

STATE = "state.pt"
"""Name of the file in the run's folder."""

NAME = "checkpoint-name.txt"
"""Name of the file in the run's folder that holds the checkpoint's."""

PARTS = ("model", "optimiser", "schedule")
"""Keys of the state dicts in every state."""


def store(folder: Path, recipe: Recipe, history: History, parts: dict[str, Any]) -> None:
    """Write the state, complete or not at all.

    Args:
        folder: folder of the run.
        recipe: recipe of the run, which a resumed run must share.
        history: history so far.
        parts: state dicts by name: of the network, the optimiser and so on.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the previous state is still there.
    """
    state = {
        "recipe": recipe.as_dict(),
        "epochs": [asdict(epoch) for epoch in history.epochs],
        "losses": torch.tensor(history.losses, dtype=torch.float64),
        "parts": parts,
    }
    buffer = io.BytesIO()  # torch would hide the error of a full disk
    torch.save(state, buffer)
    write_atomically(folder / STATE, lambda file: file.write(buffer.getbuffer()))


def restore(folder: Path, recipe: Recipe) -> tuple[History, dict[str, Any]] | None:
    """Read the output of `store`; None where no epoch is complete.

    Raises:
        TrainingError: the file belongs to another recipe, or is not such a state.
    """
    file = folder / STATE
    if not file.exists():
        return None
    state = _load(file)
    try:
        stored, parts = dict(state["recipe"]), {name: state["parts"][name] for name in PARTS} | state["parts"]
        history = History(tuple(Epoch(**epoch) for epoch in state["epochs"]), tuple(state["losses"].tolist()))
    except Exception as error:  # a file of other contents can raise anything
        raise _unreadable(file) from error
    if recipe.differences(stored):
        raise TrainingError(
            "training.other-recipe",
            "the run in {folder} was started with another recipe (different: {values}); use the same recipe, or "
            "another folder",
            folder=str(folder),
            values=recipe.described_differences(stored),
        )
    return history, parts


def stored_recipe(folder: Path) -> Recipe | None:
    """Read the recipe of the run in a folder; None where no run was started.

    Raises:
        TrainingError: its file is damaged.
    """
    if (folder / STATE).exists():
        state = _load(folder / STATE)
        stored = state.get("recipe") if isinstance(state, dict) else None
        if not isinstance(stored, dict):
            raise _unreadable(folder / STATE)
        return Recipe.from_stored(stored)
    if (folder / HISTORY).exists():  # stopped in its first epoch
        return Recipe.from_stored(read_history(folder / HISTORY)[0])
    return None


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Let no second run write into a folder meanwhile, where the file system can lock one.

    Raises:
        TrainingError: a run is writing there.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TrainingError(
            "training.folder-busy",
            "another training runs in {folder}; wait for its end, or choose another folder",
            folder=str(folder),
        ) from error
    except OSError:
        return  # no locks on this file system


def store_name(folder: Path, name: str) -> None:
    """Keep the file name of a run's checkpoint, without ending, for the time when the run continues.

    Raises:
        OSError: the folder cannot be written.
    """
    write_atomically(folder / NAME, lambda file: file.write(f"{name}\n".encode()))


def stored_name(folder: Path) -> str | None:
    """Read the file name of a run's checkpoint, without ending; None where none was kept."""
    try:
        return (folder / NAME).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _load(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise anything
        raise _unreadable(file) from error


def _unreadable(file: Path) -> TrainingError:
    return TrainingError(
        "training.state-unreadable",
        "{file} is not a stored run that this version reads; remove it, or choose another folder",
        file=str(file),
    )
