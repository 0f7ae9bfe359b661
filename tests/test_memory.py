"""What becomes of freed memory."""

from __future__ import annotations

import platform

import pytest

from tests.interpreter import Interpreter

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
    torch.ones(10_000_000)  # 40 MB, more than the library's own greatest threshold
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")
def test_pages_are_asked_for_once(interpreter: Interpreter) -> None:
    faults = {way: int(interpreter.succeeds(FREED_AND_ASKED_AGAIN, way)) for way in ("keep", "give")}
    assert faults["keep"] < faults["give"] / 3
