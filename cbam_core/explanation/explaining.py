"""From an image to its explanation: decode, fit, one forward inside `capture`, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import nn

from cbam_core.data.fitting import Fit, Frame, fit_image
from cbam_core.data.images import Picture, decode
from cbam_core.errors import Message, ModelError
from cbam_core.gates import Gate as CapturedGate
from cbam_core.gates import capture, place
from cbam_core.network import Classifier
from cbam_core.results.explanation import Block, Explanation, Gate, blocks_of, own_copy
from cbam_core.results.placement import Placement

Source = bytes | str | Path | Image.Image | UInt8[np.ndarray, "h w 3"] | Picture
Square = tuple[float, float, float]

BATCH = 64
"""Images of 32x32 pixels that go through the network at once, so that a long list needs no more memory than a short
one; of larger ones as many fewer."""


def batch_of(classifier: Classifier) -> int:
    """Images that go through a network at once."""
    width, height = classifier.input_size
    return max(1, min(BATCH, BATCH * 32 * 32 // (width * height)))


@overload
def explain(classifier: Classifier, image: Source, fit: Fit = ..., *, square: Square | None = ...) -> Explanation: ...
@overload
def explain(
    classifier: Classifier, image: list[Source] | tuple[Source, ...], fit: Fit = ..., *, square: Square | None = ...
) -> list[Explanation]: ...
def explain(
    classifier: Classifier,
    image: Source | list[Source] | tuple[Source, ...],
    fit: Fit = "crop",
    *,
    square: Square | None = None,
) -> Explanation | list[Explanation]:
    """Show an image to a network, and say what it predicted and what its gates did.

    One image explained twice gives bit-identical numbers; in a list, images share batches, and the last bit of a
    number may differ from that of the image alone.

    Args:
        classifier: a trained network; it is not changed, and several threads may explain with it at once.
        image: a file's path or bytes, a PIL image, uint8 RGB (H, W, 3), or a picture that `decode` gave; a list of
            these gives a list.
        fit: how the image comes to the network's size: its centre (``"crop"``), a chosen part (``"square"``), all of it
            with borders (``"pad"``), or all of it stretched (``"squash"``).
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.

    Returns:
        The explanation, free of torch; for a list, one for each image in order.

    Raises:
        ImageError: an image cannot be read or fitted.
        CaptureError: the model is compiled, scripted or exported.
        ModelError: the network is in training mode, does not give one logit a class, or its answers are not finite.
    """
    if not isinstance(image, list | tuple):
        return _explain_batch(classifier, [_prepare(classifier, image, fit, square)])[0]
    explanations: list[Explanation] = []
    step = batch_of(classifier)
    for start in range(0, len(image), step):
        inputs = [_prepare(classifier, one, fit, square) for one in image[start : start + step]]
        explanations += _explain_batch(classifier, inputs)
    return explanations


@dataclass(frozen=True, eq=False)
class _Input:
    pixels: UInt8[np.ndarray, "h w 3"]
    frame: Frame
    fit: Fit
    notes: tuple[Message, ...]
    digest: str


def _prepare(classifier: Classifier, image: Source, fit: Fit, square: Square | None) -> _Input:
    picture = image if isinstance(image, Picture) else decode(image)
    pixels, frame, fitted = fit_image(picture.pixels, classifier.input_size, fit, square=square, fill=classifier.fill)
    return _Input(pixels, frame, fit, (*picture.notes, *fitted), picture.digest)


def as_batch(classifier: Classifier, pixels: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float32[torch.Tensor, "b 3 h w"]:
    """Pictures of the network's size as the batch that `explain` shows it.

    Raises:
        ModelError: the network is in training mode.
    """
    if classifier.model.training:
        raise ModelError(
            "model.in-training",
            "the network is in training mode, in which dropout and batch statistics change its output: "
            "call model.eval() first",
        )
    batch = torch.stack([classifier.normalise(one) for one in pixels])
    # Convolutions of small images on a CPU are faster when the channels of a pixel lie side by side.
    return batch.contiguous(memory_format=torch.channels_last)


def check_finite(classifier: Classifier, logits: torch.Tensor) -> None:
    """Make sure that a network answers with numbers.

    Raises:
        ModelError: it does not.
    """
    if not logits.isfinite().all():
        raise ModelError(
            "model.not-finite",
            "{name} does not answer with finite numbers: its weights are too large to compute with",
            name=classifier.name or "this network",
        )


def _explain_batch(classifier: Classifier, inputs: list[_Input]) -> list[Explanation]:
    model = classifier.model
    batch = as_batch(classifier, [one.pixels for one in inputs])
    with torch.inference_mode(), capture(model) as record:
        logits = model(batch)
    if logits.shape != (len(inputs), len(classifier.classes)):
        raise ModelError(
            "model.logits-shape",
            "a classifier of {classes} classes must give logits of shape ({batch}, {classes}); "
            "this network gave {shape}",
            classes=len(classifier.classes),
            batch=len(inputs),
            shape=str(tuple(logits.shape)),
        )
    check_finite(classifier, logits)
    probabilities = logits.float().softmax(dim=1).cpu().numpy()
    grids = placements(model, classifier.input_size)
    gates = record.gates
    return [
        Explanation(
            classes=classifier.classes,
            probabilities=own_copy(probabilities[index]),
            input_image=own_copy(one.pixels),
            frame=one.frame,
            fit=one.fit,
            notes=one.notes,
            blocks=_blocks(gates, index, grids),
            image_digest=one.digest,
            checkpoint=classifier.name,
            checkpoint_digest=classifier.digest,
        )
        for index, one in enumerate(inputs)
    ]


def _blocks(gates: tuple[CapturedGate, ...], index: int, grids: dict[str, Placement]) -> tuple[Block, ...]:
    plain = (
        (gate.block, Gate(gate.name, gate.kind, gate.call, own_copy(gate.values[index].float().cpu().numpy())))
        for gate in gates
    )
    return blocks_of(plain, grids)


_known: WeakKeyDictionary[nn.Module, dict[tuple[int, int], dict[str, Placement]]] = WeakKeyDictionary()


def placements(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Placement]:
    """The grids of a model's blocks, worked out once a model and size; nothing is stored on the model."""
    by_size = _known.setdefault(model, {})
    if input_size not in by_size:
        by_size[input_size] = place(model, input_size)
    return by_size[input_size]
