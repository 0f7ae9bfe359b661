"""Showing labelled images to a network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.dataset import Dataset
from cbam_core.errors import DataError, ModelError
from cbam_core.evaluation.scoring import score
from cbam_core.explanation import explain
from cbam_core.observing import BATCH


def dataset(images, labels, *, classes=CLASSES, split=""):
    return Dataset("noise", split, classes, images, labels)


@pytest.fixture(scope="module")
def labelled():
    draws = np.random.default_rng(0)
    count = BATCH + 30
    images = draws.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return images, draws.integers(0, 10, count, dtype=np.uint8)


@pytest.fixture(scope="module")
def scored(tiny_classifier, labelled):
    return score(tiny_classifier, dataset(*labelled))


class Told(torch.nn.Module):
    """Answers with the class that the first pixel's red names, in steps of 25."""

    def forward(self, x):
        red = (x[:, 0, 0, 0] * 255).round().long() // 25
        return torch.nn.functional.one_hot(red, 10).float()


class Last(torch.nn.Module):
    """Answers with the last of three hundred classes."""

    def forward(self, x):
        return torch.arange(300.0).expand(len(x), 300)


class Overflowing(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10] * torch.inf


def test_every_class_is_counted_and_batches_join(tiny_classifier):
    labels = np.arange(BATCH + 30, dtype=np.uint8) % 9
    images = np.zeros((len(labels), 32, 32, 3), np.uint8)
    answers = labels.copy()
    answers[labels == 4] = 5
    images[:, 0, 0, 0] = answers * 25 + 3
    told = replace(tiny_classifier, model=Told().eval(), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    result = score(told, dataset(images, labels))
    counts = np.bincount(labels, minlength=10)
    assert result.count == tuple(counts)
    assert result.right == (*counts[:4], 0, *counts[5:])
    assert result.total == len(labels)
    assert result.accuracy == (len(labels) - counts[4]) / len(labels)
    assert result.confusion[4, 5] == counts[4]
    assert np.array_equal(result.predicted, answers)
    assert np.allclose(result.confidence, np.e / (np.e + 9), atol=1e-5)


def test_it_agrees_with_images_shown_one_by_one(tiny_classifier, labelled, scored):
    images, labels = labelled
    with torch.inference_mode():
        alone = torch.stack([tiny_classifier.model(tiny_classifier.normalise(one)[None])[0] for one in images])
    assert scored.total_right == (alone.argmax(1).numpy() == labels).sum()
    assert np.allclose(scored.probabilities, alone.softmax(1).numpy(), atol=1e-5)


def test_it_agrees_with_an_explanation(tiny_classifier, labelled, scored):
    explanation = explain(tiny_classifier, labelled[0][7])
    assert CLASSES[scored.predicted[7]] == explanation.predicted
    assert np.allclose(scored.probabilities[7], explanation.probabilities, atol=1e-5)


def test_the_result_knows_its_weights_and_its_split(tiny_classifier, labelled, scored):
    assert (scored.split, scored.digest) == ("", "")
    images, labels = labelled
    named = replace(tiny_classifier, digest="0" * 64)
    result = score(named, dataset(images[:3], labels[:3], split="test"))
    assert (result.split, result.digest) == ("test", "0" * 64)
    assert np.array_equal(result.labels, labels[:3])


def test_read_only_images_are_taken_as_they_are(tiny_classifier, labelled):
    images, labels = (array[:5].copy() for array in labelled)
    images.setflags(write=False)
    labels.setflags(write=False)
    assert score(tiny_classifier, dataset(images, labels)).total == 5


def test_images_of_another_size_are_fitted(tiny_classifier, labelled):
    images, labels = labelled
    twice = images[:5].repeat(2, axis=1).repeat(2, axis=2)
    assert score(tiny_classifier, dataset(twice, labels[:5])).total == 5


def test_progress_is_reported(tiny_classifier, labelled):
    seen = []
    score(tiny_classifier, dataset(*labelled), report=seen.append)
    assert seen == [BATCH, BATCH + 30]


def test_other_classes_are_refused(tiny_classifier, labelled):
    with pytest.raises(ModelError, match="differ from those of the images") as refused:
        score(tiny_classifier, dataset(labelled[0], labelled[1] % 2, classes=("cat", "dog")))
    assert refused.value.code == "score.other-classes"
    known = tiny_classifier.classes
    with pytest.raises(ModelError, match=rf"\({known[-1]}, .*\(owl, "):
        score(tiny_classifier, dataset(*labelled, classes=(*known[:-1], "owl")))


def test_images_without_labels_are_refused(tiny_classifier, labelled):
    with pytest.raises(DataError, match="the images of noise have no labels") as refused:
        score(tiny_classifier, dataset(labelled[0], None, classes=()))
    assert refused.value.code == "data.no-labels"


def test_more_than_256_classes_are_told_apart(tiny_classifier):
    classes = tuple(f"c{number}" for number in range(300))
    many = replace(tiny_classifier, model=Last().eval(), classes=classes)
    result = score(many, dataset(np.zeros((2, 32, 32, 3), np.uint8), np.array([299, 43]), classes=classes))
    assert result.predicted.tolist() == [299, 299]
    assert result.labels.tolist() == [299, 43]
    assert result.total_right == 1


def test_answers_that_are_no_numbers_are_refused(tiny_classifier, labelled):
    broken = replace(tiny_classifier, model=Overflowing().eval())
    with pytest.raises(ModelError, match="the output of tiny is not finite") as refused:
        score(broken, dataset(*labelled))
    assert refused.value.code == "model.not-finite"


def test_no_images_are_refused(tiny_classifier):
    none = Dataset("mine", "test", CLASSES, np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, np.uint8))
    with pytest.raises(DataError, match="there are no images in mine:test to count answers of") as refused:
        score(tiny_classifier, none)
    assert refused.value.code == "score.no-images"


def test_the_network_is_left_as_it_was(tiny_classifier, labelled):
    before = {name: tensor.clone() for name, tensor in tiny_classifier.model.state_dict().items()}
    strides = [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    score(tiny_classifier, dataset(*labelled))
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_classifier.model.state_dict().items())
    assert strides == [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    assert not tiny_classifier.model.training
