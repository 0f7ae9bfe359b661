"""Files of a run for people and pages, during and after it: ``history.json`` and ``progress.json``.

Both are replaced atomically, so that a reader never gets an incomplete file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbam_core.files import write_atomically
from cbam_core.results.history import HISTORY, PROGRESS, History, Progress
from cbam_core.training.callbacks import Callback, Step
from cbam_core.training.recipes import Recipe

if TYPE_CHECKING:
    from torch import nn


DIGITS = 6
"""Significant digits of the losses of batches, to keep the file small."""


def write_history(
    folder: Path, recipe: Mapping[str, Any], history: History, images: tuple[int, int] | None = None
) -> None:
    """Write ``history.json``: recipe, epochs, the loss of every batch, and numbers of images where they are known.

    Args:
        folder: folder of the run.
        recipe: values of its recipe.
        history: history so far.
        images: number of images that the run learns from, and of those that it is watched with.
    """
    record: dict[str, Any] = {
        "recipe": dict(recipe),
        "epochs": [asdict(epoch) for epoch in history.epochs],
        "losses": _rounded(history.losses),
    }
    if images is not None:
        record["images"] = images
    _write(folder / HISTORY, record)


def _rounded(losses: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{loss:.{DIGITS}g}") for loss in losses)


def write_progress(folder: Path, progress: Progress) -> None:
    """Write ``progress.json``."""
    _write(folder / PROGRESS, asdict(progress))


def _write(path: Path, record: object) -> None:
    text = json.dumps(record, allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode()))


@dataclass
class Pace:
    """Measures the speed of a run.

    Attributes:
        began: time of its start or continuation.
        images: number of images since then.
        recent: losses of the last batches.
    """

    began: float
    images: int
    recent: list[float]

    @classmethod
    def now(cls) -> Pace:
        """Start the clock."""
        return cls(time.perf_counter(), 0, [])

    def after(self, images: int, loss: float) -> tuple[float, float]:
        """Count a batch; return the images per second and the mean of the last hundred losses."""
        self.images += images
        self.recent = [*self.recent[-99:], loss]
        return self.images / (time.perf_counter() - self.began), sum(self.recent) / len(self.recent)


class Recording(Callback):
    """A callback that writes both files.

    Args:
        folder: folder of the run.
        recipe: recipe of the run.
        images: number of images that it learns from, and of those that it is watched with, where they are known.
    """

    EVERY = 1.0
    """Smallest number of seconds between two versions of ``progress.json``."""

    def __init__(self, folder: Path, recipe: Recipe, images: tuple[int, int] | None = None) -> None:
        self._folder, self._recipe, self._images = folder, recipe, images
        self._pace, self._written = Pace.now(), -self.EVERY
        self._last: Progress | None = None
        self._losses: list[float] = []

    def begin(self, model: nn.Module, history: History) -> None:
        """Start the clock."""
        self._pace = Pace.now()
        write_history(self._folder, self._recipe.as_dict(), history, self._images)

    def step(self, step: Step) -> None:
        """Write the progress, at most once in `EVERY` seconds."""
        pace, loss = self._pace.after(step.images, step.loss)
        left = (step.epochs * step.steps - step.number) * step.images / pace
        self._last = Progress(step.epoch, step.epochs, step.index, step.steps, loss, pace, left, time.time())
        self._losses.append(step.loss)
        if time.perf_counter() - self._written >= self.EVERY:
            self._written = time.perf_counter()
            write_progress(self._folder, replace(self._last, losses=_rounded(self._losses)))

    def epoch(self, model: nn.Module, history: History) -> None:
        """Write the history so far."""
        self._losses = []
        write_history(self._folder, self._recipe.as_dict(), history, self._images)

    def end(self, history: History) -> None:
        """Write that the run is complete."""
        write_history(self._folder, self._recipe.as_dict(), history, self._images)
        last = self._last or _at_the_end(history)  # the run was already complete when it continued
        write_progress(self._folder, replace(last, time=time.time(), complete=True))


def _at_the_end(history: History) -> Progress:
    """Return the progress of a run that was stopped after its last epoch."""
    epochs = len(history.epochs)
    steps = len(history.losses) // max(epochs, 1)
    loss = history.epochs[-1].train_loss if epochs else 0.0
    return Progress(epochs, epochs, steps, steps, loss, images_per_second=0.0, seconds_left=0.0, time=0.0)
