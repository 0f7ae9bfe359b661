"""Scorecards: rows, sentences and the receipt, and the file that keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cbam_core.errors import DataError
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.paired import MeanChange
from cbam_core.results.receipt import Proof
from cbam_core.results.score import EDITS, GateFacts, Score, ScoredEdit
from cbam_core.results.score_file import read_score, score_path, write_score
from cbam_core.results.score_rows import Twin
from cbam_core.results.score_words import EDIT_WORDS
from cbam_core.results.usual import Shares

COUNT = 1000


def scored(gate: str, edit: str, wrong: int = 0) -> ScoredEdit:
    """All answers are 0, which is right for all but the last image; with the edit, some are 1."""
    predicted = np.zeros(COUNT, np.uint8)
    predicted[:wrong] = 1
    number = MeanChange(0.5, -0.1 * wrong, (-0.2, -0.0))
    return ScoredEdit(gate, edit, predicted, number, number)


@pytest.fixture
def score() -> Score:
    labels = np.zeros(COUNT, np.uint8)
    labels[-1] = 2
    facts = GateFacts("a.spatial", "spatial", 0.5, 0.1, 0.01, 0.02, 0.3, Shares(0.2, 0.3, 0.5), 0.25)
    through = GateFacts("b.spatial", "spatial", 0.99, 0.0, 0.0, 1.0, 0.96, Shares(1.0, 0.0, 0.0), None)
    edits = [scored("a.spatial", "usual", 100), scored("b.spatial", "usual", 2), scored("all", "usual", 90)]
    edits += [scored("a.spatial", edit, 200) for edit in EDITS[1:]]
    edits += [scored("a.spatial", "direct", 50), scored("b.spatial", "direct"), scored("a.spatial", "random", 80)]
    edits += [scored("all", "as_is"), scored("all", "closed", 900)]
    return Score(
        digest="d",
        images="set:test",
        classes=("x", "y", "z"),
        labels=labels,
        predicted=np.zeros(COUNT, np.uint8),
        loss=0.3,
        confidence=0.8,
        gates=(facts, through),
        edits=tuple(edits),
        proof=Proof(32, 2, 2, 1e-6),
        usual="set:train",
        usual_count=5000,
        twins=(Twin("all", -0.54, 0.5, 5, "fast"),),
    )


def test_every_row_is_one_sentence_with_its_numbers(score: Score) -> None:
    row = score.row("a.spatial", "usual")
    assert row is not None
    assert str(row.sentence) == (
        "a.spatial matters: with the usual values, accuracy changes by -10.00 points (95 % interval -11.86 to -8.10) "
        "and 10.0 % of the answers change, of these 1,000 images"
    )
    little = score.row("b.spatial", "usual")
    assert str(little and little.sentence).startswith("cannot tell for b.spatial: with the usual values, accuracy")
    assert all(
        "of these 1,000 images" in str(row.sentence) or "for these 1,000" in str(row.sentence) for row in score.rows
    )
    assert not {row.edit for row in score.rows} - set(EDITS)
    assert set(EDITS) < EDIT_WORDS.keys()


def test_the_twin_stands_in_the_row_of_its_group(score: Score) -> None:
    assert [(row.gate, row.edit) for row in score.rows if row.twin is not None] == [("all", "usual")]


def test_a_gate_above_095_everywhere_is_switched_through(score: Score) -> None:
    assert [gate.is_through for gate in score.gates] == [False, True]
    assert score.gates[0].saturated == pytest.approx(0.03)


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


def test_the_values_for_programs_have_every_row(score: Score) -> None:
    found = score.as_dict()
    first = found["rows"][0]
    assert {name: first[name] for name in ("gate", "edit", "accuracy", "newly_wrong", "newly_right", "changed")} == {
        "gate": "a.spatial",
        "edit": "usual",
        "accuracy": pytest.approx(89.9),
        "newly_wrong": 100,
        "newly_right": 0,
        "changed": 100,
    }
    assert first["verdict"] == "matters"
    assert found["receipt"]["holds"] is True
    assert found["gates"][1]["switched_through"] is True
    assert found["rows"][2]["twin"]["points"] == -0.54


def test_some_of_the_images_can_be_looked_at_alone(score: Score) -> None:
    half = np.arange(COUNT) < 500
    found = score.changes(half)["a.spatial", "usual"]
    assert (found.count, found.newly_wrong, found.right) == (500, 100, 400)


def test_a_file_gives_back_the_same_scorecard(score: Score, tmp_path: Path) -> None:
    path = score_path(tmp_path / "net.safetensors")
    assert path.name == "net.score.npz"
    write_score(score, path)
    again = read_score(path)
    assert again.as_dict() == score.as_dict()
    assert all(
        np.array_equal(one.predicted, other.predicted) for one, other in zip(again.edits, score.edits, strict=True)
    )
    assert not again.edits[0].predicted.flags.writeable
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": np.zeros(3, np.uint8)},
        {"labels": np.full(COUNT, 3, np.uint8)},
        {"edits": np.array([["a", "eaten"]] * 13)},
        {"plain": np.array([np.nan, 0.5])},
        {"facts": np.full((2, 9), np.inf)},
        {"proof": np.array([1, 2, 3, 4])},
        {"usual": np.array(3)},
        {"twins": None},
    ],
)
def test_a_file_of_something_else_is_refused(
    score: Score, tmp_path: Path, changed: dict[str, np.ndarray | None]
) -> None:
    path = tmp_path / "net.score.npz"
    write_score(score, path)
    arrays = {**read_arrays(path, largest=10**7), **changed}
    write_arrays(path, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match="does not hold the scorecard of a network; create it again"):
        read_score(path)


def test_where_no_loss_of_accuracy_is_certain_the_loss_must_change_by_more_than_rounding(score: Score) -> None:
    assert score.receipt.control == "accuracy"
    for moved, control in (((0.002, 0.004), "loss"), ((-0.004, -0.002), "loss"), ((0.0005, 0.004), None)):
        closed = replace(scored("all", "closed"), loss=MeanChange(0.303, sum(moved) / 2, moved))
        receipt = replace(score, edits=(*score.edits[:-1], closed)).receipt
        assert receipt.control == control
        assert receipt.holds == receipt.positive_holds == (control is not None)
        said = receipt.as_dict()["positive_control"]
        assert (said["by"], said["loss"]["interval"]) == (control, moved)
