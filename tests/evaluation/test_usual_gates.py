"""Usual gates against a recomputation by numpy over all images at once, and on gates that were planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import Classifier, explain, load_classifier
from cbam_core.data.dataset import Dataset, samples
from cbam_core.errors import DataError
from cbam_core.evaluation.usual_gates import UsualSums, usual_gates
from cbam_core.nn import SpatialAttention


def recomputed(values):
    """Shares of the variance by their definition: means of rows, columns and all."""
    table = values.reshape(len(values), -1).astype(np.float64)
    whole = table.mean()
    fixed = table.mean(axis=0, keepdims=True) - whole
    gain = table.mean(axis=1, keepdims=True) - whole
    parts = [np.square(part).sum() for part in np.broadcast_arrays(fixed, gain, table - whole - fixed - gain)]
    return np.array(parts) / sum(parts)


def test_means_deviations_and_shares_are_numpys(tiny_classifier: Classifier) -> None:
    done: list[int] = []
    usual = usual_gates(tiny_classifier, samples(), report=done.append)
    assert (usual.count, usual.images, usual.digest) == (100, "cifar10:samples", tiny_classifier.digest)
    assert done == [64, 100]
    explanations = explain(tiny_classifier, [*samples().images])
    gates = [[gate for block in one.blocks for gate in block.gates] for one in explanations]
    assert [gate.name for gate in usual.gates] == [gate.name for gate in gates[0]]
    for place, gate in enumerate(usual.gates):
        values = np.stack([one[place].values for one in gates]).astype(np.float64)
        assert gate.kind == gates[0][place].kind
        np.testing.assert_allclose(gate.mean, values.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(gate.deviation, values.std(axis=0), rtol=1e-3, atol=1e-7)
        assert gate.variance == pytest.approx(values.var(), rel=1e-4)
        shares = np.array([gate.shares.fixed, gate.shares.gain, gate.shares.pattern])
        np.testing.assert_allclose(shares, recomputed(values), atol=1e-4)
        assert shares.sum() == pytest.approx(1, abs=1e-12)


def test_the_steps_make_no_difference(tiny_classifier: Classifier) -> None:
    sums = UsualSums(tiny_classifier)
    for part in np.split(samples().images, (1, 30)):
        sums.add(part)
    stepwise, whole = sums.usual("cifar10:samples"), usual_gates(tiny_classifier, samples())
    for one, other in zip(stepwise.gates, whole.gates, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-5)
        assert one.shares.pattern == pytest.approx(other.shares.pattern, abs=1e-4)


class Planted(SpatialAttention):
    """A spatial gate whose mask is made from the image by a function."""

    def __init__(self, mask):
        super().__init__()
        self.mask, self.sigmoid = mask, nn.Identity()

    def forward(self, feature_map):
        return feature_map * self.sigmoid(self.mask(feature_map))


class Net(nn.Module):
    """One gate over the image, and two logits."""

    def __init__(self, mask):
        super().__init__()
        self.attn, self.head = Planted(mask), nn.Linear(3, 2)

    def forward(self, images):
        return self.head(self.attn(images).mean(dim=(2, 3)))


STENCIL = torch.linspace(0.1, 0.9, 16).reshape(1, 1, 4, 4)


def flat(images):
    return images.mean(dim=(1, 2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (lambda images: STENCIL.expand(len(images), 1, 4, 4), "the same for every image (within 1 %)"),
        (lambda images: 0.4 * images.mean(dim=1, keepdim=True) + STENCIL, "the same for every image (9"),
        (lambda images: flat(images).expand(-1, 1, 4, 4), "one number an image: how strong"),
        (lambda images: images.mean(dim=1, keepdim=True), "follows the image: where"),
        (lambda images: torch.full((len(images), 1, 4, 4), 0.5), "off: 0.50 everywhere, as an untrained gate"),
    ],
    ids=["fixed", "mostly fixed", "gain", "pattern", "off"],
)
def test_a_planted_gate_is_told_from_the_others(mask, sentence):
    rng = np.random.default_rng(0)
    one_level = rng.integers(10, 250, (60, 1, 1, 1)) * np.ones((1, 4, 4, 3), int)
    images = (one_level if "strong" in sentence else rng.integers(0, 256, (60, 4, 4, 3))).astype(np.uint8)
    classifier = Classifier(
        model=Net(mask).eval(), classes=("a", "b"), mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(4, 4)
    )
    usual = usual_gates(classifier, Dataset("planted", "", (), images, None))
    assert [gate.kind for gate in usual.gates] == ["spatial"]
    assert str(usual.gates[0].sentence).startswith(sentence)


class Aside(Net):
    """A network whose logits do not depend on its gate."""

    def forward(self, images):
        self.attn(images)
        return self.head(images.mean(dim=(2, 3)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gate_that_is_not_finite_for_an_image_has_no_usual_values(value):
    mask = lambda images: torch.where(flat(images) > 0.9, value, 0.5)  # noqa: E731
    classifier = Classifier(
        model=Aside(mask).eval(), classes=("a", "b"), mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(4, 4)
    )
    images = np.zeros((3, 4, 4, 3), np.uint8)
    finite = usual_gates(classifier, Dataset("planted", "", (), images, None))
    assert (len(finite.gates), finite.not_finite) == (1, ())
    images[1] = 255
    found = usual_gates(classifier, Dataset("planted", "", (), images, None))
    assert (found.gates, found.not_finite) == ((), (finite.gates[0].name,))


def test_without_images_there_is_one_sentence(tiny_classifier: Classifier) -> None:
    with pytest.raises(DataError, match="no images to take the usual gates from"):
        UsualSums(tiny_classifier).usual("none")


@pytest.mark.parametrize("name", ["cbam_cnn_cifar10", "cbam_resnet_cifar10"])
def test_what_ships_as_usual_is_close_to_what_the_bundled_images_give(name: str) -> None:
    classifier = load_classifier(name)
    assert classifier.usual is not None
    assert (classifier.usual.count, classifier.usual.images) == (50_000, "cifar10:train")
    few = usual_gates(classifier, samples())
    assert [gate.name for gate in few.gates] == [gate.name for gate in classifier.usual.gates]
    for one, shipped in zip(few.gates, classifier.usual.gates, strict=True):
        # The mean over 100 of the images differs by a standard error, so hardly ever by six of them.
        assert (np.abs(one.mean - shipped.mean) <= 6 * shipped.deviation / 10 + 1e-6).mean() > 0.97
        assert one.shares.fixed == pytest.approx(shipped.shares.fixed, abs=0.12)
