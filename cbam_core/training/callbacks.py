"""What a run tells whoever watches it: steps and epochs, as plain values.

The loop knows nothing of files, bars or TensorBoard; it calls its watches, in the main process alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cbam_core.results.history import History

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Step:
    """One batch.

    Attributes:
        number: over the whole run, counted from 1.
        epoch: counted from 1.
        index: within its epoch, counted from 1.
        steps: batches of an epoch.
        epochs: of the run.
        images: in the batch.
        loss: mean over the batch.
        learning_rate: that the step was taken with.
    """

    number: int
    epoch: int
    index: int
    steps: int
    epochs: int
    images: int
    loss: float
    learning_rate: float


class Watch:
    """Somebody who looks on, in the main process; by default at nothing."""

    def begin(self, model: nn.Module, history: History) -> None:
        """The run begins, or goes on after what is in `history`; `model` is in eval mode."""

    def step(self, step: Step) -> None:
        """A batch was learnt."""

    def epoch(self, model: nn.Module, history: History) -> None:
        """An epoch is over, the last one of `history`; `model` is what the run would keep, in eval mode."""

    def end(self, history: History) -> None:
        """The run is complete."""


class Audience(Watch):
    """Several watches as one.

    Args:
        watches: told in this order.
    """

    def __init__(self, watches: Sequence[Watch]) -> None:
        self._watches = tuple(watches)

    def begin(self, model: nn.Module, history: History) -> None:
        """See `Watch`."""
        for watch in self._watches:
            watch.begin(model, history)

    def step(self, step: Step) -> None:
        """See `Watch`."""
        for watch in self._watches:
            watch.step(step)

    def epoch(self, model: nn.Module, history: History) -> None:
        """See `Watch`."""
        for watch in self._watches:
            watch.epoch(model, history)

    def end(self, history: History) -> None:
        """See `Watch`."""
        for watch in self._watches:
            watch.end(history)
