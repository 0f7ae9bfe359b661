"""What a forward's gates were: the record that every way of finding gates fills."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cbam_core.errors import CaptureError

Kind = Literal["channel", "spatial", "full"]


@dataclass(frozen=True, eq=False)
class Gate:
    """One tensor that multiplied a feature map.

    Attributes:
        name: the gate's own name, such as ``"cbam1.channel"``.
        block: the block it belongs to, such as ``"cbam1"``.
        kind: ``"channel"``, ``"spatial"`` or ``"full"``.
        values: a detached copy in its smallest form: channel (B, C), spatial (B, H, W), full (B, C, H, W).
    """

    name: str
    block: str
    kind: Kind
    values: Tensor


class Record:
    """The gates of the last complete forward inside a `cbam_core.capture`."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Kind, Tensor]] | None = None

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
        calls: Counter[tuple[str, Kind]] = Counter()
        gates = []
        for path, kind, values in self._seen:
            calls[path, kind] += 1
            block = path if calls[path, kind] == 1 else f"{path}#{calls[path, kind]}"
            gates.append(Gate(f"{block}.{kind}", block, kind, _smallest(values, kind)))
        return tuple(gates)

    def replace(self, seen: list[tuple[str, Kind, Tensor]] | None) -> None:
        """Hold what a watcher saw in one forward: path of the block, kind, and a detached copy; or nothing."""
        self._seen = seen


def _smallest(values: Tensor, kind: Kind) -> Tensor:
    """A gate without the axes of length one that only let it multiply: done when it is read, not in the forward."""
    if kind == "channel":
        return values.flatten(1)  # (B, C, 1, 1) -> (B, C)
    if kind == "spatial" and values.ndim == 4:
        return values[:, 0]  # (B, 1, H, W) -> (B, H, W)
    return values
