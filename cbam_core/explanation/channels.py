"""Feature map of one channel for an explained image, before and after the gates."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.network import Classifier
from cbam_core.nn.registry import input_axes
from cbam_core.observing import network_input
from cbam_core.results.explanation import ChannelMap, Explanation, own_copy


def explain_channel(classifier: Classifier, explanation: Explanation, block: str, channel: int) -> ChannelMap:
    """Run the network on the same input again, and record one channel of one block.

    Args:
        classifier: the network that was explained; it is not changed, and several threads may use it at once.
        explanation: explanation of an image by this network.
        block: name of a block with channel weights.
        channel: index of the channel, from 0.

    Raises:
        CaptureError: the explanation is of another network, or the block or the channel does not exist.
        ModelError: the network is in training mode.
    """
    check_same_network(classifier, explanation)
    batch = network_input(classifier, [explanation.input_image])
    before, after = follow_channel(classifier.model, batch, block, channel)
    found = next(one for one in explanation.blocks if one.name == block)
    weights = found.channel_weights
    return ChannelMap(
        block=block,
        channel=channel,
        weight=float("nan") if weights is None else float(weights[channel]),
        before=own_copy(before[0].float().cpu().numpy()),
        after=own_copy(after[0].float().cpu().numpy()),
        placement=found.placement,
    )


def check_same_network(classifier: Classifier, explanation: Explanation) -> None:
    """Check that an explanation is of this network.

    Raises:
        CaptureError: it is of another one.
    """
    if explanation.checkpoint_digest != classifier.digest:
        raise CaptureError(
            "channel.other-network",
            "the explanation is of {given}, not of {name}: explain the image with {name} first",
            given=explanation.checkpoint or "another network",
            name=classifier.name or "this network",
        )


def explained_batch(classifier: Classifier, explanation: Explanation, image: Any) -> Tensor:
    """Return the input that was explained, as a batch of one: a prepared tensor itself, or the normalised pixels.

    Args:
        classifier: the network that was explained.
        explanation: explanation of the image.
        image: what was explained, as `cbam_core.explain` takes it, or the explanation.

    Raises:
        ModelError: the network is in training mode.
    """
    batch = network_input(classifier, [explanation.input_image])
    if isinstance(image, Tensor) and image.is_floating_point():
        return image.detach().reshape(1, *image.shape[-1 - input_axes(classifier.model) :]).to(batch)
    return batch
