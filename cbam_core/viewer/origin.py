"""How a gate came about, as the viewer is given it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cbam_core.results.gate_trace import GateTrace, MovedChannel
from cbam_core.viewer.packing import as_base64

DRAWN = ("channel", "spatial")
"""Kinds of gates that the viewer draws."""


def origin_as_dict(trace: GateTrace, why: str = "") -> dict[str, Any]:
    """Convert a trace to JSON-ready values, with numbers as little-endian float32 in base64.

    Args:
        trace: how a gate came about.
        why: why its branches are not known, in the visitor's language; "" where they are.
    """
    channels, height, width = trace.map_shape or (0, 0, 0)
    return {
        "block": trace.block,
        "kind": trace.kind,
        "gate": trace.gate,
        "channels": channels,
        "height": height,
        "width": width,
        "values": as_base64(trace.values),
        "unsquashed": _numbers(trace.unsquashed),
        "average": _numbers(trace.average),
        "maximum": _numbers(trace.maximum),
        "bias": trace.bias,
        "squash": trace.squash,
        "winners": _numbers(trace.winners),
        "padding": _numbers(trace.padding_share),
        "moved": [_moved(one, twice=trace.kind != "channel") for one in trace.channels],
        "why": why,
    }


def _numbers(values: np.ndarray | None) -> str | None:
    return None if values is None else as_base64(values.astype(np.float32))


def _moved(one: MovedChannel, *, twice: bool) -> dict[str, Any]:
    """Convert a channel; after channel weights, its map has the same shape, and is left out."""
    return {
        "channel": one.channel,
        "shares": [one.share_before, one.share_after],
        "before": as_base64(one.before),
        "after": as_base64(one.after) if twice else None,
    }
