"""Replacements that say the same for every image: usual values, the best constant, given values, and no gate at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements.given import as_number, keep_values, not_finite
from cbam_core.gates.replacements.replacement import Replacement
from cbam_core.gates.replacements.target import Target


@dataclass(frozen=True, eq=False)
class Usual(Replacement):
    """The usual values of the gate: its mean over a reference set, cell by cell.

    Question: does the answer depend on what the gate does for *this* image? The usual level and the usual pattern stay,
    so that later layers get features of the size that they were trained for.

    No evidence that the gate is useless: a fixed pattern can be needed, and it is still there.

    Args:
        values: the usual values, of the gate's shape; None for those of the network's reference set.
    """

    code: ClassVar[str] = "usual"
    values: Any = None

    def __post_init__(self) -> None:
        keep_values(self, self.values, bounded=False)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(_usual(gate, self.values))


@dataclass(frozen=True, eq=False)
class UsualLevel(Replacement):
    """One number, the mean of the gate's usual values, at every cell or channel of every image.

    Question: is any pattern needed, whether of this image or fixed? Compared with `Usual`, the fixed pattern goes too.

    No evidence about attention to the image: what is lost beyond `Usual` is a constant that training could have put
    into the next layer's weights.

    Args:
        level: the number; None for that of the network's reference set.
    """

    code: ClassVar[str] = "usual_level"
    level: Any = None

    def __post_init__(self) -> None:
        if self.level is not None:
            as_number(self.level)

    def _replace(self, gate: Target) -> Tensor:
        return gate.full_of(float(_usual(gate).mean(dtype=np.float64) if self.level is None else self.level))


@dataclass(frozen=True, eq=False)
class BestConstant(Replacement):
    """The constant with which the network does best, found beforehand on a reference set.

    Question: how good could the network be if the gate said the same for every image? What remains is the least that
    following the image is worth, in this network as it was trained.

    No evidence about images that it was found on, which it fits too well.

    Args:
        values: the constant: one number, or values of the gate's shape.
    """

    code: ClassVar[str] = "best"
    values: Any

    def __post_init__(self) -> None:
        keep_values(self, self.values, bounded=False)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(np.asarray(self.values))


@dataclass(frozen=True, eq=False)
class Values(Replacement):
    """Given values: a painted mask, a dragged bar, or those of any other idea.

    No evidence beyond the idea behind them: values that no image gives are new to the layers that follow.

    Args:
        values: one number, values of the gate's shape, or one such for each image of the batch, in [0, 1].
        unbounded: whether they may lie outside [0, 1].
    """

    code: ClassVar[str] = "values"
    values: Any
    unbounded: bool = False

    def __post_init__(self) -> None:
        if self.values is None:
            raise not_finite(None)
        keep_values(self, self.values, bounded=not self.unbounded)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(np.asarray(self.values))


@dataclass(frozen=True)
class Off(Replacement):
    """No gate: the feature map passes unchanged, as if multiplied by 1.

    Question: what does the network do without the multiplication?

    No evidence that the gate matters: a gate of 0.1 everywhere says nothing about the image, but without it all
    features are ten times as large, which the layers after it never met. See what `Usual` costs first.
    """

    code: ClassVar[str] = "off"

    def _replace(self, gate: Target) -> Tensor:
        return gate.full_of((1.0 - gate.shift) / gate.scale)


def _usual(gate: Target, given: np.ndarray | None = None) -> np.ndarray:
    found = gate.usual if given is None else given
    if found is None:
        raise EditError(
            "edit.usual-unknown",
            "the usual values of gate {gate} are not known: give them, as Usual(values), or compute those of the "
            "network with 'cbam usual'",
            gate=gate.name,
        )
    return found
