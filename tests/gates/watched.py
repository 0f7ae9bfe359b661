"""Equality of two records, and what the tests look at on a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.gates.record import RecordedGate
from cbam_core.nn import CBAM

Look = Callable[[nn.Module], dict[str, Any]]
ORDER = [f"cbam{block}.{kind}" for block in (1, 2, 3) for kind in ("channel", "spatial")]


def same(first: tuple[RecordedGate, ...], second: tuple[RecordedGate, ...]) -> bool:
    """Bit equality of two records."""
    return [g.name for g in first] == [g.name for g in second] and all(
        torch.equal(a.values, b.values) for a, b in zip(first, second, strict=True)
    )


class Twice(nn.Module):
    """One block of 16 channels, called twice in a forward."""

    def __init__(self) -> None:
        super().__init__()
        self.block = CBAM(16)

    def forward(self, x: Tensor) -> Tensor:
        twice: Tensor = self.block(self.block(x))
        return twice


class Unlucky(nn.Module):
    """Fails when told to."""

    fails = False

    def forward(self, x: Tensor) -> Tensor:
        if self.fails:
            raise RuntimeError("bad luck")
        return x
