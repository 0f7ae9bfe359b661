"""Handling of freed memory by the C library."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Codes of two settings in ``malloc.h`` of the GNU C library."""


def keep_freed_memory() -> bool:
    """Keep freed large blocks for reuse, until this process ends.

    Otherwise the GNU C library returns the memory of every large tensor to the system and requests it again, page by
    page, in the next step. That takes a large part of a small network's training step on a CPU, as
    `benchmarks/kept_memory.py` measures. It affects the whole process, so only programs call this, never a library
    function.

    Returns:
        Whether the C library accepted the setting; only GNU's has it.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
