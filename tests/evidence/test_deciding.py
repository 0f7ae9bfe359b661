"""Looking for an image for which a gate decides, and large networks' rows one by one: planted truths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cbam_core import Classifier, explain
from cbam_core.errors import EditError
from cbam_core.evidence.deciding import find_deciding, usual_one_by_one
from cbam_core.evidence.edited import explain_edited
from cbam_core.results import usual as known
from cbam_core.results.gate_edits import GateEdit
from cbam_core.steps import finished
from tests.evidence.planted import SIDE, coloured, red_by_red

GATE = "attention.channel"


def run(steps):
    """Every number that was yielded, and what came back."""
    told = []
    return told, finished(steps, told.append)


@pytest.fixture(scope="module")
def network() -> Classifier:
    """A network whose gate decides for red, with its usual values."""
    shares = known.Shares(1.0, 0.0, 0.0)
    mean = np.full(6, 0.5, np.float32)
    usual = known.UsualGate(GATE, "channel", 1, mean, mean, 0.1, shares, 9, "colours")
    return replace(red_by_red(), usual=known.Usual((usual,), 9, "colours"))


def test_the_first_image_whose_answer_changes_is_found_from_any_start_on(network: Classifier) -> None:
    images = coloured(30)
    answers = [explain(network, image).predicted for image in images.images]
    edited = [
        explain_edited(network, explain(network, image), {GATE: GateEdit("usual")}).predicted for image in images.images
    ]
    changed = [place for place in range(30) if answers[place] != edited[place]]
    assert changed
    for start in (0, changed[0] + 1, 29):
        _, found = run(find_deciding(network, images, [GATE], start=start))
        expected = next((place for place in changed if place >= start), changed[0])
        assert found == (expected,)


def test_where_no_answer_changes_none_is_found_and_all_are_counted(network: Classifier) -> None:
    grey = replace(coloured(200), images=np.full((200, SIDE, SIDE, 3), 100, np.uint8))
    same = replace(
        network, usual=replace(network.usual, gates=(replace(network.usual.gates[0], mean=values_of(network)),))
    )
    told, found = run(find_deciding(same, grey, [GATE]))
    assert found == ()
    assert told[-1] == 200
    assert told == sorted(told)


def values_of(network: Classifier) -> np.ndarray:
    grey = explain(network, np.full((SIDE, SIDE, 3), 100, np.uint8))
    return np.array(grey.blocks[0].gates[0].values)


def test_a_gate_that_is_not_there_is_refused(network: Classifier) -> None:
    with pytest.raises(EditError):
        run(find_deciding(network, coloured(3), ["nothing.channel"]))


def test_rows_one_by_one_are_single_explanations(network: Classifier) -> None:
    image = explain(network, coloured(3).images[0])
    told, (alone, together) = run(usual_one_by_one(network, image, [[GATE], [GATE]]))
    assert told == [1, 2]
    np.testing.assert_array_equal(alone.probabilities, together.probabilities)
    np.testing.assert_allclose(alone.blocks[0].gates[0].values, 0.5, rtol=1e-6)
