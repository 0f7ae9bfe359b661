"""What a forward's gates were: the record that every way of finding gates fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from cbam_core.errors import CaptureError

Kind = Literal["channel", "spatial", "full"]


@dataclass(frozen=True)
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


@dataclass
class Record:
    """The gates of the last complete forward inside a `cbam_core.capture`."""

    _gates: tuple[Gate, ...] | None = field(default=None, repr=False)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate in order of execution; empty for a network without gates.

        Raises:
            CaptureError: no forward of the captured model has completed yet.
        """
        if self._gates is None:
            raise CaptureError(
                "capture.no-forward",
                "no forward was recorded: call the captured model itself, in this thread, inside the with block, "
                "and read the gates after it has returned",
            )
        return self._gates
