"""The gate that a replacement is a function of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.results.kinds import AXES, Kind


@dataclass(frozen=True, eq=False)
class Target:
    """A gate that is about to be replaced, in one forward.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``; ``"cbam1#2.channel"`` at its second call.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        values: its values for every image of the batch, in the smallest form: (B, *axes).
        usual: usual values (*axes), float32; None where they are unknown.
        scale, shift: the feature map is multiplied by ``scale * values + shift``.
    """

    name: str
    kind: Kind
    values: Float[Tensor, " b *axes"]
    usual: Float32[np.ndarray, ...] | None = None
    scale: float = 1.0
    shift: float = 0.0

    @property
    def axes(self) -> str:
        """Axes of one image's values, such as ``"HW"``."""
        return AXES[self.kind]

    def full_of(self, number: float) -> Float[Tensor, " b *axes"]:
        """Make values that are all one number."""
        return torch.full_like(self.values, number)

    def fitted(self, values: np.ndarray) -> Float[Tensor, " _ *axes"]:
        """Convert one image's values, or those of the whole batch, to the type and device of the gate's.

        Raises:
            EditError: they do not have the gate's shape.
        """
        shape = tuple(self.values.shape)
        if values.shape not in ((), shape[1:], shape):
            raise EditError(
                "edit.shape",
                "gate {gate} has values of shape {expected} for one image; given {given}",
                gate=self.name,
                expected=str(shape[1:]),
                given=str(values.shape),
            )
        return torch.tensor(values, dtype=self.values.dtype, device=self.values.device).expand(shape)


def positions_of(gate: Target) -> tuple[int, ...]:
    """Dimensions of a gate's values that are positions on the feature map, which may have one axis of them or three."""
    return tuple(range(2 if "C" in gate.axes else 1, gate.values.ndim))
