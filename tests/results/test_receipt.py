"""What a scorecard says of its controls, and what it takes for them to hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cbam_core.results.paired import Change, MeanChange
from cbam_core.results.receipt import Proof, Receipt
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


def test_it_says_with_how_many_images_a_control_would_hold() -> None:
    def closed(count: int, wrong: int, right: int) -> Receipt:
        change = Change(count, count - wrong, wrong, right, wrong + right)
        return Receipt(Proof(1, 1, 1, 0.0), None, change, None, None, 0.0, ())

    few = closed(65, 3, 1)
    assert not few.positive_holds
    enough = few.enough
    assert enough is not None
    assert enough > 65
    assert closed(enough, round(3 * enough / 65), round(enough / 65)).positive_holds
    assert closed(65, 0, 0).enough is None
    by_loss = replace(closed(100, 0, 0), closed_loss=MeanChange(0.0, 0.101, (-0.099, 0.301)))
    assert by_loss.enough in (400, 410)
