"""Gates of one forward, as a watcher records them, from any finder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.sites import Site
from cbam_core.results.kinds import AXES, Kind


@dataclass(frozen=True, eq=False)
class RecordedGate:
    """One tensor that multiplied a feature map.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``; ``"cbam1#2.channel"`` at its second call.
        block: name of its block, such as ``"cbam1"``; ``"cbam1#2"`` at its second call.
        kind: axes along which it differs: ``"channel"``, ``"spatial"`` or ``"full"``.
        call: number of this call of the gate in the forward, from 1.
        values: detached copy in its smallest form: channel (B, C), spatial (B, H, W), full (B, C, H, W).
    """

    name: str
    block: str
    kind: Kind
    call: int
    values: Tensor

    def __repr__(self) -> str:
        return f"Gate({self.name!r}, {self.kind} {tuple(self.values.shape)})"


Gate = RecordedGate
"""Earlier name of `RecordedGate`."""


class Record:
    """Gates of the last complete forward inside a `cbam_core.capture`."""

    def __init__(self) -> None:
        self._seen: list[tuple[Site, Tensor]] | None = None

    def __repr__(self) -> str:
        if self._seen is None:
            return "Record(no forward yet)"
        return f"Record({len(self._seen)} gate{'s' * (len(self._seen) != 1)})"

    @property
    def gates(self) -> tuple[RecordedGate, ...]:
        """Gates in order of execution; empty for a network without gates.

        The calls of a block that runs several times in one forward are named ``"cbam1"``, ``"cbam1#2"``, ...

        Raises:
            CaptureError: no forward of the captured model has completed yet.
        """
        if self._seen is None:
            raise CaptureError(
                "capture.no-forward",
                "no forward was recorded: call the captured model itself, in this thread, inside the with block, "
                "and read the gates after it has returned",
            )
        calls: Counter[Site] = Counter()
        gates = []
        for site, values in self._seen:
            calls[site] += 1
            gates.append(_gate(site, calls[site], values))
        return tuple(gates)

    def replace(self, seen: list[tuple[Site, Tensor]] | None) -> None:
        """Store the gates of one forward, with their sites, as detached copies; None for no forward."""
        self._seen = seen


def _gate(site: Site, call: int, values: Tensor) -> RecordedGate:
    block = site.block if call == 1 else f"{site.block}#{call}"
    name = block + site.name.removeprefix(site.block)
    return RecordedGate(name, block, site.kind, call, smallest(values, AXES[site.kind]))


def smallest(values: Tensor, axes: str) -> Tensor:
    """Drop the axes of length one that exist for broadcasting: done on reading, not in the forward.

    Args:
        values: gate of four axes, such as (B, 1, H, W), or already in its smallest form.
        axes: axes along which it differs, such as ``"HW"``.

    Returns:
        A view (B, *axes).
    """
    if values.ndim == 4:
        for position, axis in ((3, "W"), (2, "H"), (1, "C")):
            if axis not in axes:
                values = values.select(position, 0)
    return values
