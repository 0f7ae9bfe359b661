"""What was measured while a network was trained, and where a run is now: plain numbers, and reading their files."""

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
"""What reading a damaged file raises: JSON nested too deep, whole numbers too large for a float, and the rest."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Attributes:
        number: counted from 1.
        seconds: time spent training, validation left out.
        learning_rate: of the last step.
        train_loss: mean loss over the training batches, in training mode, as the recipe defines it.
        train_accuracy: share of training images right, in training mode, transforms applied.
        validation_loss: mean cross-entropy on the held-out images.
        validation_accuracy: share of held-out images right.
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
    """Everything that was measured while a network was trained.

    Attributes:
        epochs: in order.
        losses: of every batch, in order.
    """

    epochs: tuple[Epoch, ...] = ()
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        epoch: the one that is going on, counted from 1.
        epochs: of the run.
        index: batches of this epoch that were learnt.
        steps: batches of an epoch.
        loss: mean over the last hundred batches or fewer.
        images_per_second: since the run began or went on.
        seconds_left: at that pace.
        time: when this was written, seconds since 1970.
        complete: whether the run has ended.
        losses: of the batches of this epoch; ``history.json`` has those of the epochs before.
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
    """The recipe and history in a file that `write_history` wrote.

    Raises:
        TrainingError: the file is missing or is no history.
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
    """Where the run in a folder is; None where none has begun."""
    try:
        record = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return Progress(**{**record, "losses": tuple(map(float, record.get("losses", ())))})
    except UNREADABLE:
        return None


def _epoch(record: Mapping[str, Any]) -> Epoch:
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in record.values()):
        raise TypeError(record)
    return Epoch(**record)
