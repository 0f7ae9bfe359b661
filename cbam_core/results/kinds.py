"""Kinds of gates, and the axes of a feature map (C, H, W) along which the values of each kind differ.

This table is the only list of them: it defines the smallest form of a gate, (B, *axes) in a record and (*axes) in an
explanation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kind = Literal["channel", "spatial", "full", "row", "column"]
"""Kind of a gate: one value for each channel, for each position, for each element, or for each channel in each row or
column."""

AXES: Mapping[Kind, str] = MappingProxyType(
    {"channel": "C", "spatial": "HW", "full": "CHW", "row": "CH", "column": "CW"}
)
"""Axes of each kind, in the order of a feature map's: channels, rows, columns."""


def as_kind(text: str) -> Kind:
    """Check the name of a kind that comes from a file or a user.

    Raises:
        ValueError: there is no such kind.
    """
    for kind in AXES:
        if kind == text:
            return kind
    raise ValueError(f"unknown kind of gate {text[:40]!r}; expected one of {', '.join(AXES)}")
