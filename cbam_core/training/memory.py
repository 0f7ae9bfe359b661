"""What the C library does with memory that was freed."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Names of two settings in ``malloc.h`` of the GNU C library."""


def keep_freed_memory() -> bool:
    """Keep large blocks that were freed for the next one, for as long as this process lives.

    Otherwise the GNU C library gives the memory of every large tensor back to the system and asks for it again in the
    next step, empty and a page at a time: a good part of a small network's training step on a CPU, as
    `benchmarks/kept_memory.py` measures. It concerns the whole process, so a program decides it, never a function that
    others call.

    Returns:
        Whether the C library took the setting; other libraries than GNU's do not know it.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
