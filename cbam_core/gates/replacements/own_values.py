"""Replacements made from the gate's own values for the same image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from cbam_core.arguments import WHOLE, check
from cbam_core.errors import EditError
from cbam_core.gates.replacements.given import as_number
from cbam_core.gates.replacements.replacement import Replacement
from cbam_core.gates.replacements.target import Target, positions_of


@dataclass(frozen=True)
class AsIs(Replacement):
    """The gate itself: a control, which must not change a bit of the output."""

    code: ClassVar[str] = "as_is"

    def _replace(self, gate: Target) -> Tensor:
        return gate.values


@dataclass(frozen=True)
class OwnMean(Replacement):
    """The mean over positions of the gate's own values for this image: how strong stays, where goes.

    Question: does it matter *where* the mask is high, or only how strong it is for this image? Of a gate that differs
    along channels as well, each channel keeps its own mean.

    For masks only: the mean over channels would also take away which channels are needed for any image at all, which
    says nothing about this one.
    """

    code: ClassVar[str] = "own_mean"

    def _replace(self, gate: Target) -> Tensor:
        positions = positions_of(gate)
        if not positions:
            raise EditError(
                "edit.no-positions",
                "gate {gate} has no positions to take a mean over: its own mean would destroy a pattern of channels "
                "that every image needs; use Usual or OtherImage",
                gate=gate.name,
            )
        return gate.values.mean(dim=positions, keepdim=True).expand(gate.values.shape)


@dataclass(frozen=True)
class Scaled(Replacement):
    """The gate's values, multiplied by one factor.

    Question: how does the answer react to the strength of the gate?

    No evidence that its pattern matters: like `Off`, it changes the size of all features.

    Args:
        factor: the factor, 0 or more; above 1, values may leave [0, 1].
    """

    code: ClassVar[str] = "scaled"
    factor: Any

    def __post_init__(self) -> None:
        if as_number(self.factor) < 0:
            raise EditError("edit.factor", "a factor must be 0 or more; given {given}", given=str(self.factor)[:60])

    def _replace(self, gate: Target) -> Tensor:
        return gate.values * float(self.factor)


@dataclass(frozen=True)
class Inverted(Replacement):
    """One minus the gate's values: what was let through is held back.

    Question: can the answer be broken by letting through what the gate holds back?

    No evidence that the gate matters: the level changes with the pattern, and nothing in training looked like this.
    """

    code: ClassVar[str] = "inverted"

    def _replace(self, gate: Target) -> Tensor:
        return 1 - gate.values


@dataclass(frozen=True)
class Shuffled(Replacement):
    """The gate's own values in another order: of positions where it has any, else of channels.

    Question: does it matter which value stands where? Level and spread of this image stay, to the last number.

    No evidence about attention to the image: a fixed pattern is destroyed as well. A shuffled mask is also rougher than
    any real one.

    Args:
        seed: seed of the order, which is the same for every image and, in gates of one size, for every gate.
    """

    code: ClassVar[str] = "shuffled"
    seed: int = 0

    def __post_init__(self) -> None:
        check(EditError, "seed", self.seed, WHOLE)

    def _replace(self, gate: Target) -> Tensor:
        positions = positions_of(gate)
        values = gate.values.flatten(positions[0]) if positions else gate.values
        order = torch.randperm(values.shape[-1], generator=torch.Generator().manual_seed(self.seed))
        return values[..., order.to(values.device)].reshape(gate.values.shape)
