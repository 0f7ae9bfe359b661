"""An image with several gates edited at once, and a blank image: explanations beside the one without edits."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from cbam_core.errors import EditError, Message
from cbam_core.explanation.explained import check_same_network
from cbam_core.explanation.explaining import explain
from cbam_core.gates.composed import Composed
from cbam_core.gates.replacements import (
    AnyReplacement,
    AsIs,
    Borrowed,
    Inverted,
    Off,
    OwnMean,
    Shuffled,
    Usual,
    UsualLevel,
)
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation, Gate
from cbam_core.results.gate_edits import GateEdit, GateEdits

_SIMPLE: Mapping[str, AnyReplacement] = {
    "as_is": AsIs(),
    "usual": Usual(),
    "usual_level": UsualLevel(),
    "own_mean": OwnMean(),
    "shuffled": Shuffled(),
    "inverted": Inverted(),
    "off": Off(),
}


def explain_edited(
    classifier: Classifier, explanation: Explanation, edits: GateEdits, other: Explanation | None = None
) -> Explanation:
    """Run a network on an image that was explained, with some gates edited.

    Args:
        classifier: the network; it is not changed, and several threads may use it at once.
        explanation: explanation of the image by this network.
        edits: edits by names of gates.
        other: explanation of the image that lends its gates, by this network; None for none.

    Returns:
        Prediction and gates with the edits; gates after an edited one are what the network makes of it.

    Raises:
        CaptureError: an explanation is of another network.
        EditError: an edit does not fit its gate, or there is no such gate.
    """
    check_same_network(classifier, explanation)
    if other is not None:
        check_same_network(classifier, other)
    made = {name: replacement_of(edit, other) for name, edit in edits.items() if edit.changes}
    return explain(classifier, explanation.input_image, edits=made)


def replacement_of(edit: GateEdit, other: Explanation | None = None) -> AnyReplacement:
    """Return the replacement that an edit describes.

    Args:
        edit: the edit.
        other: explanation of the image that lends its gates; None for none.

    Raises:
        EditError: it borrows, and there is no image that lends.
    """
    if edit.source == "other":
        if other is None:
            raise EditError("edits.no-donor", "a gate is borrowed, and no other image is chosen that lends it")
        first: AnyReplacement = Borrowed(other)
    else:
        first = _SIMPLE[edit.source]
    if edit.factor == 1 and not edit.values:
        return first
    return Composed(first, edit.factor, dict(edit.values))


MISFIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "gate": "this network has no such gate",
        "unknown": "its usual values are not known",
        "shape": "its usual values have another shape",
        "positions": "it has no positions to take a mean over",
        "size": "it has fewer values",
    }
)
"""Why an edit does not fit a gate."""


def misfits(explanation: Explanation, edits: GateEdits) -> tuple[Message, ...]:
    """Say which edits do not fit the gates of an explanation, such as those of another network.

    Args:
        explanation: explanation of an image, with the gates.
        edits: edits by names of gates.
    """
    gates = {gate.name: gate for block in explanation.blocks for gate in block.gates}
    reasons = ((name, _misfit(gates.get(name), edit)) for name, edit in edits.items())
    return tuple(
        Message("edits.misfit", "{gate}: {detail}", {"gate": name, "detail": MISFIT_WORDS[reason]})
        for name, reason in reasons
        if reason is not None
    )


def fitting(explanation: Explanation, edits: GateEdits) -> dict[str, GateEdit]:
    """Return the edits that fit the gates of an explanation."""
    gates = {gate.name: gate for block in explanation.blocks for gate in block.gates}
    return {name: edit for name, edit in edits.items() if _misfit(gates.get(name), edit) is None}


def _misfit(gate: Gate | None, edit: GateEdit) -> str | None:
    if gate is None:
        return "gate"
    if edit.source in ("usual", "usual_level"):
        usual = gate.usual
        if usual is None:
            return "unknown"
        if edit.source == "usual" and usual.mean.shape != gate.values.shape:
            return "shape"
    if edit.source == "own_mean" and gate.kind == "channel":
        return "positions"
    if edit.values and edit.values[-1][0] >= gate.values.size:
        return "size"
    return None


def explain_blank(classifier: Classifier) -> Explanation:
    """Run a network on an image with nothing on it: the mean colour of its normalisation everywhere.

    What a gate shows there comes from padding and biases alone. Where it has the usual shape, see
    `correlation_with_usual`, the usual pattern is no attention to an image.

    Args:
        classifier: the network.
    """
    width, height = classifier.input_size
    colour = np.rint(255 * np.asarray(classifier.mean, np.float64)).clip(0, 255).astype(np.uint8)
    planes = np.broadcast_to(colour if len(colour) == 3 else colour[:1], (height, width, 3))
    return explain(classifier, np.ascontiguousarray(planes))


SAME_SHAPE = 0.9
"""Smallest correlation with the usual values by which a gate is said to have the usual shape."""


def correlation_with_usual(gate: Gate) -> float | None:
    """Return Pearson's correlation of a gate with its usual values; None where they are unknown or do not vary."""
    usual = gate.usual
    if usual is None or usual.mean.shape != gate.values.shape or not (np.ptp(usual.mean) and np.ptp(gate.values)):
        return None
    return float(np.corrcoef(gate.values.ravel(), usual.mean.ravel())[0, 1])


def difference_to_usual(gate: Gate) -> float | None:
    """Return how unlike the usual a gate's shape is: root mean square of `Gate.against_usual`; None where unknown."""
    shape = gate.against_usual
    return None if shape is None else float(np.sqrt(np.square(shape, dtype=np.float64).mean()))
