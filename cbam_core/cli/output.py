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


@contextmanager
def share_shown(description: str) -> Iterator[Callable[[float], None]]:
    """Show the share of long work that is done: a bar on a terminal, else a line on standard error now and then.

    Args:
        description: what is done, such as "scoring".

    Yields:
        Function that is called with the share, in [0, 1].
    """
    begun = said = monotonic()
    with progress_bar("{task.percentage:.0f} %") as progress:
        bar = progress.add_task(description, total=1.0)

        def show(share: float) -> None:
            nonlocal said
            progress.update(bar, completed=share)
            now = monotonic()
            if progress.disable and now - said >= LINE_EVERY:
                said = now
                say(f"{description}: {percent(share, 0)} after {now - begun:.0f} s")

        yield show
