"""What is usual for networks that do not bring it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.services.usual import with_usual
from cbam_core import Classifier, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.evaluation.usual_gates import UsualSums


def test_it_is_found_over_the_bundled_images_and_the_network_stays_as_it_is(tiny_classifier: Classifier) -> None:
    known = with_usual(tiny_classifier)
    assert tiny_classifier.usual is None
    assert known.usual is not None
    assert (known.usual.count, known.usual.images) == (100, "cifar10:samples")
    sums = UsualSums(tiny_classifier)
    sums.add(sample_sheet().images)
    for one, other in zip(known.usual.gates, sums.usual("").gates, strict=True):
        assert np.array_equal(one.mean, other.mean)


def test_a_network_that_brings_it_is_given_back() -> None:
    shipped = load_classifier("cbam_cnn_cifar10")
    assert with_usual(shipped) is shipped


def test_large_inputs_are_left_out(tiny_classifier: Classifier) -> None:
    large = replace(tiny_classifier, input_size=(224, 224))
    assert with_usual(large) is large


def test_a_network_that_cannot_be_observed_is_given_back(tiny_classifier: Classifier) -> None:
    wrong = replace(tiny_classifier, classes=("one", "two"))
    assert with_usual(wrong) is wrong
