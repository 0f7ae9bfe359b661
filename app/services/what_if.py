"""What a network answers for an image with other gates, and for which images a gate decides."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from jaxtyping import Float32

from app.services.dataset import sample_numbers, samples, test_count, test_set
from app.services.networks import key_of
from app.services.scoring import score_of
from app.services.speed import seconds_an_image
from app.session import background, own_networks
from app.session.background import Work, Works
from app.session.scheduling import slot
from cbam_core.errors import CbamError
from cbam_core.evidence.deciding import find_deciding, usual_one_by_one
from cbam_core.evidence.edited import explain_blank, explain_edited
from cbam_core.evidence.one_image import consequences
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.gate_edits import GateEdits
from cbam_core.results.left_out import numbers_read
from cbam_core.results.paired import Change
from cbam_core.results.score import GROUPS, Score

FOR_ALL, FOR_ONE = "50MB", "20MB"

LONG = 1.5
"""Seconds after which a visitor sees how far it is."""

Probabilities = Float32[np.ndarray, " k"]


@dataclass(frozen=True)
class _Edited:
    """An image whose gates get usual values in the background.

    Attributes:
        of: the network and the image.
        found: explanations of the image that are there, one for each group, in order.
    """

    of: Hashable
    found: list[Explanation] = field(default_factory=list)


@dataclass(frozen=True)
class _Searched:
    """Images among which one is looked for.

    Attributes:
        network: digest of the network.
        source: where they are: ``"test"`` or ``"sample"``.
    """

    network: str
    source: str = ""


_USUAL: Works[_Edited, list[Explanation]] = Works("whatif-usual", lambda image: image.of, alone=True)
_SEARCH: Works[_Searched, tuple[int, ...]] = Works("whatif-search", lambda images: images.network, alone=True)


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
        Empty without a prediction; gates whose usual values are not known are left out. While they are worked out in
        the background of the visit, see `usual_work`, those that are there so far, in order of execution.
    """
    groups = _groups(explanation)
    if groups and _takes_long(classifier, len(groups)):
        return _in_background(classifier, explanation, groups)
    remembered = _usual_for_one if own or own_networks.is_own(classifier) else _usual_for_all
    return remembered(key_of(classifier), seen(explanation), classifier, explanation)


def usual_work(classifier: Classifier, explanation: Explanation) -> Work[list[Explanation]] | None:
    """What `under_usual` works out in the background; None where it does not."""
    return _USUAL.work(_edited_image(classifier, explanation))


def _edited_image(classifier: Classifier, explanation: Explanation) -> _Edited:
    return _Edited((key_of(classifier), seen(explanation)))


def begin_usual_again() -> None:
    """Forget what was cancelled, so that the page begins it anew."""
    _USUAL.end()


def _in_background(
    classifier: Classifier, explanation: Explanation, groups: Mapping[str, Sequence[str]]
) -> Mapping[str, Probabilities]:
    image = _edited_image(classifier, explanation)
    if (entry := _USUAL.entry(image)) is None:
        steps = usual_one_by_one(classifier, explanation, [*groups.values()], image.found)
        _USUAL.begin(image, lambda: background.begin(steps, len(groups)))
        return {}
    kept, work = entry
    if work.error is not None:
        raise work.error
    return {name: one.probabilities for name, one in zip(groups, [*kept.found], strict=False)}


def _groups(explanation: Explanation) -> dict[str, list[str]]:
    """Gates whose usual values are known, alone and in groups; empty without a prediction."""
    if not explanation.classes:
        return {}
    gates = [gate for block in explanation.blocks for gate in block.gates]
    known = [gate for gate in gates if gate.usual is not None and gate.usual.mean.shape == gate.values.shape]
    found = {gate.name: [gate.name] for gate in known}
    for name, kind in GROUPS.items():
        members = [gate.name for gate in known if kind in (None, gate.kind)]
        if len(known) == len(gates) and len(members) > 1 and (kind is None or len(members) < len(known)):
            found[name] = members
    return found


def _takes_long(classifier: Classifier, edits: int) -> bool:
    """Whether edits take so long that a visitor should see progress; those of own networks join one small batch."""
    width, height = classifier.input_size
    if classifier.architecture and width * height <= own_networks.SMALL:
        return False
    try:
        return edits * seconds_an_image(classifier) > LONG
    except CbamError:
        return False


def begin_search(classifier: Classifier, gate: str, explanation: Explanation) -> None:
    """Begin to look, in the background of the visit, for an image for which a gate or group decides."""
    cancel_search()
    gates = _groups(explanation).get(gate)
    if gates:
        images = test_set() or samples()
        steps = find_deciding(classifier, images, gates, start=secrets.randbelow(len(images)))
        searched = _Searched(classifier.digest, "test" if test_set() else "sample")
        _SEARCH.begin(searched, lambda: background.begin(steps, len(images)))


def search(classifier: Classifier) -> tuple[str, Work[tuple[int, ...]]] | None:
    """Where it is looked for, and how far that is; None where nothing is looked for."""
    entry = _SEARCH.entry(_Searched(classifier.digest))
    if entry is None:
        cancel_search()  # of another network, which was selected before
        return None
    images, work = entry
    return images.source, work


def cancel_search() -> None:
    """End a search, and forget what it found."""
    _SEARCH.end()


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
    if score is not None and score.images.endswith(":test") and count == score.count + len(score.left_out):
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
    found: np.ndarray = numbers_read(score.left_out, score.count)[needed if needed.any() else changed]
    return found


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
