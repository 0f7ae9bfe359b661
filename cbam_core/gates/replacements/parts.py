"""A replacement for a part of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from cbam_core.arguments import WHOLES, check, list_of
from cbam_core.errors import EditError
from cbam_core.gates.replacements.replacement import AnyReplacement, Replacement, check_replacement
from cbam_core.gates.replacements.target import Target
from cbam_core.results.kinds import AXES, Kind

_CELLS = list_of("a list of places, (row, column) for each", WHOLES)


@dataclass(frozen=True)
class Only(Replacement):
    """A replacement for some channels or cells of a gate; the others stay as they are.

    No evidence about channels that were left out: many can say the same, so that none is missed alone.

    Args:
        replacement: what replaces them.
        channels: indices of the channels, from 0; None for all.
        cells: (row, column) of the positions, from 0; None for all. Of a signal (place,), of a volume three numbers.
    """

    code: ClassVar[str] = "only"
    replacement: AnyReplacement
    channels: Sequence[int] | None = None
    cells: Sequence[tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        check_replacement("Only(...)", self.replacement)
        check(EditError, "channels", self.channels, WHOLES.or_none)
        check(EditError, "cells", self.cells, _CELLS.or_none)

    def _replace(self, gate: Target) -> Tensor:
        chosen = self._chosen(gate.kind, gate.name, tuple(gate.values.shape[1:]))
        return torch.where(chosen.to(gate.values.device), self.replacement(gate), gate.values)

    def _chosen(self, kind: Kind, name: str, shape: tuple[int, ...]) -> Tensor:
        chosen = torch.ones(shape, dtype=torch.bool)
        if self.channels is not None:
            if "C" not in AXES[kind]:
                raise EditError("edit.no-channels", "gate {gate} has no channels to choose from", gate=name)
            _check_indices(name, shape[:1], self.channels)
            some = torch.zeros(shape[0], dtype=torch.bool)
            some[list(self.channels)] = True
            chosen &= some.reshape(-1, *[1] * (len(shape) - 1))
        if self.cells is not None:
            if "HW" not in AXES[kind]:
                raise EditError("edit.no-cells", "gate {gate} has no cells to choose from", gate=name)
            positions = shape[1:] if "C" in AXES[kind] else shape
            _check_indices(name, positions, self.cells)
            some = torch.zeros(positions, dtype=torch.bool)
            for cell in self.cells:
                some[cell] = True
            chosen &= some
        return chosen


def _check_indices(name: str, size: tuple[int, ...], given: Sequence[Any]) -> None:
    """Check that every index, or tuple of indices, is inside a size."""
    places = [place if isinstance(place, Sequence) else (place,) for place in given]
    if not all(
        len(place) == len(size) and all(0 <= index < count for index, count in zip(place, size, strict=True))
        for place in places
    ):
        raise EditError(
            "edit.part",
            "what is chosen of gate {gate} is numbered from {first} to {last}; given {given}",
            gate=name,
            first=", ".join("0" for _ in size),
            last=", ".join(str(count - 1) for count in size),
            given=str(list(given))[:60],
        )
