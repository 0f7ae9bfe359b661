"""What a scorecard says of its controls, and what it takes for them to hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cbam_core.results.paired import MeanChange
from cbam_core.results.receipt import Proof
from cbam_core.results.score import Score
from tests.results.made_score import scored


def test_the_receipt_needs_both_controls_and_bits(score: Score) -> None:
    receipt = score.receipt
    assert receipt.holds
    assert receipt.single == pytest.approx(-10.2)
    assert receipt.joint is not None
    assert receipt.joint.points == pytest.approx(-9.0)
    assert [row.gate for row in receipt.random] == ["a.spatial"]
    assert not replace(score, proof=Proof(32, 2, 1, 0.0)).receipt.holds
    assert not replace(score, proof=Proof(32, 2, 2, 0.01)).receipt.holds
    edits = score.edits
    assert not replace(score, edits=(*edits[:-1], scored("all", "closed"))).receipt.positive_holds
    assert not replace(score, edits=(*edits[:-2], scored("all", "as_is", 2), edits[-1])).receipt.negative_holds
    assert not replace(score, edits=edits[:-2]).receipt.holds


def test_where_no_loss_of_accuracy_is_certain_the_loss_must_change_by_more_than_rounding(score: Score) -> None:
    assert score.receipt.control == "accuracy"
    for moved, control in (((0.002, 0.004), "loss"), ((-0.004, -0.002), "loss"), ((0.0005, 0.004), None)):
        closed = replace(scored("all", "closed"), loss=MeanChange(0.303, sum(moved) / 2, moved))
        receipt = replace(score, edits=(*score.edits[:-1], closed)).receipt
        assert receipt.control == control
        assert receipt.holds == receipt.positive_holds == (control is not None)
        said = receipt.as_dict()["positive_control"]
        assert (said["by"], said["loss"]["interval"]) == (control, moved)
