"""From an image to its explanation: decode, fit, observe; one result for each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cbam_core.data.fitting import decode_to_fit, fit_image
from cbam_core.data.images import DecodedImage
from cbam_core.errors import Message
from cbam_core.network import Classifier
from cbam_core.observing import ObservedGate, batch_size, batches, observe, placements
from cbam_core.results.explanation import Explanation, Gate, blocks_of, own_copy
from cbam_core.results.explanations import Explanations
from cbam_core.results.frame import Fit, Frame, Square
from cbam_core.results.usual import Usual

AnyImage = bytes | str | Path | Image.Image | UInt8[np.ndarray, "h w 3"] | DecodedImage


@overload
def explain(classifier: Classifier, image: AnyImage, fit: Fit = ..., *, square: Square | None = ...) -> Explanation: ...
@overload
def explain(
    classifier: Classifier, image: list[AnyImage] | tuple[AnyImage, ...], fit: Fit = ..., *, square: Square | None = ...
) -> Explanations: ...
def explain(
    classifier: Classifier,
    image: AnyImage | list[AnyImage] | tuple[AnyImage, ...],
    fit: Fit = "crop",
    *,
    square: Square | None = None,
) -> Explanation | Explanations:
    """Run a network on an image, and return its prediction and gates.

    Explaining an image twice gives bit-identical numbers. In a list, images share batches, and the last bit of a number
    may differ from that of the image alone.

    Args:
        classifier: a trained network; it is not changed, and several threads may use it at once.
        image: path or bytes of a file, PIL image, uint8 RGB (H, W, 3), or an output of `decode`; a list of these gives
            a list. A large JPEG file is decoded in as much detail as the network's input needs, see `decode_to_fit`.
        fit: how the image is fitted to the network's input: its centre (``"crop"``), a chosen part (``"square"``), all
            of it with borders (``"pad"``), or all of it stretched (``"squash"``).
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.

    Returns:
        The explanation, free of torch; for a list, a list with one for each image in order. Both show themselves in a
        notebook.

    Raises:
        ImageError: an image cannot be read or fitted.
        CaptureError: the model is compiled, scripted or exported.
        ModelError: the network is in training mode, does not give one logit for each class, or its logits are not
            finite.
    """
    if not isinstance(image, list | tuple):
        return _explain_batch(classifier, [_prepare(classifier, image, fit, square)])[0]
    explanations = Explanations(names=map(_name, image))
    for batch in batches(len(image), batch_size(classifier)):
        inputs = [_prepare(classifier, one, fit, square) for one in image[batch]]
        explanations += _explain_batch(classifier, inputs)
    return explanations


def _name(image: AnyImage) -> str:
    return Path(image).name if isinstance(image, str | Path) else ""


@dataclass(frozen=True, eq=False)
class _Input:
    pixels: UInt8[np.ndarray, "h w 3"]
    frame: Frame
    fit: Fit
    notes: tuple[Message, ...]
    digest: str


def _prepare(classifier: Classifier, image: AnyImage, fit: Fit, square: Square | None) -> _Input:
    size = classifier.input_size
    picture = image if isinstance(image, DecodedImage) else decode_to_fit(image, size, fit, square=square)
    pixels, frame, fitted = fit_image(picture.pixels, size, fit, square=square, fill=classifier.fill, grid=picture.grid)
    notes = (*picture.notes, *fitted, *_notes_on_input(classifier, pixels))
    return _Input(pixels, frame, fit, notes, picture.digest)


def _notes_on_input(classifier: Classifier, pixels: UInt8[np.ndarray, "h w 3"]) -> Iterator[Message]:
    """Note what the network cannot see in its input."""
    if (pixels == pixels[0, 0]).all():
        yield Message(
            "input.one-colour",
            "the whole input has one colour: what the gates show comes from the network and its borders, not from an "
            "image",
        )
    if classifier.in_channels == 1 and (pixels.min(axis=2) != pixels.max(axis=2)).any():
        yield Message("input.grey", "the network takes grey images: it saw the brightness of the colours")


def _explain_batch(classifier: Classifier, inputs: list[_Input]) -> list[Explanation]:
    seen = observe(classifier, [one.pixels for one in inputs])
    grids = placements(classifier.model, classifier.input_size)
    return [
        Explanation(
            classes=classifier.classes,
            probabilities=own_copy(seen.probabilities[index]),
            input_image=own_copy(one.pixels),
            frame=one.frame,
            fit=one.fit,
            notes=one.notes,
            blocks=blocks_of(_gates(seen.gates, index, classifier.usual), grids),
            image_digest=one.digest,
            checkpoint=classifier.name,
            checkpoint_digest=classifier.digest,
        )
        for index, one in enumerate(inputs)
    ]


def _gates(gates: tuple[ObservedGate, ...], index: int, usual: Usual | None) -> Iterator[tuple[str, Gate]]:
    """Yield the gates of one image of a batch, with the name of their block."""
    for gate in gates:
        known = None if usual is None else usual.gate(gate.name)
        yield gate.block, Gate(gate.name, gate.kind, gate.call, own_copy(gate.values[index]), known)
