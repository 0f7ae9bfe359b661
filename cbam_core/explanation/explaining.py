"""From an image to its explanation: prepare, observe; one result for each image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cbam_core.arguments import TEXT, takes
from cbam_core.errors import CaptureError, Message, ModelError
from cbam_core.explanation.inputs import AnyImage, Input, labels_of, listed, prepare, together
from cbam_core.gates import Replacement, edit
from cbam_core.gates.editing import EDITS
from cbam_core.gates.replacements import AnyReplacement
from cbam_core.network import Classifier, Stated, open_stated, restate
from cbam_core.network.modules import KnownModule, know
from cbam_core.network.outputs import notes_on_outputs
from cbam_core.network.statement import Statement, statement
from cbam_core.nn.registry import input_axes
from cbam_core.observing import Observation, ObservedGate, batch_size, batches, observe, observe_prepared, placements
from cbam_core.results.explanation import Explanation, Gate, blocks_of, own_copy
from cbam_core.results.explanations import Explanations
from cbam_core.results.frame import SQUARE, Fit, Square
from cbam_core.results.usual import Usual
from cbam_core.weights.finding import listed as shortened

AnyNetwork = Classifier | nn.Module | str | Path | bytes | Mapping[str, Any]
"""A network: loaded, any module, the name or path of a checkpoint, its bytes, or a state dict."""


Edits = Mapping[str, AnyReplacement]
"""Replacements by names of gates or patterns."""


@overload
def explain(
    classifier: AnyNetwork,
    image: AnyImage,
    fit: Fit = ...,
    *,
    square: Square | None = ...,
    edits: Edits | None = ...,
    **stated: Unpack[Stated],
) -> Explanation: ...
@overload
def explain(
    classifier: AnyNetwork,
    image: list[Any] | tuple[Any, ...],
    fit: Fit = ...,
    *,
    square: Square | None = ...,
    edits: Edits | None = ...,
    **stated: Unpack[Stated],
) -> Explanations: ...
@takes(ModelError, fit=TEXT, square=SQUARE.or_none, edits=EDITS.or_none)
def explain(
    classifier: AnyNetwork,
    image: Any,
    fit: Fit = "crop",
    *,
    square: Square | None = None,
    edits: Edits | None = None,
    **stated: Unpack[Stated],
) -> Explanation | Explanations:
    """Run a network on an image, and return its prediction and gates.

    Explaining an image twice gives bit-identical numbers. In a list, images share batches, and the last bit of a number
    may differ from that of the image alone.

    What is not said about a module is taken from the module itself (`pretrained_cfg` of timm) or from the weights of
    torchvision; what is assumed stands in the notes. A network without known classes, or with outputs that are no
    class probabilities (detection, segmentation, embeddings), has gates and no prediction.

    Args:
        classifier: a network from `load_classifier`, any ``nn.Module`` in eval mode, or what `load_classifier` takes:
            the name or path of a checkpoint, a state dict, or a network of your own by its name. It is not changed, and
            several threads may use it at once.
        image: path or bytes of a file, open file, PIL image, uint8 RGB or floats in [0, 1] (H, W, 3), or an output of
            `decode`; a list or a generator of these gives a list. A tensor (C, H, W) is the network's input, normalised
            already (of uint8: an image); a batch (B, C, H, W), or (images, labels) from a data loader, gives a list. A
            network for signals or volumes takes tensors (C, L) or (C, D, H, W), and batches of these. A large JPEG file
            is decoded in as much detail as the network's input needs, see `decode_to_fit`.
        fit: how the image is fitted to the network's input: its centre (``"crop"``), a chosen part (``"square"``), all
            of it with borders (``"pad"``), or all of it stretched (``"squash"``).
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        edits: replacements of gates, as `cbam_core.edit` takes them; the explanation is of the network with them, and a
            note says so.
        **stated: what is known about the network, see `Stated`: ``size=224``; ``mean=`` and ``std=``, or
            ``normalisation="imagenet"``; ``classes=``, names or their file, ``()`` for none; ``weights=``; ``name=``;
            ``usual="best.pth"``, the weights beside which ``cbam usual`` keeps what the gates usually do.

    Returns:
        The explanation, free of torch; for a list, a list with one for each image in order. Both show themselves in a
        notebook.

    Raises:
        ImageError: an image cannot be read or fitted.
        CaptureError: the model is compiled, scripted or exported, or no gate is found in a module.
        CheckpointError: a file is refused, or a statement does not fit the network.
        EditError: an edit does not fit the network.
        ModelError: the network is in training mode, its input is not known, it does not give one logit for each class,
            or its logits are not finite.
    """
    network = _opened(classifier, statement(stated))
    axes = input_axes(network.model)
    images, several = listed(image, axes)
    explanations = Explanations(names=map(_name, images), labels=labels_of(image, axes))
    for part in batches(len(images), _at_once(network, images)):
        inputs = [prepare(_for(network, one), one, fit, square) for one in images[part]]
        for group in together(inputs):
            explanations += _explain_batch(network, group, edits or {})
    return explanations if several else explanations[0]


def network_for(network: AnyNetwork, image: AnyImage, **stated: Unpack[Stated]) -> Classifier:
    """Return a network as it is used for one image; arguments and errors are those of `explain`."""
    return _for(_opened(network, statement(stated)), image)


def _name(image: AnyImage) -> str:
    return Path(image).name if isinstance(image, str | Path) else ""


def _opened(given: Any, stated: Statement) -> Classifier | KnownModule:
    """Return the network that is meant.

    Raises:
        ModelError: it is none.
    """
    if isinstance(given, Classifier):
        return restate(given, stated)
    if isinstance(given, nn.Module):
        return know(given, stated)
    if isinstance(given, str | Path | bytes | Mapping):
        return open_stated(given, stated)
    if callable(given):
        raise ModelError(
            "network.not-called",
            "expected a network; given {given}, which is not one but may make one: call it, and give what it returns",
            given=getattr(given, "__name__", type(given).__name__),
        )
    raise ModelError(
        "network.unknown-source",
        "expected a network: an nn.Module, a loaded network, the name or path of a checkpoint, or a state dict; "
        "given {given}",
        given=type(given).__name__,
    )


def _for(network: Classifier | KnownModule, image: AnyImage | Input) -> Classifier:
    """Return the network for one image: for a prepared one, neither size nor normalisation need be known."""
    if isinstance(network, Classifier):
        return network
    tensor = image.prepared if isinstance(image, Input) else image
    if isinstance(tensor, Tensor):  # (C, H, W); other axes than the last are taken together
        return network.classifier((tensor.shape[-1], math.prod(tensor.shape[1:-1])))
    return network.classifier(None if input_axes(network.model) == 2 else (1, 1))  # which takes no images at all


def _at_once(network: Classifier | KnownModule, images: list[AnyImage]) -> int:
    """Return the number of images that go through the network at once."""
    return batch_size(_for(network, images[0])) if images else 1


def _explain_batch(network: Classifier | KnownModule, inputs: list[Input], edits: Edits) -> list[Explanation]:
    """Explain images, or prepared tensors of one shape.

    Classes that a module's library names, and that its outputs do not fit, are left out: it was changed, or gives
    something else.
    """
    try:
        return _explained(network, inputs, edits)
    except ModelError as error:
        if error.code != "model.logits-shape" or isinstance(network, Classifier) or network.states_classes:
            raise
        return _explained(network.without_classes, inputs, edits)


def _explained(network: Classifier | KnownModule, inputs: list[Input], edits: Edits) -> list[Explanation]:
    classifier = _for(network, inputs[0])
    tensors = [one.prepared for one in inputs if one.prepared is not None]
    with edit(classifier, edits) if edits else nullcontext():
        if tensors:
            seen = observe_prepared(classifier, torch.stack(tensors))
        else:
            seen = observe(classifier, [one.pixels for one in inputs])
    if seen.why_none and not classifier.architecture:
        raise CaptureError("capture.none-found", "{reason}", reason=seen.why_none)
    height, width = inputs[0].pixels.shape[:2]
    grids = placements(classifier.model, (width, height)) if input_axes(classifier.model) == 2 else {}
    about = (*_notes_on_network(network, seen), *_notes_on_edits(edits))
    return [
        Explanation(
            classes=classifier.classes,
            probabilities=own_copy(seen.probabilities[index]),
            input_image=own_copy(one.pixels),
            frame=one.frame,
            fit=one.fit,
            notes=(
                *one.notes,
                *about,
                *_notes_on_answer(classifier, seen.logits[index], seen.outputs),
                *_notes_on_gates(seen.gates, index),
            ),
            blocks=blocks_of(_gates(seen.gates, index, classifier.usual), grids, (width, height)),
            image_digest=one.digest,
            checkpoint=classifier.name,
            checkpoint_digest=classifier.digest,
        )
        for index, one in enumerate(inputs)
    ]


def _notes_on_network(network: Classifier | KnownModule, seen: Observation) -> Iterator[Message]:
    """Note what is assumed of a module, and why there is no prediction."""
    if isinstance(network, Classifier):
        return
    yield from network.facts.remarks
    if network.facts.classes is None and seen.outputs > 0:
        yield Message(
            "network.no-classes",
            "the network gives {count} numbers for an image, whose meaning is not known, so there is no prediction: "
            "if they are classes, give their names, classes=[...]",
            {"count": seen.outputs},
        )


def _notes_on_answer(classifier: Classifier, logits: Float32[np.ndarray, " k"], outputs: int) -> Iterator[Message]:
    """Note that outputs are probabilities already, or that they look so, where that is not known of the network."""
    yield from notes_on_outputs(classifier)
    if logits.size > 1 and outputs == logits.size and logits.min() >= 0 and abs(float(logits.sum()) - 1) < CLOSE:
        yield Message(
            "network.probabilities",
            "the outputs of the network already look like probabilities, which add up to 1; a softmax was applied on "
            "top of them, so the probabilities shown are closer together: let the network return logits",
        )


def _notes_on_gates(gates: tuple[ObservedGate, ...], index: int) -> Iterator[Message]:
    """Note which gates are not finite for an image."""
    names = [gate.name for gate in gates if not gate.of(index).is_finite]
    if names:
        yield Message(
            "gate.not-finite",
            "values of some gates are not finite but NaN or infinity ({gates}): check that the weights of the network "
            "are finite, and that its forward does not divide by 0",
            {"gates": shortened(names)},
        )


CLOSE = 1e-4
"""How far from 1 the sum of probabilities may be."""


def _notes_on_edits(edits: Edits) -> Iterator[Message]:
    """Note which gates are not those of the network."""
    for gate, replacement in edits.items():
        how = type(replacement).__name__ if isinstance(replacement, Replacement) else "a function"
        yield Message("edit.made", "gate {gate} is replaced: {how}", {"gate": gate, "how": how})


def _gates(gates: tuple[ObservedGate, ...], index: int, usual: Usual | None) -> Iterator[tuple[str, Gate]]:
    """Yield the gates of one image of a batch, with the name of their block."""
    for gate in gates:
        known = None if usual is None else usual.gate(gate.name)
        use = (gate.scale, gate.shift, gate.squashed)
        yield gate.block, Gate(gate.name, gate.kind, gate.call, own_copy(gate.values[index]), known, *use)
