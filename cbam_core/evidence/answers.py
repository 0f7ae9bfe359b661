"""Answers of a network to images that arrive in batches, without an edit and with each of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt
from torch import Tensor
from torch.nn import functional

from cbam_core.results.paired import mean_change
from cbam_core.results.score import ScoredEdit

LARGEST_LOSS = 1e4
"""Loss in nats where the true class has a probability of 0, or the output is not finite."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to some images, without an edit (row 0) and with each of several.

    Attributes:
        predicted: answer, (rows, N).
        loss: negative log-likelihood of the true class, in nats, (rows, N).
        confidence: probability of the answer, in [0, 1], (rows, N).
    """

    predicted: UInt[np.ndarray, "rows n"]
    loss: Float32[np.ndarray, "rows n"]
    confidence: Float32[np.ndarray, "rows n"]

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.predicted[0])

    def scored(self, place: int, gate: str, edit: str) -> ScoredEdit:
        """Compare one row with the answers without an edit."""
        return ScoredEdit(
            gate,
            edit,
            self.predicted[place],
            mean_change(self.loss[0], self.loss[place]),
            mean_change(self.confidence[0], self.confidence[place]),
        )


def answers_of(
    outputs: Float[Tensor, "rows b ..."], labels: Int64[np.ndarray, " b"], classes: int, *, sigmoids: bool = False
) -> Answers:
    """Read answers off the outputs of a network.

    The loss of sigmoids is that the true class is one and the others are none, summed over the classes: the probability
    of the true class alone would rise with all of them.

    Args:
        outputs: logits (rows, B, K); of a network with one output (rows, B, 1) or (rows, B).
        labels: true classes.
        classes: number of classes K.
        sigmoids: whether probabilities are sigmoids of the logits, and not their softmax.
    """
    logits = outputs.float().reshape(*outputs.shape[:2], -1)
    if logits.shape[2] == 1 and classes == 2:
        logits = functional.pad(logits, (1, 0))  # its softmax is the sigmoid of the only output
    logits = logits.nan_to_num()
    true = torch.from_numpy(labels).to(logits.device).expand(len(logits), -1)[..., None]
    logs = functional.logsigmoid(logits) if sigmoids else logits.log_softmax(dim=2)
    highest, predicted = logs.max(dim=2)
    loss = -logs.gather(2, true)[..., 0]
    if sigmoids:
        loss += functional.softplus(logits.scatter(2, true, -torch.inf)).sum(dim=2)
    return Answers(
        predicted.cpu().numpy().astype(np.min_scalar_type(classes - 1)),
        loss.clamp(max=LARGEST_LOSS).cpu().numpy(),
        highest.exp().cpu().numpy(),
    )


def joined(parts: Sequence[Answers]) -> Answers:
    """Put the answers to several batches together."""
    columns = ([getattr(part, name) for part in parts] for name in ("predicted", "loss", "confidence"))
    return Answers(*(np.concatenate(column, axis=1) for column in columns))


class Collected:
    """Answers to N images, which `take_in` collects batch by batch, in their order.

    Args:
        rows: number of rows.
        images: number of images, N.
        classes: number of classes.
    """

    def __init__(self, rows: int, images: int, classes: int) -> None:
        self._predicted = np.zeros((rows, images), np.min_scalar_type(classes - 1))
        self._loss, self._confidence = np.zeros((2, rows, images), np.float32)
        self.count = 0

    def take_in(self, found: Answers) -> None:
        """Add the answers to the next images."""
        part = slice(self.count, self.count + found.count)
        self._predicted[:, part] = found.predicted
        self._loss[:, part], self._confidence[:, part] = found.loss, found.confidence
        self.count = part.stop

    def answers(self) -> Answers:
        """Return the answers so far."""
        part = slice(self.count)
        return Answers(self._predicted[:, part], self._loss[:, part], self._confidence[:, part])


Constants = Mapping[str, tuple[float, float]]
"""Best constant of each gate, for the images of either half, by the gate's name."""


@dataclass(frozen=True, eq=False)
class State:
    """Answers so far, to go on from.

    Attributes:
        key: what they are the answers of: network, images and usual values.
        best: constants that were found.
        answers: the answers.
        digest: SHA-256 of the network's weights file; "" for a network without a file.
    """

    key: str
    best: Constants
    answers: Answers
    digest: str
