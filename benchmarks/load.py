"""Claim: 50 visitors thinking 5 s: p95 of a rerun at most 150 ms; 100: 1 s; no error; at most 2 MB each, given back.

Visitors are WebSocket clients in a process of their own, on the machine of the server, so they share its cores. Each
opens Inspect, then again and again waits 2.5 to 7.5 s and chooses another bundled image or, one time in five, another
opacity, and waits for the end of the rerun. They keep and report messages as a browser does. Nobody's first page counts
as a rerun.

Memory is the server's resident memory while 100 visitors are there, and once their sessions have ended, which takes two
and a half minutes. It is compared with what the server had after an earlier crowd of 100 had come and gone: what a
first crowd leaves behind, such as room for so many threads, does not grow with the next. Given back: at most 0.2 MB a
visitor stays.

    python benchmarks/load.py [--rounds 12]

A round is one rerun of every visitor, with 50 of them and again with 100.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from apparatus.browser import Server, python, serving
from apparatus.turns import asked_rounds, tell
from apparatus.visitor import PROTOCOL, Page, stream_of
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

GROUPS = {50: 0.150, 100: 1.0}
"""Visitors, and the longest time that 95 of 100 of their reruns may take, seconds."""

THINKING = 5.0
"""Between the end of a rerun and the next choice, seconds on average."""

MOST_MEMORY, MOST_LEFT = 2.0, 0.2
"""Of each visitor while there and when gone, MB of 10**6 bytes."""

GONE = 150.0
"""Until ended visits are forgotten, seconds."""

IMAGES = 100
PATIENCE = 60.0


@dataclass
class Seen:
    """What a group of visitors went through.

    Attributes:
        opened: seconds from a connection to the whole first page, visitor by visitor.
        reruns: seconds from a choice to the end of its rerun.
        errors: sentences.
    """

    opened: list[float] = field(default_factory=list)
    reruns: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


EARLY = ForwardMsg.FINISHED_EARLY_FOR_RERUN
"""A run that ends so is followed by another one."""


async def finished(page: Page, connection: ClientConnection) -> None:
    """Receive until a run ends."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = page.received(bytes(await connection.recv()))  # type: ignore[arg-type]
            if message.WhichOneof("type") == "script_finished" and message.script_finished != EARLY:
                return


def choice(page: Page, chance: random.Random) -> bytes:
    """What a visitor does next."""
    if chance.random() < 0.2:
        return page.changed("sample-viewer-0", json_value={"settings": {"opacity": round(chance.random(), 2)}})
    return page.changed("sample", json_value={"chosen": [0, chance.randrange(IMAGES)]})


class Meeting:
    """A place where all of a group wait for each other, also for those who have failed on the way."""

    def __init__(self, visitors: int) -> None:
        self.missing = visitors
        self.complete = asyncio.Event()

    def arrive(self) -> None:
        """One more is there."""
        self.missing -= 1
        if not self.missing:
            self.complete.set()


@dataclass
class Group:
    """A group of visitors on their way.

    Attributes:
        server: whom they visit.
        rounds: reruns of each.
        thinking: seconds on average.
        seen: what they went through.
        inside: where they wait until all have their first page.
        done: where they wait until all have had their rounds.
        leave: until when they stay.
    """

    server: Server
    rounds: int
    thinking: float
    seen: Seen
    inside: Meeting
    done: Meeting
    leave: asyncio.Event


async def visit(group: Group, number: int) -> None:
    """One visitor, from the first page until everybody leaves."""
    chance, page = random.Random(number), Page()
    await asyncio.sleep(chance.random() * group.thinking)
    try:
        parts = urllib.parse.urlsplit(group.server.address)
        origin: Any = f"{parts.scheme}://{parts.netloc}"
        protocols: Any = [PROTOCOL]
        async with connect(
            stream_of(group.server.address), origin=origin, subprotocols=protocols, max_size=None, compression=None
        ) as connection:
            started = perf_counter()
            await connection.send(page.opened())
            await finished(page, connection)
            group.seen.opened.append(perf_counter() - started)
            group.inside.arrive()
            await group.inside.complete.wait()
            for _ in range(group.rounds):
                await asyncio.sleep(group.thinking * (0.5 + chance.random()))
                page.forget()
                started = perf_counter()
                await connection.send(choice(page, chance))
                await finished(page, connection)
                group.seen.reruns.append(perf_counter() - started)
                group.seen.errors += page.errors
            group.done.arrive()
            await group.leave.wait()
    except Exception as error:  # whatever a visitor meets counts against the claim
        group.seen.errors.append(f"{type(error).__name__}: {error}")
        group.inside.arrive()
        group.done.arrive()


