"""Finding training runs and their states: the shipped ones, and those in the runs folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, PROGRESS, Progress

State = Literal["complete", "running", "stalled"]

PATIENCE = 60.0
"""Seconds without output after which a run counts as stalled; a run writes every second while it trains."""


@dataclass(frozen=True)
class Run:
    """Files of one run.

    Attributes:
        name: name of the shipped network, or of the folder in the runs folder.
        folder: folder of a local run; None for a shipped one.
        history: path of its history, which may not exist yet.
        film: path of its film, which may not exist yet.
    """

    name: str
    folder: Path | None
    history: Path
    film: Path

    @property
    def ships(self) -> bool:
        """Whether it is a shipped run, which is complete."""
        return self.folder is None

    @property
    def checkpoint(self) -> Path | None:
        """Path of the network that the run wrote at its end, the latest one of several; None where there is none."""
        if self.folder is None:
            ships = self.history.with_name(f"{self.name}.safetensors")
            return ships if ships.is_file() else None
        return max(self.folder.glob("*.safetensors"), key=_written_at, default=None)


def find_runs(checkpoints: Path, runs: Path) -> dict[str, Run]:
    """List runs by name: first the shipped ones, then those in the runs folder, the latest first.

    Args:
        checkpoints: folder of the shipped networks; a network with a history beside it counts as a run.
        runs: folder of runs, which are directly in it or one folder deeper.
    """
    found: dict[str, Run] = {}
    for history in sorted(checkpoints.glob(f"*.{HISTORY}")):
        name = history.name.removesuffix(f".{HISTORY}")
        found[name] = Run(name, None, history, history.with_name(f"{name}.{FILM}"))
    here = {
        path.parent for kept in (HISTORY, PROGRESS) for depth in ("*", "*/*") for path in runs.glob(f"{depth}/{kept}")
    }
    for folder in sorted(here, key=lambda folder: (-_written(folder), folder)):
        name = folder.relative_to(runs).as_posix().encode("utf-8", "replace").decode()
        key = name if name not in found else f"runs/{name}"
        found[key] = Run(name, folder, folder / HISTORY, folder / FILM)
    return found


def state_of(run: Run, progress: Progress | None, now: float) -> State:
    """Return the state of a run.

    One without progress is complete if it has written its network.

    Args:
        run: the run.
        progress: its last progress; None where there is none yet.
        now: current time in seconds since 1970.
    """
    if run.folder is None or (run.checkpoint is not None if progress is None else progress.complete):
        return "complete"
    heard = _written(run.folder) if progress is None else progress.time
    return "running" if now - heard <= PATIENCE else "stalled"


def silence(run: Run, progress: Progress | None, now: float) -> float:
    """Return the seconds since the last output of a run."""
    if run.folder is None:
        return 0.0
    return max(0.0, now - (_written(run.folder) if progress is None else progress.time))


def _written(folder: Path) -> float:
    """Return the time of a run's last output in seconds since 1970."""
    return max(_written_at(folder / name) for name in (HISTORY, PROGRESS))


def _written_at(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:  # missing, or being replaced
        return 0.0
