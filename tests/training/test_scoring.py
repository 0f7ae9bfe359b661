"""Counting right answers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import ModelError
from cbam_core.training.scoring import BATCH, Score, score


@pytest.fixture(scope="module")
def labelled():
    draws = np.random.default_rng(0)
    count = BATCH + 30
    images = draws.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return images, draws.integers(0, 10, count, dtype=np.uint8)


class Told(torch.nn.Module):
    """Answers with the class that the first pixel's red names, in steps of 25."""

    def forward(self, x):
        red = (x[:, 0, 0, 0] * 255).round().long() // 25
        return torch.nn.functional.one_hot(red, 10).float()


def test_every_class_is_counted_and_batches_join(tiny_classifier):
    labels = np.arange(BATCH + 30, dtype=np.uint8) % 9
    images = np.zeros((len(labels), 32, 32, 3), np.uint8)
    answers = labels.copy()
    answers[labels == 4] = 5
    images[:, 0, 0, 0] = answers * 25 + 3
    told = replace(tiny_classifier, model=Told(), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    result = score(told, images, labels, classes=CLASSES)
    counts = np.bincount(labels, minlength=10)
    assert result.count == tuple(counts)
    assert result.right == (*counts[:4], 0, *counts[5:])
    assert result.total == len(labels)
    assert result.accuracy == 1 - counts[4] / len(labels)


def test_it_agrees_with_images_shown_one_by_one(tiny_classifier, labelled):
    images, labels = images_and_labels = labelled
    result = score(tiny_classifier, *images_and_labels, classes=CLASSES)
    with torch.inference_mode():
        alone = np.array([int(tiny_classifier.model(tiny_classifier.normalise(one)[None]).argmax()) for one in images])
    assert result.total_right == (alone == labels).sum()


def test_images_of_another_size_are_fitted(tiny_classifier, labelled):
    images, labels = labelled
    twice = images[:5].repeat(2, axis=1).repeat(2, axis=2)
    assert score(tiny_classifier, twice, labels[:5], classes=CLASSES).total == 5


def test_progress_is_reported(tiny_classifier, labelled):
    seen = []
    score(tiny_classifier, *labelled, classes=CLASSES, report=seen.append)
    assert seen == [BATCH, BATCH + 30]


def test_other_classes_are_refused(tiny_classifier, labelled):
    with pytest.raises(ModelError, match="tells other classes apart") as refused:
        score(tiny_classifier, *labelled, classes=("cat", "dog"))
    assert refused.value.code == "score.other-classes"


def test_a_class_without_images_has_no_accuracy():
    result = Score(("a", "b"), (1, 0), (2, 0))
    assert result.as_dict() == {
        "accuracy": 0.5,
        "right": 1,
        "count": 2,
        "classes": {
            "a": {"right": 1, "count": 2, "accuracy": 0.5},
            "b": {"right": 0, "count": 0, "accuracy": None},
        },
    }
    assert Score((), (), ()).accuracy == 0


def test_the_network_is_left_as_it_was(tiny_classifier, labelled):
    before = {name: tensor.clone() for name, tensor in tiny_classifier.model.state_dict().items()}
    strides = [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    score(tiny_classifier, *labelled, classes=CLASSES)
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_classifier.model.state_dict().items())
    assert strides == [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    assert not tiny_classifier.model.training
