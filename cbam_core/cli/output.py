"""Output of commands: results to standard output, everything else to standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


LINE_EVERY = 10.0
"""Seconds between two lines about long work, where there is no terminal for a bar."""


def one_line(text: str) -> str:
    """Put text on one line, without characters that control a terminal, such as those in a file name."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def say(text: str) -> None:
    """Write one message to standard error."""
    sys.stderr.write(f"cbam: {one_line(text)}\n")


def counted(count: int, noun: str) -> str:
    """Write a number and what is counted: "1 image", "1,000 images"."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def percent(share: float, digits: int = 2) -> str:
    """Write a share in [0, 1] as a percentage, as English text does: 0.8972 as "89.72 %"."""
    return f"{share:.{digits}%}".replace("%", " %")


def write_json(values: Any) -> None:
    """Write results as JSON to standard output."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=plain, allow_nan=False) + "\n")


def cautious_streams() -> None:
    """Escape characters that the terminal's encoding lacks, so that such a file name does not stop a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def console(*, stderr: bool = False) -> Console:
    """Make a console, without colours and styles in pipes, in files and under ``NO_COLOR``."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    plain = not stream.isatty() or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        color_system=None if plain else "auto",
        force_terminal=stream.isatty(),
        width=None if stream.isatty() else 100,
        highlight=False,
        markup=False,
        emoji=False,
    )


@contextmanager
def progress_bar(*columns: str) -> Iterator[Progress]:
    """Show a bar on standard error during long work; show nothing if standard error is not a terminal.

    Args:
        *columns: texts after the bar, in the template syntax of Rich.
    """
    from rich.progress import BarColumn, Progress, TextColumn

    screen = console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *(TextColumn(column, markup=False) for column in columns),
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
        # Results for a file or a pipe must not go to the terminal instead.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        yield progress


FIRST_LINE = 2.0
"""Seconds before the first of these lines."""


class _Left:
    """Estimate the time that is left, from how fast the share grew since it was first told.

    The beginning of the work, as loading and the first forward, does not count.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def said(self, share: float, now: float) -> str:
        """Return the time in words: "about 40 s left"; "" where it is not known yet, or there is none.

        Args:
            share: what is done, in [0, 1].
            now: the time, in seconds.
        """
        if self._first is None:
            self._first = share, now
        begun, since = self._first
        if share <= begun or now - since < 1:
            return ""
        left = (1 - share) * (now - since) / (share - begun)
        if left < 1:
            return ""
        return f"about {left:.0f} s left" if left < SECONDS else f"about {left / 60:.0f} min left"


SECONDS = 100
"""Time that is left is told in seconds below so many, else in minutes."""


@contextmanager
def share_shown(description: str) -> Iterator[Callable[[float], None]]:
    """Show the share of long work that is done: a bar on a terminal, else a line on standard error now and then.

    Args:
        description: what is done, such as "scoring".

    Yields:
        Function that is called with the share, in [0, 1].
    """
    begun, time_left = monotonic(), _Left()
    due = begun + min(FIRST_LINE, LINE_EVERY)
    with progress_bar("{task.percentage:.0f} %", "{task.fields[left]}") as progress:
        bar = progress.add_task(description, total=1.0, left="")

        def show(share: float) -> None:
            nonlocal due
            now = monotonic()
            left = time_left.said(share, now)
            progress.update(bar, completed=share, left=left)
            if progress.disable and now >= due:
                due = now + LINE_EVERY
                say(f"{description}: {percent(share, 0)} after {now - begun:.0f} s{', ' if left else ''}{left}")

        yield show
