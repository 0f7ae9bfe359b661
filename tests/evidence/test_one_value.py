"""One channel at a constant: the same answers as an edited explanation of each image has."""

import numpy as np
import pytest

from cbam_core import explain
from cbam_core.errors import EditError
from cbam_core.evidence.edited import explain_edited
from cbam_core.evidence.one_value import replace_value
from cbam_core.results.gate_edits import GateEdit
from cbam_core.steps import finished
from tests.evidence.planted import coloured, red_by_red

GATE = "attention.channel"


def run(steps):
    """Every number that was yielded, and what came back."""
    told = []
    return told, finished(steps, told.append)


@pytest.fixture(scope="module")
def network():
    return red_by_red()


def test_answers_and_probabilities_are_those_of_each_image_edited_alone(network):
    images, numbers = coloured(100), np.array([70, 3, 99, 12] * 20)
    told, found = run(replace_value(network, images, numbers, GATE, 0, 0.5))
    assert told[-1] == len(numbers)
    for row, number in enumerate(numbers[:4].tolist()):
        plain = explain(network, images.images[number])
        edited = explain_edited(network, plain, {GATE: GateEdit(values=((0, 0.5),))})
        answer = int(plain.probabilities.argmax())
        assert (found.before[row], found.after[row]) == (answer, int(edited.probabilities.argmax()))
        assert found.probability[row] == pytest.approx(float(plain.probabilities[answer]), abs=1e-6)
        assert found.left[row] == pytest.approx(float(edited.probabilities[answer]), abs=1e-6)
    assert found.changed == int((found.before != found.after).sum()) > 0
    if images.labels is not None:
        assert found.change.changed == found.changed
        np.testing.assert_array_equal(found.labels, np.asarray(images.labels)[numbers])


def test_a_value_that_the_gate_has_not_is_refused(network):
    with pytest.raises(EditError):
        run(replace_value(network, coloured(4), np.arange(4), GATE, 6, 0.5))
