"""Rows of a scorecard: sentences with their numbers, and values for programs."""

from __future__ import annotations

import pytest

from cbam_core.results.score import EDITS, Score
from cbam_core.results.score_words import EDIT_WORDS


def test_every_row_is_one_sentence_with_its_numbers(score: Score) -> None:
    row = score.row("a.spatial", "usual")
    assert row is not None
    assert str(row.sentence) == (
        "a.spatial matters: with the usual values, accuracy changes by −10.00 points (95 % interval −11.86 to −8.10) "
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
