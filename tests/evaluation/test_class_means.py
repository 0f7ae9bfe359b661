"""Gates summed up in steps, against numpy over all of them at once."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core import Classifier, explain
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import CbamError
from cbam_core.evaluation.class_means import GateSums
from tests.plain_blocks import by_kind
from tests.plain_means import means_of


def test_sums_are_the_summary_of_explanations(tiny_classifier: Classifier) -> None:
    sheet = sample_sheet()
    order = np.random.default_rng(1).permutation(len(sheet.labels))
    sums = GateSums(tiny_classifier, CLASSES)
    for part in np.split(order, (7, 40)):
        sums.add(sheet.images[part], sheet.labels[part])
    assert sums.count == 100
    found = sums.means()
    assert tuple(found) == CLASSES
    for label, name in enumerate(CLASSES):
        mine = order[sheet.labels[order] == label]
        expected = means_of(explain(tiny_classifier, [*sheet.images[mine]]))
        assert found[name].count == 10
        assert found[name].predicted == expected.predicted
        np.testing.assert_allclose(found[name].probabilities, expected.probabilities, rtol=1e-5)
        for ours, theirs in ((found[name].blocks, expected.blocks), (found[name].deviation, expected.deviation)):
            for one, other in zip(ours, theirs, strict=True):
                assert (one.name, one.placement, [*by_kind(one)]) == (other.name, other.placement, [*by_kind(other)])
                for gate, twin in zip(one.gates, other.gates, strict=True):
                    np.testing.assert_allclose(gate.values, twin.values, rtol=1e-4, atol=1e-6)


def test_a_class_without_images_is_one_sentence(tiny_classifier: Classifier) -> None:
    sums = GateSums(tiny_classifier, CLASSES)
    sums.add(sample_sheet().images[:10], sample_sheet().labels[:10])
    with pytest.raises(CbamError, match="no images of class automobile"):
        sums.means()


def test_images_of_another_size_are_fitted(tiny_classifier: Classifier) -> None:
    sums = GateSums(tiny_classifier, ("one",))
    sums.add(np.zeros((2, 48, 64, 3), np.uint8), np.zeros(2, np.uint8))
    assert sums.means()["one"].count == 2