async def crowd(server: Server, visitors: int, rounds: int, thinking: float) -> tuple[Seen, float]:
    """A group of visitors; what they saw, and the server's memory before they left, MB."""
    group = Group(server, rounds, thinking, Seen(), Meeting(visitors), Meeting(visitors), asyncio.Event())
    async with asyncio.TaskGroup() as tasks:
        for number in range(visitors):
            tasks.create_task(visit(group, number))
        await group.done.complete.wait()
        memory = resident(server.process)
        group.leave.set()
    return group.seen, memory


def resident(process: int) -> float:
    """Memory of a process that lies in RAM, MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def quantile(seconds: Sequence[float], share: float) -> float:
    """The time that this share of all stays below, seconds; infinite for none at all."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else float("inf")


def summary(seen: Seen) -> dict[str, float]:
    """Milliseconds, and counts."""
    return {
        "reruns": len(seen.reruns),
        "p50_ms": round(1000 * quantile(seen.reruns, 0.5), 1),
        "p95_ms": round(1000 * quantile(seen.reruns, 0.95), 1),
        "first_page_p50_ms": round(1000 * quantile(seen.opened, 0.5)),
        "errors": len(seen.errors),
    }


def measure(rounds: int, groups: Sequence[int], *, thinking: float, gone: float) -> dict[str, Any]:
    """All groups, one after the other, on one server.

    Args:
        rounds: reruns of every visitor.
        groups: how many visitors, group by group.
        thinking: seconds on average.
        gone: seconds until ended visits are forgotten.
    """
    with serving(python("-m", "cbam_core.cli", "app", "--port", "0")) as server:
        fresh = resident(server.process)
        asyncio.run(crowd(server, max(groups), 1, thinking))
        before = left(server, gone)
        crowds = {}
        for visitors in groups:
            seen, memory = asyncio.run(crowd(server, visitors, rounds, thinking))
            crowds[visitors] = {**summary(seen), "resident_mb": round(memory, 1)}
            for error in seen.errors[:5]:
                print(f"{visitors} visitors: {error}", file=sys.stderr)
        return {
            "mb": {"fresh": round(fresh, 1), "before": round(before, 1), "after": round(left(server, gone), 1)},
            "visitors": crowds,
            "load_average": round(os.getloadavg()[0], 1),
        }


def left(server: Server, gone: float) -> float:
    """Memory of the server once everybody's sessions have ended, MB."""
    time.sleep(gone)
    return resident(server.process)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 12, arguments)
    found = measure(rounds, list(GROUPS), thinking=THINKING, gone=GONE)
    many = max(GROUPS)
    each = (found["visitors"][many]["resident_mb"] - found["mb"]["before"]) / many
    kept = (found["mb"]["after"] - found["mb"]["before"]) / many
    quick = all(1000 * limit >= found["visitors"][count]["p95_ms"] for count, limit in GROUPS.items())
    errors = sum(one["errors"] for one in found["visitors"].values())
    complete = all(one["reruns"] == rounds * count for count, one in found["visitors"].items())
    told = "; ".join(
        f"{count} visitors: p50 {one['p50_ms']:.0f} ms, p95 {one['p95_ms']:.0f} ms (at most {1000 * GROUPS[count]:.0f})"
        for count, one in found["visitors"].items()
    )
    return tell(
        "load",
        {"mb_per_visitor": round(each, 2), "mb_left_per_visitor": round(kept, 2), **found},
        f"{told}; {errors} errors; {each:.2f} MB a visitor (at most {MOST_MEMORY:.0f}), of which {kept:.2f} MB stay "
        f"when they have left (at most {MOST_LEFT})",
        holds=quick and complete and not errors and each <= MOST_MEMORY and kept <= MOST_LEFT,
    )


if __name__ == "__main__":
    sys.exit(main())
