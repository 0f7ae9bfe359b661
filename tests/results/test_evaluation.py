"""What is counted from a network's answers."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from cbam_core.results.evaluation import BINS, TOP, Evaluation, levels_of, wilson_interval


def evaluation(labels, probabilities, classes=("a", "b", "c")) -> Evaluation:
    probabilities = np.array(probabilities, np.float32)
    predicted = probabilities.argmax(1).astype(np.uint8)
    return Evaluation(classes, np.array(labels, np.uint8), predicted, levels_of(probabilities))


@pytest.fixture
def drawn() -> Evaluation:
    """A thousand seeded answers, over-confident ones."""
    draws = np.random.default_rng(0)
    logits = draws.normal(size=(1000, 3)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return evaluation(draws.integers(0, 3, 1000), probabilities)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_agrees_with_published_ones(right, count, low, high):
    assert wilson_interval(right, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(count - right, count) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("right", "count"), [(8570, 10000), (12, 100), (1, 3)])
def test_the_interval_ends_where_wilsons_equation_holds(right, count):
    for end in wilson_interval(right, count):
        assert abs(right / count - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / count))


def test_the_interval_stays_within_0_and_1_and_needs_no_images():
    assert wilson_interval(0, 7)[0] == 0
    assert wilson_interval(7, 7)[1] == 1
    assert wilson_interval(0, 0) == (0, 1)


def test_fewer_images_give_a_wider_interval():
    def width(right, count):
        low, high = wilson_interval(right, count)
        return high - low

    assert width(85, 100) > 5 * width(8500, 10000)


def test_classes_and_confusion_are_counted():
    found = evaluation([0, 0, 0, 1, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.7, 0.1], [0, 1, 0], [0, 0.4, 0.6]])
    assert found.confusion.tolist() == [[1, 2, 0], [0, 1, 1], [0, 0, 0]]
    assert found.is_right.tolist() == [True, False, False, True, False]
    assert (found.right, found.count) == ((1, 1, 0), (3, 2, 0))
    assert (found.total_right, found.total, found.accuracy) == (2, 5, 0.4)
    assert found.interval == wilson_interval(2, 5)


def test_many_classes_do_not_overflow_the_counting():
    classes = tuple(map(str, range(256)))
    labels = np.arange(256, dtype=np.uint8)
    found = Evaluation(classes, labels, labels[::-1].copy(), np.zeros((256, 256), np.uint16))
    assert np.array_equal(found.confusion, np.eye(256, dtype=np.int64)[::-1])


def test_probabilities_are_kept_to_half_a_step():
    probabilities = np.random.default_rng(1).dirichlet(np.ones(10), 500).astype(np.float32)
    labels = np.zeros(500, np.uint8)
    found = Evaluation(tuple("abcdefghij"), labels, labels, levels_of(probabilities))
    assert found.probabilities.dtype == np.float32
    assert np.abs(found.probabilities - probabilities).max() <= 0.5001 / TOP
    assert np.array_equal(levels_of(found.probabilities), found.levels)
    assert levels_of(np.array([[0, 1, 1.0000001]], np.float32)).tolist() == [[0, TOP, TOP]]


def test_confidence_is_that_of_the_predicted_class(drawn):
    assert np.array_equal(drawn.confidence, drawn.probabilities.max(1))
    tied = Evaluation(
        ("a", "b"), np.array([1], np.uint8), np.array([1], np.uint8), np.array([[32768, 32767]], np.uint16)
    )
    assert tied.confidence[0] == np.float32(32767) / np.float32(TOP)


def test_calibration_is_the_papers_formula(drawn):
    confidence, right = drawn.confidence.astype(float), drawn.is_right
    error = 0.0
    for m in range(1, BINS + 1):
        inside = ((m - 1) / BINS < confidence) & (confidence <= m / BINS)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    found = drawn.calibration()
    assert found.error == pytest.approx(error)
    assert found.error > 0.1
    assert found.count.sum() == 1000
    assert np.isnan(found.accuracy[0])  # of three classes the most probable has a third at least


def test_a_confidence_on_a_border_belongs_to_the_bin_below():
    on_border = np.arange(1, BINS + 1) * (TOP // BINS)
    levels = np.array([[level, 0] for level in [0, 1, *on_border, *(on_border[:-1] + 1)]], np.uint16)
    zeros = np.zeros(len(levels), np.uint8)
    found = Evaluation(("a", "b"), zeros, zeros, levels).calibration()
    assert found.count.tolist() == [3] + [2] * (BINS - 1)  # the lowest has 0 too
    assert (found.edges[0], found.edges[-1], len(found.edges)) == (0, 1, BINS + 1)


def test_a_perfectly_calibrated_network_has_no_error():
    sure = evaluation([0, 1, 2], np.eye(3))
    assert sure.calibration().error == 0
    half = evaluation([0, 1] * 5, [[0.5, 0.5]] * 10, ("a", "b"))
    assert half.calibration(bins=10).error == pytest.approx(0, abs=1e-5)
    wrong = evaluation([1, 2, 0], np.eye(3))
    assert wrong.calibration().error == 1


def test_the_figures_are_json_and_empty_places_are_none(drawn):
    said = json.loads(json.dumps(drawn.as_dict(), allow_nan=False))
    assert said["confusion"]["b"]["c"] == drawn.confusion[1, 2]
    assert said["calibration"]["expected_calibration_error"] == drawn.calibration().error
    assert said["calibration"]["confidence"] == pytest.approx(drawn.confidence.mean(), abs=1e-6)
    assert said["calibration"]["bins"][0] == {
        "above": 0,
        "up_to": 1 / 15,
        "count": 0,
        "accuracy": None,
        "confidence": None,
    }
    assert sum(row["count"] for row in said["calibration"]["bins"]) == 1000
    one = evaluation([0, 0], [[1, 0], [0, 1]], ("a", "b")).as_dict()
    assert one["classes"]["b"] == {"right": 0, "count": 0, "accuracy": None, "interval": None}
    low, high = wilson_interval(1, 2)
    assert one["classes"]["a"] == {
        "right": 1,
        "count": 2,
        "accuracy": 0.5,
        "interval": {"low": low, "high": high, "level": 0.95},
    }


def test_no_images_give_no_figures_and_no_error():
    nothing = Evaluation(("a",), np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros((0, 1), np.uint16))
    assert (nothing.accuracy, nothing.interval, nothing.calibration().error) == (0, (0, 1), 0)
    assert nothing.as_dict()["calibration"]["confidence"] is None


def test_it_can_be_pickled(drawn):
    again = pickle.loads(pickle.dumps(drawn))
    assert again.as_dict() == drawn.as_dict()


def test_neither_counting_nor_opening_needs_torch():
    program = (
        "import sys, numpy as np; from cbam_core.evaluation.evaluation_file import Evaluation, open_evaluation;"
        "Evaluation(('a',), np.zeros(1, 'u1'), np.zeros(1, 'u1'), np.zeros((1, 1), 'u2')).as_dict();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
