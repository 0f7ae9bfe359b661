"""What would this network answer for this image if a gate were another? All gates and replacements at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Unpack

import torch
from torch import Tensor

from cbam_core.arguments import COLLECTION, MAPPING, TEXT, takes
from cbam_core.errors import CaptureError, EditError, Message, ModelError
from cbam_core.evidence.trust import run_edits
from cbam_core.explanation.explained import explained, explained_batch
from cbam_core.explanation.explaining import AnyNetwork, explain
from cbam_core.explanation.inputs import AnyImage
from cbam_core.gates import Borrowed, Inverted, Off, OwnMean, Target, Usual, UsualLevel
from cbam_core.gates.editing import replaced
from cbam_core.gates.joining import JoinedEdit
from cbam_core.gates.replacements import AnyReplacement, check_replacement
from cbam_core.network import Classifier, Stated
from cbam_core.network.outputs import as_probabilities
from cbam_core.observing import checked_logits
from cbam_core.results.consequences import Consequences, Outcome, Row
from cbam_core.results.explanation import Explanation, Gate, own_copy
from cbam_core.results.frame import SQUARE, Fit, Square
from cbam_core.results.score import GROUPS

JOINT = ("usual", "other", "off")
"""Codes of the replacements that are also made in groups of gates at once."""

SAME = 1e-3
"""Largest difference of a probability between an explanation and the same image now."""


@takes(EditError, fit=TEXT, square=SQUARE.or_none, replacements=MAPPING, only=COLLECTION.or_none)
def consequences(
    classifier: AnyNetwork,
    image: AnyImage | Explanation,
    fit: Fit = "crop",
    *,
    square: Square | None = None,
    other: AnyImage | Explanation | None = None,
    replacements: Mapping[str, AnyReplacement] = MappingProxyType({}),
    only: Collection[str] | None = None,
    **stated: Unpack[Stated],
) -> Consequences:
    """Replace every gate of a network, one at a time, and return what it answers for an image.

    One batch computes all of it: a row joins at the gate that it edits, so that what comes before is computed once.
    Where a network does not allow that, which is tried out, each edit has a forward of its own.

    Args:
        classifier: a network, as `explain` takes it; it is not changed, and several threads may use it at once.
        image: an image, as `explain` takes it, or its explanation by this network.
        fit: how images are fitted to the network's input.
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        other: an image that lends its gates, or its explanation by this network; None for none.
        replacements: further replacements of every gate, by a code for each, such as ``{"half": Scaled(0.5)}``; those
            under the code of a usual one take its place.
        only: codes of the replacements that are made, such as ``{"usual"}``; None for all.
        **stated: what is known about the network, as for `explain`.

    Returns:
        One row for each gate, and rows of groups of gates. A replacement that a gate does not allow is left out, and
        the row says why.

    Raises:
        CaptureError: no gate is found, or an explanation is of another network.
        EditError: a replacement does not return values of its gate's shape.
        ModelError: the network has no classes, or as for `explain`.
        CbamError: as for `explain`.
    """
    network, explanation = explained(classifier, image, fit, square=square, stated=stated)
    donor = explain(network, other, fit) if other is not None and not isinstance(other, Explanation) else other
    gates = [gate for block in explanation.blocks for gate in block.gates]
    _check(network, explanation, gates)
    given = {code: check_replacement(code, how) for code, how in replacements.items()}
    columns = {**_standard(donor), **given}
    columns = {code: how for code, how in columns.items() if only is None or code in only}
    plan = [_planned(gate, columns) for gate in gates]
    rows = [*plan, *_joint(plan)]
    edits = [edit for row in rows for edit in row.edits.values()]
    batch = explained_batch(network, explanation, image)
    logits, together = run_edits(network.model, batch, [JoinedEdit(edit) for edit in edits], network.usual)
    logits = checked_logits(network, logits, 1 + len(edits)).float()
    as_is, *outcomes = _outcomes(network, logits, ["as_is", *(code for row in rows for code in row.edits)])
    _check_same(explanation, as_is)
    found = tuple(_rows(rows, outcomes))
    made = tuple(code for code in columns if any(code in row.edits for row in plan))
    return Consequences(explanation, as_is, found[: len(plan)], found[len(plan) :], made, together)


class _Planned:
    """One row before it is computed: replacements by name of gate, for each code."""

    def __init__(self, name: str, gate: Gate | None) -> None:
        self.name, self.gate = name, gate
        self.edits: dict[str, dict[str, AnyReplacement]] = {}
        self.left_out: dict[str, Message] = {}


def _standard(donor: Explanation | None) -> dict[str, AnyReplacement]:
    borrowed = {} if donor is None else {"other": Borrowed(donor)}
    return {
        "usual": Usual(),
        "usual_level": UsualLevel(),
        "own_mean": OwnMean(),
        **borrowed,
        "off": Off(),
        "inverted": Inverted(),
    }


def _planned(gate: Gate, replacements: Mapping[str, AnyReplacement]) -> _Planned:
    """Choose the replacements that a gate allows, by making them on its values."""
    row = _Planned(gate.name, gate)
    usual = None if gate.usual is None else gate.usual.mean
    target = Target(gate.name, gate.kind, torch.tensor(gate.values)[None], usual)
    for code, replacement in replacements.items():
        try:
            replaced(target, replacement)
        except EditError as error:
            row.left_out[code] = error.message
        else:
            row.edits[code] = {gate.name: replacement}
    return row


def _joint(plan: Sequence[_Planned]) -> Iterator[_Planned]:
    """Plan rows in which all gates of a kind, or all, are replaced together; of those that have several."""
    for name, kind in GROUPS.items():
        members = [one for one in plan if one.gate is not None and kind in (None, one.gate.kind)]
        row = _Planned(name, None)
        for code in JOINT:
            if len(members) > 1 and all(code in one.edits for one in members):
                row.edits[code] = {gate: how for one in members for gate, how in one.edits[code].items()}
        if row.edits and (kind is None or len(members) < len(plan)):
            yield row


def _check(network: Classifier, explanation: Explanation, gates: Sequence[Gate]) -> None:
    """Check that there is an answer that could change, and a gate to replace."""
    name = network.name or "this network"
    if not explanation.classes:
        raise ModelError(
            "consequences.no-classes",
            "{name} has no classes, so it gives no answer that could change: state them, classes=[...]",
            name=name,
        )
    if not gates:
        raise CaptureError("consequences.no-gates", "{name} has no gates that could be replaced", name=name)


def _outcomes(network: Classifier, logits: Tensor, codes: Iterable[str]) -> Iterator[Outcome]:
    probabilities = as_probabilities(network, logits).cpu().numpy()
    for code, numbers, shares in zip(codes, logits.cpu().numpy(), probabilities, strict=True):
        yield Outcome(code, own_copy(numbers), own_copy(shares), network.classes[int(shares.argmax())])


def _check_same(explanation: Explanation, as_is: Outcome) -> None:
    """Check that the input is the one that was explained: pixels do not hold a prepared tensor exactly."""
    if abs(explanation.probabilities - as_is.probabilities).max() > SAME:
        raise ModelError(
            "consequences.other-input",
            "the network answers otherwise than in the explanation: give the image or tensor itself",
        )


def _rows(planned: Iterable[_Planned], outcomes: Iterable[Outcome]) -> Iterator[Row]:
    found = iter(outcomes)
    for row in planned:
        yield Row(row.name, row.gate, tuple(next(found) for _ in row.edits), dict(row.left_out))
