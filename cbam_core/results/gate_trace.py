"""How one gate came about for one image: branches, sum, squash, winners of the maximum, and the maps that it moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from cbam_core.errors import DataError, Message
from cbam_core.files import write_atomically
from cbam_core.results.arrays import write_arrays
from cbam_core.results.kinds import Kind
from cbam_core.results.placement import Placement

NOBODY = -1
"""Winner where several places or channels share the maximum, as where a map is 0 everywhere."""


@dataclass(frozen=True, eq=False)
class MovedChannel:
    """One channel on both sides of a gate.

    Attributes:
        channel: index of the channel, from 0.
        share_before: its share of the energy (sum of squares) of the whole map that the gate multiplies, in [0, 1].
        share_after: its share after the multiplication.
        before: its map before (H, W).
        after: its map after (H, W).
    """

    channel: int
    share_before: float
    share_after: float
    before: Float32[np.ndarray, "h w"]
    after: Float32[np.ndarray, "h w"]

    @property
    def moved(self) -> float:
        """Change of its share, in [-1, 1]; over all channels, changes add up to 0."""
        return self.share_after - self.share_before


@dataclass(frozen=True, eq=False)
class GateTrace:
    """How one gate came about, in the numbers of one forward.

    `average`, `maximum` and `bias` add up to `unsquashed`, and the squash of that is `values`, to the bit. What is not
    known is None, and `why` says so.

    Attributes:
        gate: name of the gate, such as ``"cbam1.spatial"``.
        block: name of its block, such as ``"cbam1"``.
        kind: axes along which it differs.
        values: the gate, as in an explanation: channel (C,), spatial (H, W).
        unsquashed: what the squash was given, likewise: any numbers.
        squash: name of the squash, such as ``"sigmoid"``.
        average: what the mean adds. Channel: output (C,) of the shared perceptron for the mean over positions.
            Spatial: (H, W), the part of the kernel that reads the mean over channels.
        maximum: what the maximum adds, likewise.
        bias: number that the convolution adds; 0 for none.
        winners: where the maximum was. Channel: (C,), position row * W + column on the map. Spatial: (H, W), index of
            the channel. -1 where several share it.
        padding_share: share of a spatial kernel's weights, by their absolute values, that reads zeros beyond the border
            at each position (H, W), in [0, 1].
        map_shape: (C, H, W) of the map that the gate multiplies.
        shares: share of each channel in the map's energy, before and after the gate (2, C).
        channels: channels whose share changed most, with their maps, the largest change first.
        placement: grid of the map's cells on the input; None where it is unknown.
        why: why branches, or the squash, are not known; None where they are.
    """

    gate: str
    block: str
    kind: Kind
    values: Float32[np.ndarray, ...]
    unsquashed: Float32[np.ndarray, ...] | None
    squash: str | None
    average: Float[np.ndarray, ...] | None
    maximum: Float[np.ndarray, ...] | None
    bias: float
    winners: Int64[np.ndarray, ...] | None
    padding_share: Float64[np.ndarray, "h w"] | None
    map_shape: tuple[int, int, int] | None
    shares: Float64[np.ndarray, "2 c"] | None
    channels: tuple[MovedChannel, ...]
    placement: Placement | None
    why: Message | None

    def __repr__(self) -> str:
        known = "" if self.why is None else ", branches not known"
        return f"GateTrace({self.gate!r}, {self.kind} {self.values.shape}{known})"

    @property
    def summed(self) -> Float32[np.ndarray, ...] | None:
        """Sum of the branches and the bias, as float32: `unsquashed`, to the bit; None where they are not known."""
        if self.average is None or self.maximum is None:
            return None
        sums: Float32[np.ndarray, ...] = (self.average + self.maximum + self.average.dtype.type(self.bias)).astype(
            np.float32
        )
        return sums

    @property
    def winning_cells(self) -> Int64[np.ndarray, "c 2"] | None:
        """(row, column) of each channel's maximum, -1 where several share it; None but for channel weights."""
        if self.winners is None or self.kind != "channel" or self.map_shape is None:
            return None
        cells = np.stack(np.divmod(self.winners, self.map_shape[2]), axis=1)
        cells[self.winners == NOBODY] = NOBODY
        return cells

    def wins(self, count: int) -> tuple[tuple[int, int], ...]:
        """Return who won most often, with the number of wins: positions or channels, see `winners`."""
        if self.winners is None:
            return ()
        who, times = np.unique(self.winners[self.winners != NOBODY], return_counts=True)
        order = np.argsort(-times, kind="stable")[:count]
        return tuple((int(who[place]), int(times[place])) for place in order)

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return all numbers by name, for an NPZ file."""
        known: Mapping[str, np.ndarray | None] = {
            "gate": np.array(self.gate),
            "kind": np.array(self.kind),
            "values": self.values,
            "unsquashed": self.unsquashed,
            "squash": None if self.squash is None else np.array(self.squash),
            "average": self.average,
            "maximum": self.maximum,
            "bias": np.array(self.bias),
            "winners": self.winners,
            "padding_share": self.padding_share,
            "shares": self.shares,
            "channels": np.array([one.channel for one in self.channels], np.int64),
            "before": np.stack([one.before for one in self.channels]) if self.channels else None,
            "after": np.stack([one.after for one in self.channels]) if self.channels else None,
        }
        return {name: array for name, array in known.items() if array is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers by name, JSON-ready; every number is written so that reading gives the same bits."""
        why = {} if self.why is None else {"why": str(self.why)}
        return {name: array.tolist() for name, array in self.as_arrays().items()} | why

    def save(self, path: str | Path) -> Path:
        """Write all numbers, complete or not at all.

        Args:
            path: path of the file, which ends in ``.npz`` or ``.json``.

        Raises:
            DataError: it ends otherwise.
            OSError: the folder cannot be written.
        """
        path = Path(path)
        if path.suffix == ".npz":
            write_arrays(path, self.as_arrays())
        elif path.suffix == ".json":
            text = json.dumps(self.as_dict(), allow_nan=False) + "\n"
            write_atomically(path, lambda file: file.write(text.encode()))
        else:
            raise DataError("trace.suffix", "a trace is saved as .npz or .json; given {name}", name=path.name)
        return path
