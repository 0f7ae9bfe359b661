"""Claim: 100 visitors who upload 12-megapixel photos at once all get a result; `/api/ready` answers within 1 s.

Visitors are WebSocket clients in a process of their own, on the machine of the server, so they share its cores. Each
opens Inspect and chooses to upload; when all have done so, all of them send a photo of 3 MB at the same moment, no two
the same, and wait for its result. Meanwhile a third process asks `/api/ready` five times a second. Memory is the
highest that the server had in RAM until all results were there.

    python benchmarks/photo_load.py [--rounds 1]

A round is one crowd of 100 on a new server; the worst round counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from time import perf_counter
from typing import Any

from apparatus.browser import Server, python, serving
from apparatus.photo import photo
from apparatus.turns import asked_rounds, tell
from apparatus.visitor import visiting

VISITORS = 100
MOST_READY = 1.0
"""Seconds until `/api/ready` answers."""

MOST_MEMORY = 3000.0
"""Of the server, MB of 10**6 bytes: what docs/deployment.md tells operators to plan."""

PATIENCE = 600.0

ASK = """
import json, sys, time, urllib.request
while True:
    started = time.perf_counter()
    with urllib.request.urlopen(sys.argv[1] + "/api/ready", timeout=120) as answer:
        answer.read()
    print(time.perf_counter() - started, flush=True)
    time.sleep(0.2)
"""


@dataclass
class Crowd:
    """What a crowd went through.

    Attributes:
        results: seconds from sending a photo to its result, visitor by visitor.
        errors: sentences.
        ready: seconds until `/api/ready` answered, each time.
        memory: highest of the server, MB.
        processor: seconds that the server computed, from the first photo to the last result.
    """

    results: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    memory: float = 0.0
    processor: float = 0.0


def photos(count: int) -> list[bytes]:
    """Make photos that differ in their last bytes only, which decoders skip."""
    content = photo()
    return [content + number.to_bytes(2, "big") for number in range(count)]


def visit(server: Server, content: bytes, together: Barrier, crowd: Crowd) -> None:
    """One visitor, from the first page to the result."""
    try:
        with visiting(server.address) as visitor:
            visitor.patience = PATIENCE
            visitor.open()
            visitor.change("inspect-source", string_array_value=["Upload"])
            together.wait(PATIENCE)
            started = perf_counter()
            visitor.upload("files-0", {"photo.jpg": content})
            crowd.results.append(perf_counter() - started)
            if "upload-viewer-0" not in visitor.page.elements:
                crowd.errors.append("no result came")
            crowd.errors += visitor.page.errors
            together.wait(PATIENCE)
    except Exception as error:  # whatever a visitor meets counts against the claim
        crowd.errors.append(f"{type(error).__name__}: {error}")
        together.abort()


@contextmanager
def asking(server: Server, crowd: Crowd) -> Iterator[None]:
    """Ask whether the server is ready, in a process of its own."""
    with subprocess.Popen([sys.executable, "-c", ASK, server.address], stdout=subprocess.PIPE, text=True) as asker:
        yield
        asker.terminate()
        assert asker.stdout is not None
        crowd.ready += [float(line) for line in asker.stdout]


def gather(visitors: int) -> Crowd:
    """Have a crowd visit a new server."""
    crowd, contents = Crowd(), photos(visitors)
    with serving(python("-m", "cbam_core.cli", "app", "--port", "0")) as server:
        together = Barrier(visitors + 1)
        with ThreadPoolExecutor(visitors) as pool:
            for content in contents:
                pool.submit(visit, server, content, together, crowd)
            together.wait(PATIENCE)
            before = computed(server.process)
            with asking(server, crowd):
                together.wait(PATIENCE)
            crowd.processor = computed(server.process) - before
            crowd.memory = peak(server.process)
    return crowd


def peak(process: int) -> float:
    """Highest memory of a process that ever lay in RAM, MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def computed(process: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(seconds: Sequence[float], share: float) -> float:
    """The time that this share of all stays below, seconds; infinite for none at all."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else float("inf")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 1, arguments)
    crowds = [gather(VISITORS) for _ in range(rounds)]
    errors = [error for crowd in crowds for error in crowd.errors]
    for error in errors[:5]:
        print(error, file=sys.stderr)
    median, most = (max(quantile(crowd.results, share) for crowd in crowds) for share in (0.5, 0.95))
    ready, memory = max(max(crowd.ready) for crowd in crowds), max(crowd.memory for crowd in crowds)
    complete = all(len(crowd.results) == VISITORS for crowd in crowds)
    figures: dict[str, Any] = {
        "visitors": VISITORS,
        "result_s": {"p50": round(median, 1), "p95": round(most, 1)},
        "ready_s": round(ready, 2),
        "peak_mb": round(memory),
        "processor_s": round(max(crowd.processor for crowd in crowds), 1),
        "load_average": round(os.getloadavg()[0], 1),
        "errors": len(errors),
    }
    return tell(
        "photo_load",
        figures,
        f"{VISITORS} photos at once: result after {median:.0f} s (median), {most:.0f} s (95 %); /api/ready within "
        f"{ready:.2f} s (at most {MOST_READY:.0f}); {memory:.0f} MB (at most {MOST_MEMORY:.0f}); {len(errors)} errors",
        holds=complete and not errors and ready <= MOST_READY and memory <= MOST_MEMORY,
    )


if __name__ == "__main__":
    sys.exit(main())
