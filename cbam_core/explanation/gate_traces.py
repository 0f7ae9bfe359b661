"""How a gate came about for an explained image."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from cbam_core.arguments import TEXT, takes
from cbam_core.errors import CaptureError, Message
from cbam_core.explanation.explained import explained, explained_batch
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.explanation.inputs import AnyImage
from cbam_core.gates.gate_trace import Branches, FollowedGate, follow_gate, padding_share
from cbam_core.network import Stated
from cbam_core.results.explanation import Block, Explanation, own_copy
from cbam_core.results.frame import SQUARE, Fit, Square
from cbam_core.results.gate_trace import NOBODY, GateTrace, MovedChannel

MOST = 4
"""Number of channels whose maps a trace holds."""


@takes(CaptureError, gate=TEXT, fit=TEXT, square=SQUARE.or_none)
def trace_gate(
    classifier: AnyNetwork,
    image: AnyImage | Explanation,
    gate: str,
    fit: Fit = "crop",
    *,
    square: Square | None = None,
    **stated: Unpack[Stated],
) -> GateTrace:
    """Run a network on an image, and record how one of its gates came about.

    Of CBAM, by whomever it is written: both branches before their sum, what the sigmoid was given, and who won the
    maximum; all from one forward, and checked to the bit. Of any other gate: what its squash was given, where that can
    be seen, and the maps before and after.

    Args:
        classifier: a network, as `explain` takes it; it is not changed, and several threads may use it at once.
        image: an image, as `explain` takes it, or its explanation by this network.
        gate: name of the gate, such as ``"cbam1.spatial"``.
        fit: how an image is fitted to the network's input.
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        **stated: what is known about the network, as for `explain`.

    Raises:
        CaptureError: the gate does not exist, or the explanation is of another network.
        CbamError: as for `explain`.
    """
    network, explanation = explained(classifier, image, fit, square=square, stated=stated)
    return _trace(follow_gate(network.model, explained_batch(network, explanation, image), gate), explanation)


def _trace(found: FollowedGate, explanation: Explanation) -> GateTrace:
    gate, branches, before = found.gate, found.branches, found.before
    own = _block(explanation, gate.block)
    placement = None if own is None else own.placement
    convolution = None if branches is None else branches.convolution
    size = None if before is None else (before.shape[2], before.shape[3])
    shares = None if before is None or found.after is None else _shares(before, found.after)
    border = None if convolution is None or size is None else padding_share(convolution, size)
    return GateTrace(
        gate=gate.name,
        block=gate.block,
        kind=gate.kind,
        values=_numbers(gate.values[0]),
        unsquashed=None if found.unsquashed is None else _numbers(found.unsquashed[0]),
        squash=found.squash,
        average=None if branches is None else _exact(branches.average[0]),
        maximum=None if branches is None else _exact(branches.maximum[0]),
        bias=0.0 if branches is None else branches.bias,
        winners=None if branches is None or before is None else _winners(before[0], branches),
        padding_share=None if border is None else _exact(border),
        map_shape=None if before is None else (before.shape[1], before.shape[2], before.shape[3]),
        shares=shares,
        channels=() if shares is None else _moved(found, shares),
        placement=placement,
        why=_why(found),
    )


def _block(explanation: Explanation, name: str) -> Block | None:
    return next((one for one in explanation.blocks if one.name == name), None)


def _winners(before: Tensor, branches: Branches) -> np.ndarray:
    """Find who has the maximum of a map (C, H, W) alone: a position for each channel, or a channel for each cell."""
    values, axis = (before.flatten(1), 1) if branches.convolution is None else (before, 0)
    is_highest = values == values.amax(dim=axis, keepdim=True)
    alone = is_highest.sum(dim=axis) == 1
    winners = torch.where(alone, is_highest.int().argmax(dim=axis), NOBODY)
    return own_copy(winners.cpu().numpy().astype(np.int64))


def _shares(before: Tensor, after: Tensor) -> np.ndarray | None:
    """Compute each channel's share of the energy of both maps (2, C); None where one of them is 0 everywhere."""
    energies = torch.stack([one[0].double().square().sum(dim=(1, 2)) for one in (before, after)])
    total = energies.sum(dim=1, keepdim=True)
    return _exact(energies / total) if bool((total > 0).all()) else None


def _moved(found: FollowedGate, shares: np.ndarray) -> tuple[MovedChannel, ...]:
    """Copy the maps of the channels whose share changed most."""
    before, after = found.before, found.after
    if before is None or after is None:
        return ()
    order = np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:MOST]
    return tuple(
        MovedChannel(
            int(channel),
            float(shares[0, channel]),
            float(shares[1, channel]),
            _numbers(before[0, channel]),
            _numbers(after[0, channel]),
        )
        for channel in order
    )


def _why(found: FollowedGate) -> Message | None:
    name = found.gate.name
    if found.unsquashed is None:
        return Message(
            "trace.no-squash",
            "what {gate} was before it was limited to a range is not known: no sigmoid of its module gave exactly "
            "these values",
            {"gate": name},
        )
    if found.branches is None:
        return Message(
            "trace.no-branches",
            "the branches of {gate} are not known, because it is not computed as in CBAM, from its mean and maximum; "
            "what its {squash} was given is known",
            {"gate": name, "squash": found.squash},
        )
    return None


def _numbers(values: Tensor) -> Float32[np.ndarray, ...]:
    return own_copy(values.float().cpu().numpy())


def _exact(values: Tensor) -> np.ndarray:
    """Copy numbers as float64 if they are, else as float32."""
    copy: np.ndarray = (values if values.dtype == torch.float64 else values.float()).cpu().numpy().copy()
    copy.setflags(write=False)
    return copy
