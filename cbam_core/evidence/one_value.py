"""What one value of a gate is worth: answers with a constant in the place of one channel or cell."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int, UInt32

from cbam_core.data.dataset import Dataset
from cbam_core.evidence.running import run_each
from cbam_core.gates.composed import Composed
from cbam_core.gates.joining import JoinedEdit
from cbam_core.network import Classifier
from cbam_core.network.outputs import as_probabilities
from cbam_core.observing import batch_size, batches, checked_logits, fitted, network_input
from cbam_core.results.paired import Change, change


@dataclass(frozen=True, eq=False)
class Replaced:
    """Answers to N images as they are, and with one value of a gate replaced.

    Attributes:
        before: answers of the network as it is.
        after: answers with the replacement.
        probability: probability of the answer as it is.
        left: probability of that same class with the replacement.
        labels: true classes; None where they are not known.
    """

    before: UInt32[np.ndarray, " n"]
    after: UInt32[np.ndarray, " n"]
    probability: Float64[np.ndarray, " n"]
    left: Float64[np.ndarray, " n"]
    labels: UInt32[np.ndarray, " n"] | None

    @property
    def changed(self) -> int:
        """Number of images with another answer."""
        return int((self.before != self.after).sum())

    @property
    def change(self) -> Change | None:
        """Change of accuracy; None where the true classes are not known."""
        return None if self.labels is None else change(self.labels, self.before, self.after)


def replace_value(
    classifier: Classifier, dataset: Dataset, images: Int[np.ndarray, " n"], gate: str, place: int, constant: float
) -> Generator[int, None, Replaced]:
    """Show a network images with one value of a gate replaced by a constant; later gates follow.

    No evidence about values that stay: many can say the same, so that none is missed alone.

    Args:
        classifier: the network; it is not changed.
        dataset: images, their labels numbered as the network's classes.
        images: their indices.
        gate: name of the gate.
        place: index of the value: a channel, or a cell of a mask, numbered row by row.
        constant: what stands in its place for every image.

    Yields:
        Number of images that are done.

    Returns:
        The answers.

    Raises:
        EditError: there is no such gate, or not so many values.
        ModelError: as `cbam_core.observing.observe`.
    """
    edit, parts, done = JoinedEdit({gate: Composed(values={place: constant})}), [], 0
    for part in batches(len(images), batch_size(classifier)):
        numbers = images[part].tolist()
        pixels = [fitted(classifier, dataset.images, slice(number, number + 1))[0] for number in numbers]
        both = run_each(classifier.model, network_input(classifier, pixels), [edit])
        parts.append(np.stack([_shares(classifier, logits, len(numbers)) for logits in both]))
        done += len(numbers)
        yield done
    shares = np.concatenate(parts, axis=1)
    before, after = shares.argmax(axis=2).astype(np.uint32)
    rows = np.arange(len(images))
    labels = None if dataset.labels is None else np.asarray(dataset.labels)[images].astype(np.uint32)
    return Replaced(before, after, shares[0, rows, before], shares[1, rows, before], labels)


def _shares(classifier: Classifier, logits: torch.Tensor, count: int) -> Float64[np.ndarray, "n k"]:
    checked = checked_logits(classifier, logits, count).double()
    shares: Float64[np.ndarray, "n k"] = as_probabilities(classifier, checked).cpu().numpy()
    return shares
