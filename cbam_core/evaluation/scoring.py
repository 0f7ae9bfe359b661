"""What does a network answer for labelled images? They go through it in batches, and every answer is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from cbam_core.errors import ModelError
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, batches, observe_all
from cbam_core.results.evaluation import Evaluation, levels_of


def score(
    classifier: Classifier,
    images: UInt8[np.ndarray, "n h w 3"],
    labels: UInt8[np.ndarray, " n"],
    *,
    classes: tuple[str, ...],
    split: str = "",
    report: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Show labelled images to a network and keep its answers.

    Args:
        classifier: the network; it is not changed.
        images: uint8 RGB; brought to the network's size by their centre where they have another one.
        labels: indices into `classes`.
        classes: what the labels mean, in their order.
        split: what to call the images.
        report: called after each batch with the number of images done.

    Raises:
        ModelError: the network knows other classes, is in training mode, or its answers are not finite.
    """
    if classifier.classes != classes:
        raise ModelError(
            "score.other-classes",
            "the classes of {name} ({given}) differ from those of the images ({expected}); nothing can be counted",
            name=_name(classifier),
            given=_listed(classifier.classes),
            expected=_listed(classes),
        )
    predicted = np.empty(len(labels), np.uint8)
    levels = np.empty((len(labels), len(classes)), np.uint16)
    parts = batches(len(labels), batch_size(classifier))
    for part, seen in zip(parts, observe_all(classifier, images, gates=False), strict=True):
        predicted[part] = seen.logits.argmax(1)
        levels[part] = levels_of(seen.probabilities)
        report(part.stop)
    return Evaluation(classes, np.array(labels), predicted, levels, split, classifier.digest)


def _name(classifier: Classifier) -> str:
    return classifier.name or "this network"


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
