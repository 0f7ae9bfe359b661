"""Steps of a block: each follows from the one before by the formulas of CBAM."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import CbamError
from cbam_core.explanation import explain_block, explain_channel

CLASSIFIER = "cbam_cnn_cifar10"


@pytest.mark.parametrize("name", ["cbam1", "cbam2", "cbam3"])
def test_weights_and_mask_follow_from_what_was_pooled(name: str) -> None:
    network = load_classifier(CLASSIFIER)
    trace = explain_block(network, explain(network, sample_sheet().images[31]), name)
    block = network.model.get_submodule(name)
    with torch.inference_mode():
        hidden = block.channel_attn.fc(torch.from_numpy(np.array(trace.pooled)))
        weights = torch.sigmoid(hidden.sum(dim=0)).numpy()
        mask = torch.sigmoid(block.spatial_attn.conv(torch.from_numpy(np.array(trace.planes))[None]))[0, 0].numpy()
    np.testing.assert_allclose(trace.weights, weights, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(trace.mask, mask, rtol=1e-4, atol=1e-5)
    assert trace.kernel == 7


def test_strength_and_maxima_are_those_of_the_single_maps() -> None:
    network = load_classifier(CLASSIFIER)
    explanation = explain(network, sample_sheet().images[5])
    trace = explain_block(network, explanation, "cbam1")
    maps = [explain_channel(network, explanation, "cbam1", channel) for channel in range(trace.channels)]
    for found, side in ((trace.features, "before"), (trace.output, "after")):
        squares = np.mean([getattr(one, side) ** 2 for one in maps], axis=0)
        np.testing.assert_allclose(found, np.sqrt(squares), rtol=1e-4, atol=1e-6)
    weighted = np.mean([(one.before * one.weight) ** 2 for one in maps], axis=0)
    np.testing.assert_allclose(trace.strength, np.sqrt(weighted), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trace.pooled[1], [one.before.max() for one in maps], rtol=1e-5)
    assert trace.placement == maps[0].placement


def test_an_explanation_of_another_network_is_refused() -> None:
    other = load_classifier("cbam_resnet_cifar10")
    explanation = explain(load_classifier(CLASSIFIER), sample_sheet().images[0])
    with pytest.raises(CbamError, match="explain the image with cbam_resnet_cifar10 first"):
        explain_block(other, explanation, "cbam1")
