"""What differs from the paper, in one sentence each, and what cannot be told.

The paper: S. Woo, J. Park, J.-Y. Lee, I. S. Kweon, *CBAM: Convolutional Block Attention Module*, ECCV 2018,
https://arxiv.org/abs/1807.06521. Section 3 has equation 1 (channel weights, then mask), equation 2 (weights: one
perceptron for mean and maximum, summed, sigmoid) and equation 3 (mask: mean and maximum over channels, one 7x7
convolution, sigmoid); section 4 chooses ratio 16, the 7x7 kernel and the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cbam_core.errors import Message
from cbam_core.results.audit import GateAudit, Order

BOTH = {"mean", "max"}

_ORDERS = {
    "spatial, channel": Message(
        "audit.reversed",
        "The mask comes before the channel weights; the paper has the channel weights first (section 3, equation 1).",
    ),
    "side by side": Message(
        "audit.side-by-side",
        "Channel weights and mask are computed from the same map, side by side; in the paper the mask is computed "
        "from the map after the channel weights (section 3, equation 1).",
    ),
    "channel": Message(
        "audit.no-mask", "There are channel weights and no mask; the paper's block has both (section 3, equation 1)."
    ),
    "spatial": Message(
        "audit.no-channel",
        "There is a mask and there are no channel weights; the paper's block has both (section 3, equation 1).",
    ),
    "one gate": Message(
        "audit.one-gate",
        "One gate has a value for each element of the map; the paper multiplies by channel weights and a mask, one "
        "after the other (section 3, equation 1).",
    ),
    "other": Message(
        "audit.other-gates",
        "The block has other gates than one set of channel weights and one mask (section 3, equation 1).",
    ),
}


def deviations_of(gates: Sequence[GateAudit], order: Order, *, residual: bool) -> tuple[Message, ...]:
    """Return what differs from the paper in a block, one sentence each."""
    found = [_ORDERS[order]] if order in _ORDERS else []
    for gate in gates:
        if gate.kind == "channel":
            found += [*_channel(gate), *_any_kind(gate)]
        elif gate.kind == "spatial":
            found += [*_mask(gate), *_any_kind(gate)]
        else:
            found += _any_kind(gate)
    if any(gate.other_map for gate in gates) and order == "channel, spatial":
        found.append(Message(
            "audit.same-map",
            "The mask is computed from the map that enters the block; in the paper it is computed from the map after "
            "the channel weights (section 3, equation 1).",
        ))  # fmt: skip
    if residual:
        found.append(Message(
            "audit.residual",
            "The map that enters the block is added to what leaves it; the paper's block only multiplies (section 3, "
            "equation 1).",
        ))  # fmt: skip
    return tuple(found)


def _channel(gate: GateAudit) -> Iterator[Message]:
    yield from _pools_of_channels(gate)
    if gate.joined == "before":
        yield Message(
            "audit.channel-joined",
            "Mean and maximum are joined before the perceptron; in the paper each passes through it alone, and the "
            "two results are added (section 3, equation 2).",
        )
    if gate.joined == "apart":
        yield Message(
            "audit.channel-apart",
            "Mean and maximum have a squash each, and their weights are put together after it; the paper adds first, "
            "and squashes the sum (section 3, equation 2).",
        )
    if gate.shared is False and gate.joined != "before":
        yield Message(
            "audit.not-shared",
            "Mean and maximum have a perceptron each; the paper has one for both (section 3, equation 2).",
        )
    yield from _perceptron(gate)


def _pools_of_channels(gate: GateAudit) -> Iterator[Message]:
    pools = set(gate.pools or ())
    if pools == {"mean"}:
        yield Message(
            "audit.channel-mean",
            "Channel weights come from the mean alone; the paper uses mean and maximum (section 3, equation 2).",
        )
    elif pools == {"max"}:
        yield Message(
            "audit.channel-max",
            "Channel weights come from the maximum alone; the paper uses mean and maximum (section 3, equation 2).",
        )
    elif pools and pools != BOTH:
        yield Message(
            "audit.channel-pools",
            "Channel weights come from other statistics than the paper's mean and maximum (section 3, equation 2): "
            "{pools}.",
            {"pools": _listed(gate)},
        )
    if gate.ordered:
        yield Message(
            "audit.channel-ordered",
            "Channel weights depend on where values stand in the map; in the paper only mean and maximum count "
            "(section 3, equation 2).",
        )


def _listed(gate: GateAudit) -> str:
    return ", ".join(gate.pools or ())


def _perceptron(gate: GateAudit) -> Iterator[Message]:
    if gate.layers == 1 and gate.kernel and max(gate.kernel) > 1:
        yield Message(
            "audit.neighbours",
            "Each channel weight depends on {count} channels beside each other, by a convolution; the paper has a "
            "perceptron over all channels (section 3, equation 2).",
            {"count": max(gate.kernel)},
        )
    elif gate.layers is not None and gate.layers != 2:
        yield Message(
            "audit.layers",
            "Weighted layers between a pool and the channel weights: {count}; the paper's perceptron has 2 (section "
            "3, equation 2).",
            {"count": gate.layers},
        )
    if gate.ratio is not None and round(gate.ratio, 2) != 16:
        yield Message(
            "audit.ratio",
            "The reduction ratio is {ratio}: {hidden} hidden units for {channels} channels; the paper's networks use "
            "16 (section 4).",
            {"ratio": f"{gate.ratio:.3g}", "hidden": gate.hidden, "channels": gate.channels},
        )
    if gate.bias:
        yield Message(
            "audit.channel-bias",
            "A constant is added in the perceptron (a bias); the paper's equation has none (section 3, equation 2).",
        )
    if gate.activations is not None and (gate.layers or 0) >= 2 and gate.activations != ("relu",):
        yield Message(
            "audit.activation",
            "The function between the layers of the perceptron is not ReLU alone, as in the paper (section 3, "
            "equation 2): {names}.",
            {"names": ", ".join(gate.activations) or "none"},
        )


def _mask(gate: GateAudit) -> Iterator[Message]:
    yield from _pools_of_mask(gate)
    if gate.joined == "before":
        yield Message(
            "audit.mask-joined",
            "Mean and maximum are joined to one plane before the convolution; in the paper it takes both as two "
            "planes (section 3, equation 3).",
        )
    if gate.layers is not None and gate.layers != 1:
        yield Message(
            "audit.mask-layers",
            "Weighted layers between the planes and the mask: {count}; the paper has one convolution (section 3, "
            "equation 3).",
            {"count": gate.layers},
        )
    if gate.kernel is not None and gate.kernel != (7, 7):
        yield Message(
            "audit.kernel",
            "The kernel of the mask is {kernel}; the paper chooses 7×7 (section 3, equation 3; section 4).",
            {"kernel": "×".join(map(str, gate.kernel))},
        )
    if gate.dilation > 1:
        yield Message(
            "audit.dilation",
            "The kernel of the mask is dilated by {dilation}; the paper's is not (section 3, equation 3).",
            {"dilation": gate.dilation},
        )
    if gate.bias:
        yield Message(
            "audit.mask-bias",
            "A constant is added to the mask's convolution (a bias); the paper's equation has none (section 3, "
            "equation 3).",
        )
    if gate.planes == ("max", "mean"):
        yield Message(
            "audit.planes",
            "The maximum is the first plane of the mask's convolution and the mean the second; the paper writes the "
            "mean first (section 3, equation 3). This matters only for carrying weights.",
        )


def _pools_of_mask(gate: GateAudit) -> Iterator[Message]:
    pools = set(gate.pools or ())
    if pools == {"mean"}:
        yield Message(
            "audit.mask-mean",
            "The mask comes from the mean over channels alone; the paper uses mean and maximum (section 3, equation "
            "3).",
        )
    elif pools == {"max"}:
        yield Message(
            "audit.mask-max",
            "The mask comes from the maximum over channels alone; the paper uses mean and maximum (section 3, "
            "equation 3).",
        )
    elif pools in ({"learned"}, {"other"}):
        yield Message(
            "audit.mask-learned",
            "The mask comes from the channels themselves, by learned weights; the paper uses their mean and maximum "
            "(section 3, equation 3).",
        )
    elif pools and pools != BOTH:
        yield Message(
            "audit.mask-pools",
            "The mask comes from other statistics than the paper's mean and maximum (section 3, equation 3): {pools}.",
            {"pools": _listed(gate)},
        )


def _any_kind(gate: GateAudit) -> Iterator[Message]:
    where = {"gate": gate.name.rpartition(".")[2]}
    if gate.norms and "logit" in gate.norms:
        yield Message(
            "audit.norm-logit",
            "A norm follows the last layer, before the squash ({gate}); the paper has none there (section 3, "
            "equations 2 and 3).",
            where,
        )
    if gate.norms and "hidden" in gate.norms:
        yield Message(
            "audit.norm-hidden",
            "A norm stands between the layers ({gate}); the paper has none there (section 3, equations 2 and 3).",
            where,
        )
    if gate.late:
        yield Message(
            "audit.late",
            "Another function stands between the last layer and the squash ({gate}): {names}; the paper has none "
            "there (section 3, equations 2 and 3).",
            {**where, "names": ", ".join(gate.late)},
        )
    if gate.squash == "none":
        yield Message(
            "audit.no-squash",
            "There is no sigmoid, so values can have any size ({gate}); the paper has one (section 3, equations 2 "
            "and 3).",
            where,
        )
    elif gate.squash not in (None, "sigmoid"):
        yield Message(
            "audit.squash",
            "The last function is not a sigmoid, as in the paper (section 3, equations 2 and 3), but another "
            "({gate}): {squash}.",
            {**where, "squash": gate.squash},
        )
    yield from _scale(gate, where)


def _scale(gate: GateAudit, where: dict[str, str]) -> Iterator[Message]:
    if gate.shift == 1 and gate.scale == 1:
        yield Message(
            "audit.one-plus",
            "The map is multiplied by 1 plus the gate ({gate}), so the map itself is added; the paper multiplies by "
            "the gate (section 3, equation 1).",
            where,
        )
    elif (gate.scale, gate.shift) != (1, 0):
        yield Message(
            "audit.scale",
            "The map is multiplied by {scale} times the gate plus {shift} ({gate}); the paper multiplies by the gate "
            "(section 3, equation 1).",
            {**where, "scale": f"{gate.scale:.3g}", "shift": f"{gate.shift:.3g}"},
        )
