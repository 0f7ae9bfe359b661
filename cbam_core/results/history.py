"""History and progress of a training run, and reading their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbam_core.errors import TrainingError

HISTORY, PROGRESS = "history.json", "progress.json"
"""Names of the files in a run's folder."""

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""Exceptions of reading a damaged file, such as JSON nested too deep, or integers too large for a float."""


@dataclass(frozen=True)
class Epoch:
    """Measurements of one epoch.

    Attributes:
        number: number of the epoch, from 1.
        seconds: training time in seconds, without validation.
        learning_rate: learning rate of the last step.
        train_loss: mean loss over the training batches, in training mode, as the recipe defines it.
        train_accuracy: accuracy on the training images, in training mode, with transforms, in [0, 1].
        validation_loss: mean cross-entropy on the validation images.
        validation_accuracy: accuracy on the validation images, in [0, 1].
    """

    number: int
    seconds: float
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class History:
    """Measurements of a training run.

    Attributes:
        epochs: measurements of each epoch, in order.
        losses: loss of each batch, in order.
    """

    epochs: tuple[Epoch, ...] = ()
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        epoch: number of the current epoch, from 1.
        epochs: number of epochs of the run.
        index: number of batches of this epoch so far.
        steps: number of batches in an epoch.
        loss: mean loss over the last hundred batches, or fewer.
        images_per_second: mean speed since the run started or continued.
        seconds_left: remaining time at this speed, in seconds.
        time: time of this record, in seconds since 1970.
        complete: whether the run is complete.
        losses: losses of the batches of this epoch; ``history.json`` has those of earlier epochs.
    """

    epoch: int
    epochs: int
    index: int
    steps: int
    loss: float
    images_per_second: float
    seconds_left: float
    time: float
    complete: bool = False
    losses: tuple[float, ...] = ()


def read_history(path: Path) -> tuple[dict[str, Any], History]:
    """Read the recipe and history in a file that `write_history` wrote.

    Raises:
        TrainingError: the file is missing or is not a history.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        epochs = tuple(map(_epoch, record["epochs"]))
        return dict(record["recipe"]), History(epochs, tuple(map(float, record["losses"])))
    except UNREADABLE as error:
        raise TrainingError(
            "training.no-history", "{path} is not the history of a training run", path=str(path)
        ) from error


def read_progress(folder: Path) -> Progress | None:
    """Read the progress of the run in a folder; None where no run has started."""
    try:
        record = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return Progress(**{**record, "losses": tuple(map(float, record.get("losses", ())))})
    except UNREADABLE:
        return None


def _epoch(record: Mapping[str, Any]) -> Epoch:
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in record.values()):
        raise TypeError(record)
    return Epoch(**record)
