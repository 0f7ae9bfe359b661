"""Histories, films and progress of trainings that never were: small, seeded, and of every shape that pages meet."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.samples import sample_sheet
from cbam_core.results.film import FILM, Film, FilmedGate
from cbam_core.results.history import Epoch, History, Progress
from cbam_core.results.placement import Placement
from cbam_core.training.records import write_history, write_progress

BLOCKS = {"cbam1": (32, 16), "cbam2": (64, 8), "cbam3": (128, 4)}
"""Channels and cells along a side, by block."""

RECIPE = {"name": "fast", "architecture": "CBAM_CNN", "epochs": 4, "learning_rate": 0.1, "flip": True, "teacher": ""}


def make_film(epochs=(0, 1, 2, 4), blocks=BLOCKS, images=8, seed=0) -> Film:
    """A film with random gates; accuracy rises."""
    chance = np.random.default_rng(seed)
    scenes = len(epochs)
    sheet = sample_sheet()
    gates, placements = [], {}
    for name, (channels, side) in blocks.items():
        gates += [
            filmed(name, "channel", chance.random((scenes, images, channels), np.float32)),
            filmed(name, "spatial", chance.random((scenes, images, side, side), np.float32)),
        ]
        step = 32 / side
        placements[name] = Placement(((step - 1) / 2,) * 2, (step, step))
    logits = chance.normal(size=(scenes, images, len(CLASSES)))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    return Film(
        classes=CLASSES,
        images=sheet.images[: 10 * images : 10],
        labels=sheet.labels[: 10 * images : 10].astype(np.int64),
        epochs=np.array(epochs, np.int64),
        accuracy=np.array([np.nan if epoch == 0 else 1 - 0.6 / (1 + epoch) for epoch in epochs]),
        probabilities=probabilities.astype(np.float32),
        gates=tuple(gates),
        placements=placements,
    )


def filmed(block: str, kind: str, values: np.ndarray, name: str | None = None) -> FilmedGate:
    """A gate of a film."""
    return FilmedGate(name or f"{block}.{kind}", block, kind, values)


def damaged_film(film: Film, **changes) -> Film:
    """A film whose arrays may contradict each other, as a damaged file gives it; what is built is checked in tests."""
    damaged = object.__new__(Film)
    vars(damaged).update(vars(film) | changes)
    return damaged


def make_history(epochs=4, steps=25) -> History:
    """A history whose losses fall."""
    chance = np.random.default_rng(1)
    done = tuple(
        Epoch(
            number=number,
            seconds=30.0,
            learning_rate=0.1 / number,
            train_loss=2.0 / number,
            train_accuracy=1 - 0.7 / (1 + number),
            validation_loss=1.8 / number,
            validation_accuracy=1 - 0.6 / (1 + number),
        )
        for number in range(1, epochs + 1)
    )
    count = epochs * steps
    losses = 2.3 * np.exp(-np.arange(count) / max(count, 1)) + chance.normal(0, 0.1, count)
    return History(done, tuple(losses.tolist()))


def make_run(folder: Path, *, complete=True, age=0.0, epochs=4, of=4, film=None) -> Path:
    """A folder as a run leaves it, `age` seconds after it last wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    write_history(folder, RECIPE, make_history(epochs))
    (film or make_film()).save(folder / FILM)
    now = time.time() - age
    write_progress(folder, Progress(min(epochs + 1, of), of, 10, 25, 0.75, 512.3, 754.0, now, complete))
    return folder
