"""Steps of one block for an explained image."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from cbam_core.explanation.explained import check_same_network
from cbam_core.gates.block_trace import Passage, follow_block
from cbam_core.network import Classifier
from cbam_core.observing import network_input
from cbam_core.results.block_trace import BlockTrace
from cbam_core.results.explanation import Explanation, own_copy


def explain_block(classifier: Classifier, explanation: Explanation, block: str) -> BlockTrace:
    """Run the network on the same input again, and record what one block does with its feature map.

    Args:
        classifier: the network that was explained; it is not changed, and several threads may use it at once.
        explanation: explanation of an image by this network.
        block: name of a block.

    Raises:
        CaptureError: the explanation is of another network, or the block does not exist.
        ModelError: the network is in training mode.
    """
    check_same_network(classifier, explanation)
    passages = follow_block(classifier.model, network_input(classifier, [explanation.input_image]), block)
    found = next(one for one in explanation.blocks if one.name == block)
    channel, spatial = (next((one for one in passages if one.kind == kind), None) for kind in ("channel", "spatial"))
    return BlockTrace(
        block=block,
        channels=passages[0].before.shape[1],
        features=_numbers(_strength(passages[0].before)),
        pooled=None if channel is None else _numbers(_pooled(channel)),
        weights=found.channel_weights,
        planes=None if spatial is None else _numbers(_planes(spatial)),
        strength=None if spatial is None else _numbers(_strength(spatial.before)),
        mask=found.spatial_mask,
        output=_numbers(_strength(passages[-1].after)),
        kernel=None if spatial is None else spatial.kernel,
        placement=found.placement,
    )


def _strength(features: Tensor) -> Tensor:
    """Compute the root mean square over channels of the first image, (H, W)."""
    return features[0].square().mean(dim=0).sqrt()


def _pooled(channel: Passage) -> Tensor:
    """Compute the mean and the maximum of each channel, (2, C), as `ChannelAttention` does."""
    return torch.stack([channel.before[0].mean(dim=(1, 2)), channel.before[0].amax(dim=(1, 2))])


def _planes(spatial: Passage) -> Tensor:
    """Compute the mean and the maximum over channels, (2, H, W), as `SpatialAttention` does."""
    return torch.stack([spatial.before[0].mean(dim=0), spatial.before[0].amax(dim=0)])


def _numbers(values: Tensor) -> Float32[np.ndarray, ...]:
    return own_copy(values.float().cpu().numpy())
