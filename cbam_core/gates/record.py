"""Gates of one forward, as a watcher records them, from any finder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.sites import BlockCalls, Label, Site, is_shared, name_of_call, named
from cbam_core.results.kinds import AXES, Kind


@dataclass(frozen=True, eq=False)
class RecordedGate:
    """One tensor that multiplied a feature map.

    Attributes:
        name: name of the gate: that of a module, and its kind, such as ``"cbam1.channel"``; ``"cbam1#2.channel"`` is
            the second of this name in the forward, whether the module is called twice or its code has two of them.
        block: name of its block, such as ``"cbam1"``; ``"cbam1#2"`` at its second call; ``"ca + sa"`` where two modules
            make up the block.
        kind: axes along which it differed in this forward: ``"channel"``, ``"spatial"``, ``"full"``, ``"row"`` or
            ``"column"``.
        call: number of this call of the gate in the forward, from 1.
        values: copy in its smallest form, detached unless gradients are wanted: channel (B, C), spatial (B, H, W), full
            (B, C, H, W), row (B, C, H), column (B, C, W); of maps with other than two axes of positions, all of these.
        scale: factor of the values: the map was multiplied by ``scale * values + shift``.
        shift: what was added to them; 1 for ``x * (1 + gate)``.
        squashed: whether the values are known to lie in [0, 1]; False for masks without a sigmoid or the like.
    """

    name: str
    block: str
    kind: Kind
    call: int
    values: Tensor
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True

    @property
    def shown_in(self) -> str:
        """Name of the block in which it is shown: gates of one name are in different ones, as if each were a call."""
        module, block = self.name.rpartition(".")[0], self.block
        return module if module.partition("#")[0] == block.partition("#")[0] else block

    def __repr__(self) -> str:
        finite = math.isfinite(self.scale) and math.isfinite(self.shift) and bool(self.values.isfinite().all())
        return f"Gate({self.name!r}, {self.kind} {tuple(self.values.shape)}{'' if finite else ', not finite'})"


class _Known(NamedTuple):
    """What a site says of its gate, without the modules, which a record must not keep alive."""

    name: str
    block: str
    kind: Kind
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True
    by_operation: bool = False
    order: int = 0


def _known(site: Site) -> _Known:
    name, block, kind, _, _, scale, shift, squashed, by_operation, order = site
    return _Known(name, block, kind, scale, shift, squashed, by_operation, order)


Gate = RecordedGate
"""Earlier name of `RecordedGate`."""


class Record:
    """Gates of the last complete forward inside a `cbam_core.capture`.

    Attributes:
        why_none: why no gate was found: what was looked at, and the nearest candidates; None where gates were found,
            and before the first forward.
        not_run: names of gates of this library's modules that the last forward did not run.
    """

    def __init__(self) -> None:
        self.why_none: str | None = None
        self.not_run: tuple[str, ...] = ()
        self._seen: list[tuple[_Known, Tensor]] | None = None
        self._unnamed: tuple[Sequence[Label], Sequence[tuple[int, Tensor]]] | None = None

    def __repr__(self) -> str:
        seen = self._seen if self._unnamed is None else self._unnamed[1]
        if seen is None:
            return "Record(no forward yet)"
        return f"Record({len(seen)} gate{'s' * (len(seen) != 1)})"

    @property
    def gates(self) -> tuple[RecordedGate, ...]:
        """Gates in order of execution; empty for a network without gates.

        Several gates of one name are numbered in this order: ``"cbam1.channel"``, ``"cbam1#2.channel"``, ...

        Raises:
            CaptureError: no forward of the captured model has completed yet.
        """
        seen = self._seen if self._unnamed is None else _named(*self._unnamed)
        if seen is None:
            raise CaptureError(
                "capture.no-forward",
                "no forward was recorded: call the captured model itself, in this thread, inside the with block, "
                "and read the gates after it has returned",
            )
        calls = _calls(tuple(known for known, _ in seen))
        return tuple(_gate(known, call, values) for (known, values), call in zip(seen, calls, strict=True))

    def replace(
        self, seen: list[tuple[Site, Tensor]] | None, why_none: str | None = None, not_run: tuple[str, ...] = ()
    ) -> None:
        """Store the gates of one forward, as copies, with what their sites say; None for no forward."""
        self._seen = None if seen is None else [(_known(site), values) for site, values in seen]
        self._unnamed = None
        self.why_none, self.not_run = why_none, not_run

    def replace_by_labels(self, labels: Sequence[Label], seen: Sequence[tuple[int, Tensor]]) -> None:
        """Store the gates of one forward that ran all of a model's own gates, each as its label's number and a copy.

        Names are made on reading, because a forward of one image notices the time.
        """
        self._unnamed = labels, seen
        self.why_none, self.not_run = None, ()


def _named(labels: Sequence[Label], seen: Sequence[tuple[int, Tensor]]) -> list[tuple[_Known, Tensor]]:
    sites = _sites(tuple(labels))
    return [(sites[number], values) for number, values in seen]


@lru_cache(maxsize=64)
def _sites(labels: tuple[Label, ...]) -> tuple[_Known, ...]:
    return tuple(_Known(*name) for name in named(labels))


class _Call(NamedTuple):
    """What a record says of one call of a gate: its name, that of its block, and its number."""

    name: str
    block: str
    number: int


@lru_cache(maxsize=64)  # a network runs the same gates for each of many batches
def _calls(sites: tuple[_Known, ...]) -> tuple[_Call, ...]:
    """Name the calls of gates in one forward, given in order of execution."""
    numbers: Counter[str] = Counter()
    calls: Counter[tuple[str, int]] = Counter()
    blocks = BlockCalls()
    found = []
    for site in sites:
        numbers[site.name] += 1
        calls[site.name, site.order] += 1
        name, call = name_of_call(site.name, numbers[site.name]), calls[site.name, site.order]
        block = blocks.next_name(site.name, site.block)
        own = block if call > 1 or is_shared(site.name, site.block) else site.block
        found.append(_Call(name, own, call))
    return tuple(found)


def _gate(site: _Known, call: _Call, values: Tensor) -> RecordedGate:
    values = values if site.by_operation else smallest(values, AXES[site.kind])
    return RecordedGate(call.name, call.block, site.kind, call.number, values, site.scale, site.shift, site.squashed)


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
