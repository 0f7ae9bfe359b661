"""How does a result with arrays show itself at a prompt? Short arrays as numbers, others by their shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

FEW = 20
"""Most numbers or names that are written out."""


class Brief:
    """A dataclass that writes its large arrays and long lists by their sizes; declare it with ``repr=False``."""

    def __repr__(self) -> str:
        written = (f"{one.name}={brief(getattr(self, one.name))}" for one in fields(self) if one.repr)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(written)})"


def brief(value: Any) -> str:
    """Write a value in a few words."""
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and len(value) <= FEW:
            return np.array2string(value, precision=4, separator=", ", max_line_width=10**6)
        return f"<{value.dtype}, {'×'.join(map(str, value.shape))}>"
    if isinstance(value, Sequence | Mapping) and not isinstance(value, str | bytes) and _is_long(value):
        kinds = {type(one).__name__ for one in value}
        return f"<{len(value)} of {kinds.pop() if len(kinds) == 1 else 'several kinds'}>"
    return repr(value)


def _is_long(values: Sequence[Any] | Mapping[Any, Any]) -> bool:
    plain = all(one is None or isinstance(one, str | int | float) for one in values)
    return len(values) > (FEW if plain else 1)
