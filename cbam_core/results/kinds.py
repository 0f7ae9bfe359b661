"""Which kinds of gate there are, and along which axes of a feature map (C, H, W) the values of each kind differ.

This table is the one place that lists them: a gate's smallest form, (B, *axes) in a record and (*axes) in an
explanation, follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kind = Literal["channel", "spatial", "full"]
"""What a gate multiplies one by one: channels, cells of the map, or every element."""

AXES: Mapping[Kind, str] = MappingProxyType({"channel": "C", "spatial": "HW", "full": "CHW"})
"""Axes of each kind, in the order of a feature map's: channels, rows, columns."""


def as_kind(text: str) -> Kind:
    """Take a kind's name from a file or a person.

    Raises:
        ValueError: there is no such kind.
    """
    for kind in AXES:
        if kind == text:
            return kind
    raise ValueError(f"unknown kind of gate {text[:40]!r}; expected one of {', '.join(AXES)}")
