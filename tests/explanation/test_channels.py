"""A channel's feature map of an explained picture."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from cbam_core import Classifier, explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import CbamError
from cbam_core.explanation import explain_channel
from cbam_core.places import shipped_checkpoints


@pytest.mark.parametrize("name", sorted(shipped_checkpoints()))
def test_after_is_before_times_weight_times_mask_in_every_block_that_ships(name: str) -> None:
    network = load_classifier(name)
    explanation = explain(network, sample_sheet().images[30])
    for block in explanation.blocks:
        channel = int(block.channel_weights.argmax())
        found = explain_channel(network, explanation, block.name, channel)
        assert found.weight == float(block.channel_weights[channel])
        np.testing.assert_allclose(found.after, found.before * found.weight * block.spatial_mask, rtol=1e-5, atol=1e-7)
        assert found.placement == block.placement


def test_the_same_question_gets_the_same_bits_and_a_read_only_answer(tiny_classifier: Classifier) -> None:
    explanation = explain(tiny_classifier, sample_sheet().images[0])
    first, second = (explain_channel(tiny_classifier, explanation, "cbam1", 3) for _ in range(2))
    assert np.array_equal(first.before, second.before)
    assert not first.before.flags.writeable
    assert not first.after.flags.writeable
    assert np.array_equal(pickle.loads(pickle.dumps(first)).after, first.after)


def test_an_explanation_of_another_network_is_refused(tiny_classifier: Classifier) -> None:
    explanation = replace(explain(tiny_classifier, sample_sheet().images[0]), checkpoint_digest="0" * 64)
    with pytest.raises(CbamError, match="explain the image with tiny first"):
        explain_channel(tiny_classifier, explanation, "cbam1", 3)


def test_a_channel_that_does_not_exist_is_one_sentence(tiny_classifier: Classifier) -> None:
    explanation = explain(tiny_classifier, sample_sheet().images[0])
    with pytest.raises(CbamError, match="numbered from 0 to 31"):
        explain_channel(tiny_classifier, explanation, "cbam1", 99)


def test_training_mode_is_refused_not_switched() -> None:
    network = load_classifier("cbam_cnn_cifar10")
    explanation = explain(network, sample_sheet().images[0])
    network.model.train()
    with pytest.raises(CbamError, match="training mode"):
        explain_channel(network, explanation, "cbam1", 3)
    assert network.model.training
