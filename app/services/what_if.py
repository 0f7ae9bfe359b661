"""What a network answers for an image with other gates, and for which images a gate decides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float32

from app.services.dataset import sample_numbers, test_count
from app.services.networks import key_of
from app.services.scoring import score_of
from app.session import own_networks
from app.session.scheduling import slot
from cbam_core.evidence.edited import explain_blank, explain_edited
from cbam_core.evidence.one_image import consequences
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.gate_edits import GateEdits
from cbam_core.results.paired import Change
from cbam_core.results.score import Score

FOR_ALL, FOR_ONE = "50MB", "20MB"

Probabilities = Float32[np.ndarray, " k"]


@dataclass(frozen=True)
class Deciding:
    """Images whose answer another gate changes.

    Attributes:
        source: where they are: ``"test"`` or ``"sample"``.
        indices: their numbers there.
    """

    source: str
    indices: tuple[int, ...]


def under_usual(classifier: Classifier, explanation: Explanation, *, own: bool) -> Mapping[str, Probabilities]:
    """Probabilities of the classes where each gate, and each group of gates, has its usual values, by its name.

    Args:
        classifier: the network.
        explanation: of an image, by this network.
        own: whether the image is the visitor's own, whose results are kept for them alone.

    Returns:
        Empty without a prediction; gates whose usual values are not known are left out.
    """
    remembered = _usual_for_one if own or own_networks.is_own(classifier) else _usual_for_all
    return remembered(key_of(classifier), seen(explanation), classifier, explanation)


def edited(
    classifier: Classifier, explanation: Explanation, edits: GateEdits, other: Explanation | None, *, own: bool
) -> Explanation:
    """An image that was explained, explained again with some gates edited; see `under_usual`.

    Args:
        classifier: the network.
        explanation: of an image, by this network.
        edits: what stands in the place of each gate.
        other: of the image that lends its gates.
        own: whether the image is the visitor's own.

    Raises:
        EditError: an edit does not fit the network.
    """
    borrows = any(edit.source == "other" for edit in edits.values())
    donor = seen(other) if borrows and other is not None else ""
    remembered = _edited_for_one if own or own_networks.is_own(classifier) else _edited_for_all
    exact = f"{sorted(edits.items())!r}"
    return remembered(key_of(classifier), seen(explanation), exact, donor, classifier, (explanation, edits, other))


def blank(classifier: Classifier) -> Explanation:
    """What a network's gates do on an image with nothing on it."""
    remembered = _blank_for_one if own_networks.is_own(classifier) else _blank_for_all
    return remembered(key_of(classifier), classifier)


def changes_of(classifier: Classifier) -> Mapping[str, Change]:
    """How answers over many images change where each gate, or group of gates, has its usual values, by its name.

    Empty where the network was not scored, or its scorecard does not hold.
    """
    score = score_of(classifier)
    if score is None or not score.receipt.holds:
        return {}
    return {row.gate: row.change for row in score.rows if row.edit == "usual"}


def deciding(classifier: Classifier, gate: str) -> Deciding | None:
    """The images at hand whose answer changes where a gate has its usual values; None where none are known.

    Those that are answered correctly with the gate alone come first.
    """
    score = score_of(classifier)
    found = np.empty(0, np.int64) if score is None else _deciding(score, gate)
    count = test_count()
    if score is not None and score.images.endswith(":test") and count == score.count:
        return Deciding("test", tuple(found.tolist())) if len(found) else None
    if score is not None and score.images.endswith(":test"):
        numbers = sample_numbers()
        found = np.array([place for place in range(len(numbers)) if numbers[place] in found], np.int64)
    return Deciding("sample", tuple(found.tolist())) if len(found) else None


def _deciding(score: Score, gate: str) -> np.ndarray:
    edit = next((one for one in score.edits if (one.gate, one.edit) == (gate, "usual")), None)
    if edit is None:
        return np.empty(0, np.int64)
    changed = edit.predicted != score.predicted
    needed = changed & (score.predicted == score.labels)
    return np.flatnonzero(needed if needed.any() else changed)


def seen(explanation: Explanation) -> str:
    """What distinguishes the input of a network from others."""
    return hashlib.sha256(explanation.input_image.tobytes()).hexdigest()


# Streamlit leaves arguments that start with an underscore out of the key; the digests stand for them.
def _under_usual(
    network: tuple[str, str], seen: str, _classifier: Classifier, _explanation: Explanation
) -> dict[str, Probabilities]:
    if not _explanation.classes or not any(block.gates for block in _explanation.blocks):
        return {}
    with slot():
        found = consequences(_classifier, _explanation, only={"usual"})
    outcomes = ((row.name, row.under("usual")) for row in (*found.rows, *found.groups))
    return {name: outcome.probabilities for name, outcome in outcomes if outcome is not None}


_usual_for_all = st.cache_data(max_entries=2000, max_size=FOR_ALL, show_spinner=False)(_under_usual)
_usual_for_one = st.cache_data(max_entries=64, max_size=FOR_ONE, scope="session", show_spinner=False)(_under_usual)


def _edited(
    network: tuple[str, str],
    seen: str,
    edits: str,
    donor: str,
    _classifier: Classifier,
    _given: tuple[Explanation, GateEdits, Explanation | None],
) -> Explanation:
    with slot():
        return explain_edited(_classifier, *_given)


_edited_for_all = st.cache_data(max_entries=500, max_size=FOR_ALL, show_spinner=False)(_edited)
_edited_for_one = st.cache_data(max_entries=64, max_size=FOR_ONE, scope="session", show_spinner=False)(_edited)


def _blank(network: tuple[str, str], _classifier: Classifier) -> Explanation:
    with slot():
        return explain_blank(_classifier)


_blank_for_all = st.cache_data(max_entries=16, show_spinner=False)(_blank)
_blank_for_one = st.cache_data(max_entries=4, scope="session", show_spinner=False)(_blank)
