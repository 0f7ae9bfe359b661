"""Callbacks of a training run: steps and epochs, as plain values.

The loop has no code for files, progress bars or TensorBoard; it calls its callbacks, only in the main process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cbam_core.results.history import History

if TYPE_CHECKING:
    from torch import nn

    from cbam_core.training.splits import Splits


@dataclass(frozen=True)
class Step:
    """One batch.

    Attributes:
        number: number of the step in the whole run, from 1.
        epoch: number of the epoch, from 1.
        index: number of the step in its epoch, from 1.
        steps: number of steps in an epoch.
        epochs: number of epochs in the run.
        images: number of images in the batch.
        loss: mean loss over the batch.
        learning_rate: learning rate of the step.
    """

    number: int
    epoch: int
    index: int
    steps: int
    epochs: int
    images: int
    loss: float
    learning_rate: float


class Callback:
    """Base class of callbacks, called in the main process; every method does nothing by default."""

    def opened(self, splits: Splits) -> None:
        """Called when the images of the run were read, before it starts."""

    def begin(self, model: nn.Module, history: History) -> None:
        """Called when the run starts, or continues after `history`; `model` is in eval mode."""

    def step(self, step: Step) -> None:
        """Called after each optimiser step."""

    def epoch(self, model: nn.Module, history: History) -> None:
        """Called after each epoch, the last of `history`; `model` is the one that the run would keep, in eval mode."""

    def end(self, history: History) -> None:
        """Called when the run is complete."""


class Callbacks(Callback):
    """Several callbacks as one.

    Args:
        callbacks: callbacks in the order of their calls.
    """

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def opened(self, splits: Splits) -> None:
        """See `Callback`."""
        for callback in self._callbacks:
            callback.opened(splits)

    def begin(self, model: nn.Module, history: History) -> None:
        """See `Callback`."""
        for callback in self._callbacks:
            callback.begin(model, history)

    def step(self, step: Step) -> None:
        """See `Callback`."""
        for callback in self._callbacks:
            callback.step(step)

    def epoch(self, model: nn.Module, history: History) -> None:
        """See `Callback`."""
        for callback in self._callbacks:
            callback.epoch(model, history)

    def end(self, history: History) -> None:
        """See `Callback`."""
        for callback in self._callbacks:
            callback.end(history)
