"""What becomes of freed memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FREED_AND_ASKED_AGAIN = """
import resource, sys
import torch
from cbam_core.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(20):
    torch.ones(2_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    torch.ones(20_000_000)  # 80 MB, more than the library's own greatest threshold
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")
def test_pages_are_asked_for_once():
    faults = {
        way: int(subprocess.check_output([sys.executable, "-c", FREED_AND_ASKED_AGAIN, way], text=True))
        for way in ("keep", "give")
    }
    assert faults["keep"] < faults["give"] / 3
