"""A replacement in three steps: another one, made stronger or weaker, with some values set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements import AnyReplacement, AsIs, Replacement, Target, check_replacement


@dataclass(frozen=True)
class Composed(Replacement):
    """Another replacement, multiplied by a factor, with single channels or cells set by hand.

    Question: one's own. A factor asks how the answer reacts to the strength of a pattern; values set by hand ask what a
    channel or a place does.

    No evidence by itself: what no image gives is new to the layers that follow.

    Args:
        replacement: what comes first; the gate itself for none.
        factor: its factor, 0 or more.
        values: values set by hand, by index; those of a mask are numbered row by row.
    """

    code: ClassVar[str] = "composed"
    replacement: AnyReplacement = field(default_factory=AsIs)
    factor: float = 1.0
    values: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_replacement("Composed(...)", self.replacement)

    def _replace(self, gate: Target) -> Tensor:
        found = self.replacement(gate)
        if self.factor != 1:
            found = found * self.factor
        if not self.values:
            return found
        flat = found.flatten(1).clone()
        last = flat.shape[1] - 1
        if outside := [index for index in self.values if not 0 <= index <= last]:
            raise EditError(
                "edit.index",
                "gate {gate} has values numbered from 0 to {last}; given {given}",
                gate=gate.name,
                last=last,
                given=outside[0],
            )
        flat[:, list(self.values)] = torch.tensor([*self.values.values()], dtype=flat.dtype, device=flat.device)
        return flat.reshape(found.shape)
