"""Several gates edited at once, and a blank image: as single edits give them, with later gates that follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cbam_core import CBAM_CNN, Classifier, Off, explain
from cbam_core.errors import CaptureError, EditError
from cbam_core.evidence.edited import (
    correlation_with_usual,
    difference_to_usual,
    explain_blank,
    explain_edited,
    fitting,
    misfits,
)
from cbam_core.results import usual as known
from cbam_core.results.explanation import Explanation, Gate
from cbam_core.results.gate_edits import GateEdit

IMAGE, OTHER = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


def gates(explanation: Explanation) -> dict[str, Gate]:
    return {gate.name: gate for block in explanation.blocks for gate in block.gates}


@pytest.fixture(scope="module")
def network(tiny_classifier: Classifier) -> Classifier:
    shares = known.Shares(1.0, 0.0, 0.0)
    usual = [
        known.UsualGate(gate.name, gate.kind, 1, gate.values * 0.9, gate.values, 0.1, shares, 9, "noise")
        for gate in gates(explain(tiny_classifier, OTHER)).values()
    ]
    return replace(tiny_classifier, usual=known.Usual(tuple(usual), 9, "noise"))


def test_edits_stand_in_the_place_of_their_gates_and_later_gates_follow(network: Classifier) -> None:
    image, other = explain(network, IMAGE), explain(network, OTHER)
    edits = {"cbam1.channel": GateEdit("other", 0.5), "cbam2.spatial": GateEdit("usual", values=((3, 1.0),))}
    before, there = gates(image), gates(other)
    found = gates(explain_edited(network, image, edits, other))
    np.testing.assert_allclose(found["cbam1.channel"].values, there["cbam1.channel"].values / 2, rtol=1e-6)
    usual = network.usual.gate("cbam2.spatial").mean.copy()
    usual.flat[3] = 1
    np.testing.assert_allclose(found["cbam2.spatial"].values, usual, rtol=1e-6)
    assert not np.allclose(found["cbam3.channel"].values, before["cbam3.channel"].values)


def test_a_single_edit_is_the_replacement_and_none_is_the_image(network: Classifier) -> None:
    image = explain(network, IMAGE)
    single = explain(network, IMAGE, edits={"cbam3.channel": Off()})
    found = explain_edited(network, image, {"cbam3.channel": GateEdit("off"), "cbam1.channel": GateEdit()})
    np.testing.assert_array_equal(found.probabilities, single.probabilities)
    np.testing.assert_array_equal(explain_edited(network, image, {}).probabilities, image.probabilities)


def test_borrowing_needs_an_image_that_lends(network: Classifier) -> None:
    with pytest.raises(EditError, match="no other image is chosen"):
        explain_edited(network, explain(network, IMAGE), {"cbam1.channel": GateEdit("other")})


def test_an_explanation_of_another_network_is_refused(network: Classifier) -> None:
    other = replace(network, model=CBAM_CNN().eval(), digest="another")
    with pytest.raises(CaptureError):
        explain_edited(network, explain(other, IMAGE), {})
    with pytest.raises(CaptureError):
        explain_edited(network, explain(network, IMAGE), {}, explain(other, OTHER))


def test_edits_of_another_network_are_named_and_left_out(network: Classifier, tiny_classifier: Classifier) -> None:
    edits = {
        "cbam9.spatial": GateEdit("off"),
        "cbam1.channel": GateEdit(values=((32, 1.0),)),
        "cbam2.channel": GateEdit("own_mean"),
        "cbam3.spatial": GateEdit("off"),
    }
    image = explain(network, IMAGE)
    assert [str(one) for one in misfits(image, edits)] == [
        "cbam9.spatial: this network has no such gate",
        "cbam1.channel: it has fewer values",
        "cbam2.channel: it has no positions to take a mean over",
    ]
    assert [*fitting(image, edits)] == ["cbam3.spatial"]
    usual = {"cbam1.spatial": GateEdit("usual")}
    assert fitting(image, usual) == usual
    assert [one.values["detail"] for one in misfits(explain(tiny_classifier, IMAGE), usual)] == [
        "its usual values are not known"
    ]


def test_a_blank_image_is_of_one_colour_in_which_the_network_sees_nearly_nothing(network: Classifier) -> None:
    found = explain_blank(network)
    assert len(np.unique(found.input_image.reshape(-1, 3), axis=0)) == 1
    np.testing.assert_allclose(found.input_image[0, 0] / 255, network.mean, atol=1 / 510 + 1e-6)


def test_the_difference_to_usual_is_none_where_that_is_not_known(
    network: Classifier, tiny_classifier: Classifier
) -> None:
    gate = gates(explain(network, OTHER))["cbam1.channel"]
    assert difference_to_usual(gate) == pytest.approx(0, abs=1e-6)  # a multiple of the usual has its shape
    assert correlation_with_usual(gate) == pytest.approx(1)
    unknown = gates(explain(tiny_classifier, IMAGE))["cbam1.channel"]
    assert difference_to_usual(unknown) is None
    assert correlation_with_usual(unknown) is None
    constant = replace(gate, values=np.full_like(gate.values, 0.5))
    assert correlation_with_usual(constant) is None
