"""Our server in a process of its own, and the Chromium that visits it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
WINDOW = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Server:
    """A server that has said it is ready.

    Attributes:
        address: where.
        seconds: from the start of its process until it said so.
        output: what it prints after that.
        process: its number.
    """

    address: str
    seconds: float
    output: IO[str]
    process: int


@contextmanager
def serving(command: list[str]) -> Iterator[Server]:
    """Start a server and wait until it prints its address; stopped in the end.

    Args:
        command: what to run, with free choice of the port.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # an installed package has no `app` at its top level
    started = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"ready at (http://\S+)", line):
                    yield Server(found[1], perf_counter() - started, process.stdout, process.pid)
                    return
            raise RuntimeError(f"the server ended before it was ready: {' '.join(command)}")
        finally:
            process.terminate()


def python(*arguments: str | Path) -> list[str]:
    """A command for the Python that runs this program."""
    return [sys.executable, *map(str, arguments)]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the browser tests; installed if need be."""
    found = subprocess.run(python(ROOT / "tests" / "find_chromium.py"), stdout=subprocess.PIPE, text=True, check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
