import json

import pytest

from cbam_core.errors import CheckpointError
from cbam_core.weights.card import ASSUMPTIONS, Card

FULL = Card(
    what="A network.",
    recipe={"epochs": 3, "flip": True, "name": None},
    command="cbam train",
    epochs=3,
    seed=0,
    split="45,000 images",
    test_correct=9,
    test_count=10,
    limits="Ten classes.",
    versions={"torch": "2.14.1"},
    date="2025-11-22",
    history=({"loss": 0.5},),
    assumptions=(ASSUMPTIONS["card.assumed-numbers"],),
)


def test_a_card_survives_json() -> None:
    assert Card.from_record(json.loads(json.dumps(FULL.as_record()))) == FULL


def test_accuracy_is_counted_and_never_claimed() -> None:
    assert FULL.test_accuracy == 0.9
    assert Card.from_record({"test_accuracy": 0.99}).test_accuracy is None


def test_more_right_answers_than_images_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"card\.test_correct must be at most card\.test_count"):
        Card.from_record({"test_correct": 11, "test_count": 10})


def test_only_known_assumptions_are_taken() -> None:
    with pytest.raises(CheckpointError, match="assumptions"):
        Card.from_record({"assumptions": ["<script>"]})
