"""Values that are given for a gate: checked, copied, and read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from cbam_core.errors import EditError


def keep_values(replacement: Any, values: Any, *, bounded: bool) -> None:
    """Put a read-only copy of given values in the place of the field `values`."""
    if values is not None:
        object.__setattr__(replacement, "values", as_values(values, bounded=bounded))


def as_values(values: Any, *, bounded: bool) -> Float32[np.ndarray, ...]:
    """Convert given values of a gate to a read-only array.

    Args:
        values: number, array or tensor.
        bounded: whether they must lie in [0, 1].

    Raises:
        EditError: they are not finite numbers, or outside [0, 1].
    """
    try:
        array = np.array(values.detach().cpu().float().numpy() if isinstance(values, Tensor) else values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise not_finite(values) from None
    if not np.isfinite(array).all():
        raise not_finite(values)
    if bounded and array.size and (array.min() < 0 or array.max() > 1):
        raise EditError(
            "edit.range",
            "values of a gate lie in [0, 1]; given {least:g} to {most:g}: say unbounded=True where this is meant",
            least=float(array.min()),
            most=float(array.max()),
        )
    array.setflags(write=False)
    return array


def as_number(number: Any) -> float:
    """Convert a given number.

    Raises:
        EditError: it is not a finite number.
    """
    return float(as_values(number, bounded=False).item())


def not_finite(values: Any) -> EditError:
    """Make the error for values that are not finite numbers."""
    return EditError("edit.not-finite", "values of a gate are finite numbers; given {given}", given=repr(values)[:60])
