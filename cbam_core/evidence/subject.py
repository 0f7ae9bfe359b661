"""What is asked about: one image, as a network takes it, and the logit of one class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cbam_core.errors import ModelError
from cbam_core.explanation.explained import explained
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.explanation.inputs import AnyImage
from cbam_core.network import Classifier, Stated
from cbam_core.network.outputs import as_probabilities, logits_in
from cbam_core.observing import checked_logits, network_input
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Fit, Square

SAME = 1e-3
"""Largest difference of a probability between an explanation and the same image now."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One image and one class of a network.

    Attributes:
        network: the network.
        explanation: explanation of the image by it.
        batch: the network's input, of one image.
        index: index of the class.
    """

    network: Classifier
    explanation: Explanation
    batch: Float[Tensor, "1 ..."]
    index: int

    def scores(self, batch: Float[Tensor, "b ..."], model: Any = None) -> Float[Tensor, " b"]:
        """Run the network, and return the logit of the class for each row; gradients flow where they are enabled.

        Args:
            batch: input of the network.
            model: the model, or a copy of it; None for that of the network.
        """
        return self.scores_in((self.network.model if model is None else model)(batch), len(batch))

    def scores_in(self, answer: Any, count: int) -> Float[Tensor, " b"]:
        """Return the logit of the class for each row of an answer of the network.

        Args:
            answer: what the network gave.
            count: number of rows, B.
        """
        logits = checked_logits(self.network, answer, count)
        if logits_in(answer).numel() == count:  # one output, which speaks for the second of two classes
            return logits[:, 1] if self.index == 1 else -logits[:, 1]
        return logits[:, self.index]

    def repeated(self, count: int) -> Float[Tensor, "count ..."]:
        """Return so many copies of the image as a batch."""
        return self.batch.repeat(count, *[1] * (self.batch.ndim - 1))

    @property
    def pixels(self) -> int:
        """Number of pixels of the network's input."""
        height, width = self.explanation.input_image.shape[:2]
        return int(height * width)


@contextmanager
def gradients() -> Iterator[None]:
    """Have torch keep what gradients need, whatever the caller has set."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield


def subject_of(
    classifier: AnyNetwork,
    image: AnyImage | Explanation,
    fit: Fit = "crop",
    *,
    square: Square | None = None,
    target: str | int | None = None,
    stated: Stated,
) -> Subject:
    """Return what is asked about.

    Args:
        classifier: a network, as `explain` takes it.
        image: an image, as `explain` takes it, or its explanation by this network.
        fit: how the image is fitted to the network's input.
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        target: name or index of the class; None for the answer.
        stated: what is known about the network.

    Raises:
        CaptureError: an explanation is of another network.
        ModelError: the network has no classes, or not this one; or as for `explain`.
        CbamError: as for `explain`.
    """
    network, explanation = explained(classifier, image, fit, square=square, stated=stated)
    index = _index(network, explanation, target)
    found = Subject(network, explanation, _batch(network, explanation, image), index)
    _check_same(found)
    return found


def _index(network: Classifier, explanation: Explanation, target: str | int | None) -> int:
    """Return the index of a class, by name or number; that of the answer for None."""
    classes, name = explanation.classes, network.name or "this network"
    if not classes:
        raise ModelError(
            "attribution.no-classes",
            "{name} has no classes, so there is no logit of a class to ask about: state them, classes=[...]",
            name=name,
        )
    if target is None:
        return int(explanation.probabilities.argmax())
    if target in classes:
        return classes.index(str(target))
    if isinstance(target, int) and 0 <= target < len(classes):
        return target
    raise ModelError(
        "attribution.unknown-class",
        "{name} has no class {given}; it has {known}",
        name=name,
        given=repr(target)[:60],
        known=", ".join(classes[:12]) + (", ..." if len(classes) > 12 else ""),
    )


def _batch(network: Classifier, explanation: Explanation, image: Any) -> Tensor:
    """Return the input that was explained: a prepared tensor itself, or the normalised pixels."""
    with torch.inference_mode(mode=False):
        batch = network_input(network, [explanation.input_image])
        if isinstance(image, Tensor) and image.is_floating_point():
            return image.detach().clone().reshape(1, *image.shape[-3:]).to(batch)
        return batch


def _check_same(subject: Subject) -> None:
    """Check that the input is the one that was explained: pixels do not hold a prepared tensor exactly."""
    with torch.inference_mode():
        logits = checked_logits(subject.network, subject.network.model(subject.batch), 1).float()
    now = as_probabilities(subject.network, logits)[0].cpu().numpy()
    if abs(subject.explanation.probabilities - now).max() > SAME:
        raise ModelError(
            "attribution.other-input",
            "the network answers otherwise than in the explanation: give the image or tensor itself",
        )
