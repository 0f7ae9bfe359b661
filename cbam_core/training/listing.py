"""Which runs are there to look at, and how does each one stand? Those that ship, and those in the runs folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, PROGRESS, Progress

State = Literal["complete", "running", "stalled"]

PATIENCE = 60.0
"""Seconds after which a run that wrote nothing counts as stalled; it writes every second while it learns."""


@dataclass(frozen=True)
class Run:
    """Files of one run.

    Attributes:
        name: of the shipped network, or the folder within the runs folder.
        folder: of a run that is or was made here; None for one that ships.
        history: where its history is, or will be.
        film: the same for its film.
    """

    name: str
    folder: Path | None
    history: Path
    film: Path

    @property
    def ships(self) -> bool:
        """Whether it lies beside a checkpoint, complete."""
        return self.folder is None


def find_runs(checkpoints: Path, runs: Path) -> dict[str, Run]:
    """The runs that ship and then those in the runs folder, the latest first, by the names that choose them.

    Args:
        checkpoints: the folder of the shipped networks; a history beside one makes it a run.
        runs: the runs folder; runs lie in it, or one folder deeper.
    """
    found: dict[str, Run] = {}
    for history in sorted(checkpoints.glob(f"*.{HISTORY}")):
        name = history.name.removesuffix(f".{HISTORY}")
        found[name] = Run(name, None, history, history.with_name(f"{name}.{FILM}"))
    here = {
        path.parent for kept in (HISTORY, PROGRESS) for depth in ("*", "*/*") for path in runs.glob(f"{depth}/{kept}")
    }
    for folder in sorted(here, key=lambda folder: (-_written(folder), folder)):
        name = folder.relative_to(runs).as_posix()
        key = name if name not in found else f"runs/{name}"
        found[key] = Run(name, folder, folder / HISTORY, folder / FILM)
    return found


def state_of(run: Run, progress: Progress | None, now: float) -> State:
    """How a run stands.

    Args:
        run: which.
        progress: what it says of itself; None where it said nothing yet.
        now: seconds since 1970.
    """
    if run.folder is None or (progress is not None and progress.complete):
        return "complete"
    heard = _written(run.folder) if progress is None else progress.time
    return "running" if now - heard <= PATIENCE else "stalled"


def silence(run: Run, progress: Progress | None, now: float) -> float:
    """Seconds since a run was heard of."""
    if run.folder is None:
        return 0.0
    return max(0.0, now - (_written(run.folder) if progress is None else progress.time))


def _written(folder: Path) -> float:
    """When a run last wrote something that is looked at, seconds since 1970."""
    times = []
    for name in (HISTORY, PROGRESS):
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:  # not there yet, or replaced this instant
            continue
    return max(times, default=0.0)
