"""Programs that take turns of a tenth of a second, so that what slows a machine for a while slows all of them alike.

Each program is a process that does the same again and again. All but one are stopped at any time, by the system's
signals (not on Windows). What counts of a call is the processor time of its process, and the time in which it was not
stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import TypeVar

SLICE = 0.1
"""Seconds of a turn."""

Calls = list[tuple[float, float]]
"""Seconds of the processor and of running, call by call."""

Name = TypeVar("Name", bound=Hashable)

_READY = "ready"


def repeat(work: Callable[[], object], tidy: Callable[[], object] = lambda: None) -> None:
    """Do something again and again, and print what each call took: what a program does that `in_slices` starts.

    Args:
        work: what to do; the first call does not count.
        tidy: called after each call, and not timed.
    """
    work()
    tidy()
    print(_READY, flush=True)
    sys.stdin.readline()
    while True:
        computing, started = time.process_time(), time.monotonic()
        work()
        computed, ended = time.process_time() - computing, time.monotonic()
        print(computed, started, ended, flush=True)
        tidy()


def in_slices(commands: Mapping[Name, Sequence[str | Path]], calls: int) -> dict[Name, Calls]:
    """Run programs in turns until each has made some calls.

    Args:
        commands: what to run, by name; each program calls `repeat`.
        calls: number of calls of each that count, at least 1.

    Returns:
        What each call took, by the program's name.

    Raises:
        RuntimeError: a program ended.
    """
    programs = {name: _Program(str(name), command) for name, command in commands.items()}
    try:
        for program in programs.values():  # one after the other, each alone
            program.wait_until_ready()
            program.stop()
        for program in programs.values():
            program.begin()
        while any(len(program.lines) < calls for program in programs.values()):
            for program in programs.values():
                program.run_for(SLICE)
        return {name: program.calls()[:calls] for name, program in programs.items()}
    finally:
        for program in programs.values():
            program.end()


class _Program:
    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name, self.lines = name, []  # type: str, list[str]
        self._ran: list[tuple[float, float]] = []
        self._process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = Thread(target=self._read, daemon=True)

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != _READY:
            raise RuntimeError(f"the program of {self.name} ended before it was ready")
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(self._process.stdout)

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def run_for(self, seconds: float) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"the program of {self.name} ended")
        started = time.monotonic()
        os.kill(self._process.pid, signal.SIGCONT)
        time.sleep(seconds)
        self.stop()
        self._ran.append((started, time.monotonic()))

    def calls(self) -> Calls:
        times = [tuple(map(float, line.split())) for line in self.lines]
        return [(computing, self._running(start, end)) for computing, start, end in times]

    def _running(self, start: float, end: float) -> float:
        """Seconds between two points of time in which the program was not stopped."""
        return sum(max(0.0, min(end, stopped) - max(start, begun)) for begun, stopped in self._ran)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
