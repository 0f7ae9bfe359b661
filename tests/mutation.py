"""Files that were damaged or tampered with: strategies for hypothesis.

The suite draws the same examples every time. To hunt for longer, with new ones:

    python -m pytest --hypothesis-profile=hunt tests/data/test_images_fuzz.py tests/weights/test_file_fuzz.py
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hypothesis import strategies as st

SECONDS = 20.0
"""Of a processor, that one file may take; far more than is needed, far less than an attack would want."""

EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


@dataclass(frozen=True)
class Edit:
    """One change of a file; places are in millionths of its length, so that one edit suits files of any size."""

    kind: str
    at: int
    length: int
    content: bytes

    def apply(self, file: bytes) -> bytes:
        start = self.at * len(file) // 1_000_000
        end = start + self.length
        if self.kind == "set":
            return file[:start] + self.content + file[start + len(self.content) :]
        if self.kind == "insert":
            return file[:start] + self.content + file[start:]
        if self.kind == "delete":
            return file[:start] + file[end:]
        if self.kind == "repeat":
            return file[:end] + file[start:end] * 50 + file[end:]
        return file[:start]  # cut


def numbers() -> st.SearchStrategy[bytes]:
    """Numbers that parsers stumble over, in either order of bytes."""
    size, order = st.sampled_from([1, 2, 4, 8]), st.sampled_from(["big", "little"])
    return st.tuples(st.sampled_from(EXTREMES), size, order).map(
        lambda drawn: (drawn[0] % 256 ** drawn[1]).to_bytes(drawn[1], drawn[2])
    )


def edits(furthest: int = 1_000_000) -> st.SearchStrategy[list[Edit]]:
    """A few changes, more of them near the beginning of a file, where headers are."""
    places = st.integers(0, min(furthest, 30_000)) | st.integers(0, furthest)
    one = st.builds(
        Edit,
        kind=st.sampled_from(["set", "set", "set", "insert", "delete", "repeat", "cut"]),
        at=places,
        length=st.integers(1, 64),
        content=numbers() | st.binary(min_size=1, max_size=16),
    )
    return st.lists(one, min_size=1, max_size=5)


def mutated(file: bytes, changes: list[Edit]) -> bytes:
    """A file after some changes."""
    for change in changes:
        file = change.apply(file)
    return file


def peak() -> float:
    """Most memory that this process ever had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


@contextmanager
def bounded(memory: float) -> Iterator[None]:
    """Fails when what is done inside takes too long, or raises the peak of memory by more than this many MB."""
    before, started = peak(), time.thread_time()
    yield
    spent, grown = time.thread_time() - started, peak() - before
    assert spent < SECONDS, f"took {spent:.1f} s"
    assert grown < memory, f"took {grown:.0f} MB"
