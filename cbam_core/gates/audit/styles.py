"""What a block is called in the literature, and what cannot be told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cbam_core.errors import Message
from cbam_core.gates.audit.deviations import BOTH
from cbam_core.results.audit import GateAudit, Order


def style_of(gates: Sequence[GateAudit], order: Order) -> str:
    """Name what a block is: a name of the literature, or ``"unknown"``."""
    by_kind = {gate.kind: gate for gate in gates}
    channel, mask = by_kind.get("channel"), by_kind.get("spatial")
    if channel and mask and order in ("channel, spatial", "spatial, channel", "side by side"):
        return _pair_style(channel, mask, order)
    if order == "channel" and channel:
        return _channel_style(channel)
    if order == "spatial" and mask and set(mask.pools or ()) == BOTH:
        return "spatial part of CBAM"
    return _other_style(gates, order)


def _other_style(gates: Sequence[GateAudit], order: Order) -> str:
    if order == "one gate" and gates[0].shift == 1 and {"mean", "learned"} <= set(gates[0].pools or ()):
        return "BAM"
    return "coordinate attention" if {gate.kind for gate in gates} == {"row", "column"} else "unknown"


def _pair_style(channel: GateAudit, mask: GateAudit, order: Order) -> str:
    if set(channel.pools or ()) == BOTH and set(mask.pools or ()) == BOTH:
        return "CBAM, light" if channel.joined == mask.joined == "before" else "CBAM"
    learned = mask.pools in (("learned",), ("other",))
    return "scSE" if order == "side by side" and learned and channel.pools == ("mean",) else "CBAM-like"


def _channel_style(gate: GateAudit) -> str:
    if set(gate.pools or ()) == BOTH:
        return "channel part of CBAM"
    if gate.pools == ("mean",) and gate.layers == 1 and gate.kernel and max(gate.kernel) > 1:
        return "ECA"
    if gate.pools == ("mean",) and gate.layers == 2:
        return "SE"
    return "unknown"


def unknown_of(gate: GateAudit) -> Iterator[Message]:
    """Yield what cannot be told of a gate, one sentence each."""
    wanted: dict[str, object] = {"pools": gate.pools, "squash": gate.squash}
    if gate.kind == "channel":
        wanted |= {"layers": gate.layers, "bias": gate.bias, "norms": gate.norms}
    if gate.kind == "spatial":
        wanted |= {"kernel": gate.kernel, "bias": gate.bias, "norms": gate.norms}
    if gate.kind == "channel" and gate.pools is not None and set(gate.pools) == BOTH:
        wanted |= {"joined": gate.joined}
        wanted |= {"shared": gate.shared} if gate.joined == "sum" else {}
    for name, value in wanted.items():
        if value is None:
            yield replace(_UNKNOWN[name], values={"gate": gate.name})


_UNKNOWN = {
    "pools": Message("audit.unknown-pools", "What {gate} takes from the map cannot be told."),
    "squash": Message("audit.unknown-squash", "The last function of {gate} cannot be told."),
    "layers": Message("audit.unknown-layers", "The layers of {gate} cannot be told."),
    "bias": Message("audit.unknown-bias", "Whether a constant is added in {gate} cannot be told."),
    "norms": Message("audit.unknown-norms", "Whether there is a norm in {gate} cannot be told."),
    "kernel": Message("audit.unknown-kernel", "The kernel of {gate} cannot be told."),
    "joined": Message("audit.unknown-joined", "How {gate} puts mean and maximum together cannot be told."),
    "shared": Message("audit.unknown-shared", "Whether mean and maximum share the layers of {gate} cannot be told."),
}
