"""What does a network answer for labelled images? They go through it in batches, and every answer is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cbam_core.data.fitting import fit_image
from cbam_core.errors import ModelError
from cbam_core.explanation.explaining import check_finite
from cbam_core.network import Classifier
from cbam_core.results.evaluation import Evaluation, levels_of
from cbam_core.training.transforms import normalise

BATCH = 250
"""Images that go through the network at once."""


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
        ModelError: the network knows other classes, or its answers are no numbers.
    """
    if classifier.classes != classes:
        raise ModelError(
            "score.other-classes",
            "{name} tells other classes apart ({given}) than the images have ({expected}); nothing can be counted",
            name=_name(classifier),
            given=_listed(classifier.classes),
            expected=_listed(classes),
        )
    predicted = np.empty(len(labels), np.uint8)
    levels = np.empty((len(labels), len(classes)), np.uint16)
    for start in range(0, len(labels), BATCH):
        batch = slice(start, start + BATCH)
        logits = _logits(classifier, np.array(images[batch]))
        check_finite(classifier, logits)
        predicted[batch] = logits.argmax(1).numpy()
        levels[batch] = levels_of(logits.softmax(1).numpy())
        report(min(batch.stop, len(labels)))
    return Evaluation(classes, np.array(labels), predicted, levels, split, classifier.digest)


def _logits(classifier: Classifier, images: UInt8[np.ndarray, "b h w 3"]) -> Float32[Tensor, "b k"]:
    width, height = classifier.input_size
    if images.shape[1:3] != (height, width):
        images = np.stack([fit_image(image, (width, height), "crop")[0] for image in images])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)  # (B, H, W, 3) -> (B, 3, H, W)
    with torch.inference_mode():
        logits: Tensor = classifier.model(normalise(pixels, classifier.mean, classifier.std))
    return logits


def _name(classifier: Classifier) -> str:
    return classifier.name or "this network"


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
