"""One gate of an atlas: its name, and its columns in the rows of an image. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import index
from typing import Any

import numpy as np

from cbam_core.errors import AtlasError
from cbam_core.results.kinds import AXES, Kind, as_kind
from cbam_core.results.placement import Placement

Channel = int | Sequence[int] | np.ndarray
"""One number of a gate: its index, or its place along the axes of the gate, such as (row, column)."""


@dataclass(frozen=True)
class AtlasGate:
    """One gate of an atlas.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        block: name of its block, such as ``"cbam1"``.
        kind: axes along which it differs; see `cbam_core.results.kinds`.
        call: number of this call of the gate in the forward, from 1.
        shape: shape of its values for one image, in the order of these axes.
        first: its first column in the rows of gates.
        scale: factor of the values: the map was multiplied by ``scale * values + shift``.
        shift: what was added to them.
        squashed: whether the values are known to lie in [0, 1].
        placement: positions of the block's cells on the input; None where they are not known.
    """

    name: str
    block: str
    kind: Kind
    call: int
    shape: tuple[int, ...]
    first: int
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True
    placement: Placement | None = None

    @property
    def size(self) -> int:
        """Number of values for one image."""
        return math.prod(self.shape)

    @property
    def columns(self) -> slice:
        """Columns of its values in the rows of gates."""
        return slice(self.first, self.first + self.size)

    @property
    def column_names(self) -> list[str]:
        """Names of its columns in a shard: ``"cbam1.channel[17]"``, ``"cbam1.spatial[3,5]"``."""
        return [f"{self.name}[{cell}]" for cell in _cells(self.shape)]

    @property
    def axes(self) -> str:
        """Letters of its axes, such as ``"HW"``."""
        return AXES[self.kind]

    def flat(self, channel: Channel) -> int:
        """Return the index of a channel or cell among the gate's values.

        Args:
            channel: index in [0, size), or one index for each axis of the gate.

        Raises:
            AtlasError: the gate has no such value.
        """
        place = _place_of(channel)
        shape = self.shape if isinstance(place, tuple) else (self.size,)
        given = place if isinstance(place, tuple) else (place,)
        if len(given) != len(shape) or not all(0 <= i < n for i, n in zip(given, shape, strict=True)):
            raise AtlasError(
                "atlas.unknown-channel",
                "{gate} has no value {channel}; its values have the shape {shape}, counted from 0",
                gate=self.name,
                channel=str(list(given) if isinstance(place, tuple) else place),
                shape=" x ".join(map(str, self.shape)),
            )
        return int(np.ravel_multi_index(given, shape))

    def label(self, channel: Channel) -> str:
        """Return the name of a column, such as ``"cbam1.channel[17]"`` or ``"cbam1.spatial[3,5]"``."""
        place = np.unravel_index(self.flat(channel), self.shape)
        return f"{self.name}[{','.join(map(str, place))}]"

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        placed = None if self.placement is None else _placement_as_dict(self.placement)
        return {**asdict(self), "shape": list(self.shape), "placement": placed}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> AtlasGate:
        """Read what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that of a gate.
        """
        placed = given["placement"]
        return cls(
            name=str(given["name"]),
            block=str(given["block"]),
            kind=as_kind(given["kind"]),
            call=int(given["call"]),
            shape=tuple(int(side) for side in given["shape"]),
            first=int(given["first"]),
            scale=float(given["scale"]),
            shift=float(given["shift"]),
            squashed=bool(given["squashed"]),
            placement=None if placed is None else _placement_from_dict(placed),
        )


def _place_of(channel: Channel) -> int | tuple[int, ...]:
    """Return an index, or a place along the axes, as whole numbers of Python; they may be given as an array."""
    if isinstance(channel, Sequence) or (isinstance(channel, np.ndarray) and channel.ndim):
        return tuple(map(index, channel))
    return index(channel)


def _cells(shape: tuple[int, ...]) -> list[str]:
    cells = [""]
    for side in shape:
        cells = [f"{cell},{number}" if cell else str(number) for cell in cells for number in range(side)]
    return cells


def _placement_as_dict(placement: Placement) -> dict[str, Any]:
    return {**placement.as_dict(), "cells": None if placement.cells is None else list(placement.cells)}


def _placement_from_dict(given: Mapping[str, Any]) -> Placement:
    bound, extent = given.get("bound", 0.0), given.get("field")
    numbers = (*given["start"], *given["step"], math.inf if bound is None else bound)
    placement = Placement.from_numbers((*numbers, *(extent or (math.nan, math.nan))))
    rows, columns = given["cells"] or (0, 0)
    cells = (int(rows), int(columns)) if given["cells"] else None
    return Placement(placement.start, placement.step, placement.status, placement.bound, placement.field, cells)
