import json
from dataclasses import replace

import pytest

from cbam_core.errors import CheckpointError
from cbam_core.weights.card import ASSUMPTIONS, Card
from cbam_core.weights.description import Description
from tests.corpus.checkpoints import description

CARD = Card(
    what="What it is.",
    recipe={"name": "short", "learning_rate": 0.2, "flip": True, "note": None, "epochs": 60},
    command="cbam train",
    epochs=60,
    seed=0,
    split="45,000 trained, 5,000 held out",
    test_correct=8912,
    test_count=10_000,
    limits="Ten classes.",
    versions={"torch": "2.14.1"},
    date="2025-11-22",
    history=({"number": 1, "loss": 0.5},),
    assumptions=(ASSUMPTIONS["card.assumed-normalisation"],),
)


def test_description_survives_its_json() -> None:
    written = replace(Description.from_json(json.dumps(description())), card=CARD)
    assert Description.from_json(written.to_json()) == written


def test_accuracy_is_worked_out_from_counts() -> None:
    assert CARD.test_accuracy == 0.8912
    assert Card().test_accuracy is None
    assert Card(test_correct=0, test_count=0).test_accuracy is None


def test_missing_arguments_are_completed() -> None:
    assert Description.from_json(json.dumps(description(arguments={}))).arguments["num_classes"] == 10


def test_missing_card_is_an_empty_one() -> None:
    record = description()
    del record["card"]
    assert Description.from_json(json.dumps(record)).card == Card()


def test_missing_field_is_named() -> None:
    record = description()
    del record["mean"]
    with pytest.raises(CheckpointError, match="mean must be three finite numbers"):
        Description.from_json(json.dumps(record))


def test_history_that_is_not_finite_is_not_written() -> None:
    broken = replace(Description.from_json(json.dumps(description())), card=Card(history=({"loss": float("nan")},)))
    with pytest.raises(ValueError, match="JSON compliant"):
        broken.to_json()
