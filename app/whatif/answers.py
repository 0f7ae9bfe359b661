"""What the network answers with edits: with those of the visitor, with those that were kept, with each replacement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.services import what_if
from app.services.prediction import percent
from app.session.words import Words, class_name, say
from app.whatif.other import Other
from app.whatif.state import EXPERIMENT
from app.whatif.table import gates_of, said_of_edits
from app.widgets.image.shown import ShownImage
from cbam_core.errors import CbamError
from cbam_core.evidence.edited import fitting, misfits
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.gate_edits import SOURCES, GateEdit, GateEdits, Source

WORDS = Words({"no_answer": "no answer"})

LETTERS = "ABCDEFGH"
"""Names of edits that were kept."""


def with_edits(classifier: Classifier, shown: ShownImage, edits: GateEdits, other: Other | None) -> Explanation:
    """The image as the network explains it with edits; those that do not fit are left out, or have none to borrow from.

    Args:
        classifier: the network.
        shown: the image.
        edits: what stands in the place of each gate.
        other: the image that lends its gates; None for none.
    """
    made = fitting(shown.result.explanation, edits)
    if other is None:
        made = {name: edit for name, edit in made.items() if edit.source != "other"}
    donor = None if other is None else other.explanation
    return what_if.edited(classifier, shown.result.explanation, made, donor, own=shown.own)


def outcomes(classifier: Classifier, shown: ShownImage, other: Other | None) -> dict[str, Any] | None:
    """What follows from each replacement of the gate whose further choices are open; None where none is."""
    opened = EXPERIMENT.get().opened
    if opened not in gates_of(shown.result.explanation):
        return None
    return {"gate": opened, "by": {source: _outcome(classifier, shown, other, opened, source) for source in SOURCES}}


def _outcome(
    classifier: Classifier, shown: ShownImage, other: Other | None, gate: str, source: Source
) -> dict[str, Any]:
    edits = {gate: GateEdit(source)}
    if reasons := misfits(shown.result.explanation, edits):
        return {"why": say(reasons[0]), "changes": False, "answer": ""}
    try:
        return {"why": "", **_answer(with_edits(classifier, shown, edits, other), shown)}
    except CbamError as error:
        return {"why": say(error), "changes": False, "answer": ""}


def kept_answers(
    classifier: Classifier, shown: ShownImage, other: Other | None, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Edits that were kept, each with its letter, what it is and the answer with it.

    Args:
        classifier: the network.
        shown: the image.
        other: the image that lends its gates.
        names: what each replacement is called.
    """
    return [
        {
            "letter": letter,
            "said": said_of_edits(edits, names),
            **_kept_answer(classifier, shown, other, edits),
        }
        for letter, edits in zip(LETTERS, EXPERIMENT.get().kept, strict=False)
    ]


def _kept_answer(classifier: Classifier, shown: ShownImage, other: Other | None, edits: GateEdits) -> dict[str, Any]:
    """The answer with edits that were kept; the network may not compute with them, such as where values overflow."""
    try:
        return _answer(with_edits(classifier, shown, edits, other), shown)
    except CbamError:
        return {"changes": False, "answer": WORDS["no_answer"]}


def _answer(edited: Explanation, shown: ShownImage) -> dict[str, Any]:
    """The answer of a network with edits in a few words."""
    if edited.predicted is None:
        return {"changes": False, "answer": ""}
    said = f"{class_name(edited.predicted)} {percent(edited.probability)}"
    return {"changes": edited.predicted != shown.result.explanation.predicted, "answer": said}
