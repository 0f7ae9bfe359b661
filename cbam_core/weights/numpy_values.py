"""Small arrays and numbers of NumPy, read from what their pickles describe; nothing is made by their code."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cbam_core.weights.pickled_objects import Unread


def numpy_values(value: Unread, most: int) -> list[Any] | None:
    """Return the numbers or texts of an array or of one scalar; None for anything else.

    Args:
        value: what the pickle describes.
        most: largest number of values; [] for an array of more.
    """
    if value.name.endswith("multiarray.scalar") and len(value.arguments) == 2:
        kind, content = value.arguments
    elif value.name.endswith("multiarray._reconstruct") and isinstance(value.state, tuple) and len(value.state) == 5:
        _, _, kind, _, content = value.state
    else:
        return None
    if isinstance(content, list):  # of an array of objects
        return content if len(content) <= most and all(type(one) in (int, float, str) for one in content) else []
    code = _type_code(kind)
    dtype = None if code is None else np.dtype(code)
    if dtype is None or not dtype.itemsize:
        return []
    taken = _bytes_of(content, most * dtype.itemsize)
    if len(taken) % dtype.itemsize or len(taken) > most * dtype.itemsize:
        return []
    try:
        return list(np.frombuffer(taken, dtype=dtype).tolist())
    except ValueError:  # no characters
        return []


def _type_code(kind: object) -> str | None:
    """Return the code of a type of numbers or texts, such as ``"<f8"`` or ``"<U12"``."""
    if not isinstance(kind, Unread) or not kind.arguments or not isinstance(kind.arguments[0], str):
        return None
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "<"
    code = kind.arguments[0]
    known = re.fullmatch(r"[iuf][1248]|U[0-9]{1,3}", code) and code != "f1" and order in ("<", ">", "|")
    return f"{order}{code}" if known else None


def _bytes_of(content: object, most: int) -> bytes:
    if isinstance(content, Unread) and content.name == "_codecs.encode" and len(content.arguments) == 2:
        content = content.arguments[0]
    if isinstance(content, str) and len(content) <= most:
        return content.encode("latin-1", errors="replace")
    return content if isinstance(content, bytes) else b""
