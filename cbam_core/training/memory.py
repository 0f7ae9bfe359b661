"""Memory for training on a CPU."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's ``mallopt`` (malloc.h)."""


def keep_freed_memory() -> bool:
    """Let the process keep the memory that tensors leave, for the next ones, instead of giving it back at once.

    By default glibc maps every large tensor anew, and the system clears its pages when they are touched: in a step of
    `CBAM_ResNet` on two cores that was a fifth of the time (``benchmarks/freed_memory.py``).

    Returns:
        Whether it took effect; False where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 256 * 2**20}
    results = [mallopt(parameter, value) for parameter, value in settings.items()]
    return all(results)
