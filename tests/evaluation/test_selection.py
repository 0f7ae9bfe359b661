"""Selecting images of a split."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.errors import TrainingError
from cbam_core.evaluation.selection import Selection, select
from cbam_core.results.evaluation import Evaluation, levels_of

LABELS = np.array([0, 1, 0, 1, 0], np.uint8)
SURE = np.array([0.9, 0.6, 0.7, 0.8, 0.6], np.float32)
PREDICTED = np.array([0, 0, 1, 1, 0], np.uint8)


@pytest.fixture
def evaluation():
    probabilities = np.stack([1 - SURE, 1 - SURE], axis=1)
    probabilities[np.arange(5), PREDICTED] = SURE
    return Evaluation(("cat", "dog"), LABELS, PREDICTED, levels_of(probabilities))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [0, 1, 2, 3, 4]),
        (Selection(truth=1), [1, 3]),
        (Selection(answers="right"), [0, 3, 4]),
        (Selection(answers="wrong"), [1, 2]),
        (Selection(truth=0, answers="wrong"), [2]),
        (Selection(truth=1, predicted=0), [1]),
        (Selection(order="sure"), [0, 3, 2, 1, 4]),
        (Selection(order="unsure"), [1, 4, 2, 3, 0]),
        (Selection(truth=1, answers="right", predicted=0), []),
    ],
)
def test_images_are_selected_and_ordered(evaluation, selection, expected):
    assert select(LABELS, selection, evaluation).tolist() == expected


def test_classes_need_no_answers():
    assert select(LABELS, Selection(truth=0)).tolist() == [0, 2, 4]


@pytest.mark.parametrize("selection", [Selection(answers="wrong"), Selection(order="sure"), Selection(predicted=0)])
def test_answers_that_nobody_knows_are_one_sentence(selection):
    with pytest.raises(TrainingError, match="only if the network's predictions were saved"):
        select(LABELS, selection)


def test_answers_for_other_images_are_refused(evaluation):
    with pytest.raises(TrainingError, match="other images"):
        select(LABELS[::-1] * 0, Selection(), evaluation)


@pytest.mark.parametrize("words", [{"answers": "maybe"}, {"order": "loud"}])
def test_an_unknown_selection_is_refused(words):
    with pytest.raises(TrainingError, match="one of"):
        Selection(**words)
