"""One pass for predictions and usual gates: the same as two passes, in steps of any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cbam_core import Classifier
from cbam_core.data.dataset import Dataset, samples
from cbam_core.errors import DataError, ModelError
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.survey import Survey, score_with_gates
from cbam_core.evaluation.usual_gates import usual_gates


def surveyed(classifier, dataset, most=None):
    survey = Survey(classifier, dataset)
    counts = []
    while survey.count < survey.total:
        survey.step(most)
        counts.append(survey.count)
    return survey.result(), counts


def assert_same_gates(one, other):
    assert (one.count, one.images, one.digest) == (other.count, other.images, other.digest)
    assert [gate.name for gate in one.gates] == [gate.name for gate in other.gates]
    for left, right in zip(one.gates, other.gates, strict=True):
        np.testing.assert_allclose(left.mean, right.mean, rtol=1e-5)
        assert left.shares.pattern == pytest.approx(right.shares.pattern, abs=1e-4)


def test_a_pass_gives_what_two_passes_give(tiny_classifier: Classifier) -> None:
    found, counts = surveyed(tiny_classifier, samples())
    expected = score(tiny_classifier, samples())
    assert counts == [64, 100]
    assert found.evaluation is not None
    assert np.array_equal(found.evaluation.levels, expected.levels)
    assert np.array_equal(found.evaluation.predicted, expected.predicted)
    assert (found.evaluation.split, found.evaluation.digest) == ("samples", tiny_classifier.digest)
    assert_same_gates(found.usual, usual_gates(tiny_classifier, samples()))


def test_the_function_gives_the_same_without_steps(tiny_classifier: Classifier) -> None:
    evaluation, usual = score_with_gates(tiny_classifier, samples())
    found, _ = surveyed(tiny_classifier, samples())
    assert found.evaluation is not None
    assert np.array_equal(evaluation.levels, found.evaluation.levels)
    assert_same_gates(usual, found.usual)


def test_steps_can_be_smaller_and_the_last_one_is_followed_by_nothing(tiny_classifier: Classifier) -> None:
    few = replace(samples(), images=samples().images[:12], labels=samples().known_labels[:12])
    survey = Survey(tiny_classifier, few)
    counts = []
    for _ in range(4):
        survey.step(5)
        counts.append(survey.count)
    assert counts == [5, 10, 12, 12]
    assert_same_gates(survey.result().usual, usual_gates(tiny_classifier, few))


@pytest.mark.parametrize("change", [{"classes": tuple("abcdefghij")}, {"labels": None, "classes": ()}])
def test_without_labels_or_with_other_classes_there_are_usual_gates_alone(
    tiny_classifier: Classifier, change: dict[str, object]
) -> None:
    other: Dataset = replace(samples(), **change)
    found, _ = surveyed(tiny_classifier, other)
    assert found.evaluation is None
    assert_same_gates(found.usual, usual_gates(tiny_classifier, other))
    with pytest.raises((DataError, ModelError)):
        score_with_gates(tiny_classifier, other)


def test_one_image_is_too_few(tiny_classifier: Classifier) -> None:
    one = replace(samples(), images=samples().images[:1], labels=samples().known_labels[:1])
    survey = Survey(tiny_classifier, one)
    survey.step()
    with pytest.raises(DataError):
        survey.result()
