"""What a forward's gates were: the record that a watcher fills, whatever finder its sites come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.sites import Site
from cbam_core.results.kinds import AXES, Kind


@dataclass(frozen=True, eq=False)
class Gate:
    """One tensor that multiplied a feature map.

    Attributes:
        name: the gate's own name, such as ``"cbam1.channel"``; ``"cbam1#2.channel"`` at its second call.
        block: the block that it belongs to, such as ``"cbam1"``; ``"cbam1#2"`` at its second call.
        kind: what it multiplies: ``"channel"``, ``"spatial"`` or ``"full"``.
        call: 1 for the first time that the gate ran in this forward, 2 for the second, ...
        values: a detached copy in its smallest form: channel (B, C), spatial (B, H, W), full (B, C, H, W).
    """

    name: str
    block: str
    kind: Kind
    call: int
    values: Tensor


class Record:
    """The gates of the last complete forward inside a `cbam_core.capture`."""

    def __init__(self) -> None:
        self._seen: list[tuple[Site, Tensor]] | None = None

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate in order of execution; empty for a network without gates.

        A block that runs several times in one forward is ``"cbam1"``, ``"cbam1#2"``, ...

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
        """Hold what a watcher saw in one forward, site by site, as detached copies; or nothing."""
        self._seen = seen


def _gate(site: Site, call: int, values: Tensor) -> Gate:
    block = site.block if call == 1 else f"{site.block}#{call}"
    name = block + site.name.removeprefix(site.block)
    return Gate(name, block, site.kind, call, smallest(values, AXES[site.kind]))


def smallest(values: Tensor, axes: str) -> Tensor:
    """Drop the axes of length one that only let a gate multiply: done when it is read, not in the forward.

    Args:
        values: a gate in the shape (B, C, H, W) or already in its smallest form.
        axes: those along which it differs, such as ``"HW"``.

    Returns:
        A view (B, *axes).
    """
    if values.ndim == 4:
        for position, axis in ((3, "W"), (2, "H"), (1, "C")):
            if axis not in axes:
                values = values.select(position, 0)
    return values
