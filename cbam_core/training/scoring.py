"""How often is a network right? Counted over labelled images, class by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from cbam_core.classifier import Classifier
from cbam_core.data.fitting import fit_image
from cbam_core.errors import ModelError
from cbam_core.training.batches import normalise

BATCH = 250
"""Images that go through the network at once."""


@dataclass(frozen=True)
class Score:
    """How many images a network got right.

    Attributes:
        classes: names of the K classes.
        right: images of each class that were recognised, K numbers.
        count: images of each class, K numbers.
    """

    classes: tuple[str, ...]
    right: tuple[int, ...]
    count: tuple[int, ...]

    @property
    def total_right(self) -> int:
        """Images that were recognised."""
        return sum(self.right)

    @property
    def total(self) -> int:
        """Images that were shown."""
        return sum(self.count)

    @property
    def accuracy(self) -> float:
        """Share of the images that were recognised, in [0, 1]."""
        return self.total_right / max(self.total, 1)

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON-ready values; the accuracy of a class without images is None."""
        by_class = {
            name: {"right": right, "count": count, "accuracy": right / count if count else None}
            for name, right, count in zip(self.classes, self.right, self.count, strict=True)
        }
        return {
            "accuracy": self.accuracy,
            "right": self.total_right,
            "count": self.total,
            "classes": by_class,
        }


def score(
    classifier: Classifier,
    images: UInt8[np.ndarray, "n h w 3"],
    labels: UInt8[np.ndarray, " n"],
    *,
    classes: tuple[str, ...],
    report: Callable[[int], None] = lambda _: None,
) -> Score:
    """Show labelled images to a network and count the right answers.

    Args:
        classifier: the network; it is not changed.
        images: uint8 RGB; stretched to the network's size where they have another one.
        labels: indices into `classes`.
        classes: what the labels mean, in their order.
        report: called after each batch with the number of images done.

    Raises:
        ModelError: the network knows other classes.
    """
    if classifier.classes != classes:
        raise ModelError(
            "score.other-classes",
            "{name} tells other classes apart ({given}) than the images have ({expected}); nothing can be counted",
            name=classifier.name or "this network",
            given=_listed(classifier.classes),
            expected=_listed(classes),
        )
    right = np.zeros(len(classes), np.int64)
    for start in range(0, len(labels), BATCH):
        truth = labels[start : start + BATCH]
        predicted = _predict(classifier, np.asarray(images[start : start + BATCH]))
        right += np.bincount(truth[predicted == truth], minlength=len(classes))
        report(min(start + BATCH, len(labels)))
    count = np.bincount(labels, minlength=len(classes))
    return Score(classes, tuple(right.tolist()), tuple(count.tolist()))


def _predict(classifier: Classifier, images: UInt8[np.ndarray, "b h w 3"]) -> np.ndarray:
    """Index of the most probable class of each image, (B,)."""
    width, height = classifier.input_size
    if images.shape[1:3] != (height, width):
        images = np.stack([fit_image(image, (width, height), "squash")[0] for image in images])
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    with torch.inference_mode():
        logits = classifier.model(normalise(pixels, classifier.mean, classifier.std))
    predicted: np.ndarray = logits.argmax(1).numpy()
    return predicted


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
