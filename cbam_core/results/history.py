"""History and progress of a training run, and reading their files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cbam_core.errors import TrainingError

HISTORY, PROGRESS = "history.json", "progress.json"
"""Names of the files in a run's folder."""

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""Exceptions of reading a damaged file, such as JSON nested too deep, or integers too large for a float."""

LARGEST = 100_000_000
"""Largest file that is read, in bytes; a million batches take about ten million."""

MOST = 10**12
"""Largest absolute value of any number of a run, seconds since 1970 included."""


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
        record = _read(path)
        return _recipe(record["recipe"]), History(tuple(map(_epoch, record["epochs"])), _numbers(record["losses"]))
    except UNREADABLE as error:
        raise TrainingError(
            "training.no-history", "{path} is not the history of a training run", path=str(path)
        ) from error


def read_image_counts(path: Path) -> tuple[int, int] | None:
    """Read how many images a run learns from and is watched with; None where its history does not say so."""
    try:
        learnt, watched = map(_counted, _read(path)["images"])
    except UNREADABLE:
        return None
    return learnt, watched


def _counted(value: Any) -> int:
    if not isinstance(_number(value), int) or value < 0:
        raise ValueError(value)
    return int(value)


def read_progress(folder: Path) -> Progress | None:
    """Read the progress of the run in a folder; None where no run has started, or its file is damaged."""
    try:
        record = dict(_read(folder / PROGRESS))
        losses, complete = _numbers(record.pop("losses", ())), record.pop("complete", False)
        if not isinstance(complete, bool):
            raise TypeError(complete)
        return Progress(**_measured(record, Progress), losses=losses, complete=complete)
    except UNREADABLE:
        return None


def _read(path: Path) -> Any:
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise ValueError(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _epoch(record: Mapping[str, Any]) -> Epoch:
    return Epoch(**_measured(record, Epoch))


def _measured(record: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Check the numbers in a record: those that are counted are whole and not negative.

    Raises:
        ValueError: one is not.
        TypeError: one is not a number.
    """
    counted = {item.name for item in fields(kind) if item.type == "int"}
    for name, value in record.items():
        _number(value)
        if name in counted and (not isinstance(value, int) or value < 0):
            raise ValueError(f"{name} is {value}")
    return dict(record)


def _numbers(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(_number(value)) for value in values)


def _number(value: Any) -> int | float:
    """Check that a value is a finite number.

    Raises:
        ValueError: it is not finite, or larger than any number of a run.
        TypeError: it is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(type(value))
    if not math.isfinite(value) or abs(value) > MOST:
        raise ValueError(value)
    return value


def _recipe(record: Mapping[str, Any]) -> dict[str, Any]:
    """Check that the values of a recipe are plain: numbers, texts that can be written as UTF-8, yes, no or none.

    Raises:
        ValueError: a number is not finite, or a text cannot be written.
        TypeError: a value is of another kind.
    """
    for name, value in record.items():
        for text in (name, value):
            if isinstance(text, str):
                text.encode()
        if not isinstance(value, str | bool | None):
            _number(value)
    return dict(record)
