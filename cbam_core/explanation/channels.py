"""Feature map of one channel for an explained image, before and after the gates."""

from __future__ import annotations

from cbam_core.explanation.explained import check_same_network
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.network import Classifier
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
