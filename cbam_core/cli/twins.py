"""``cbam train --twins``: did attention pay?"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cbam_core.cli.output import one_line

if TYPE_CHECKING:
    from cbam_core.results.twins import Twins, Variant

WHAT: dict[Variant, str] = {
    "with": "with attention",
    "without": "without",
    "capacity": "as many parameters",
}
"""What each of the twins is called."""


def show_twins(twins: Twins, path: Path) -> None:
    """Print a table of twins, and what it says."""
    for row in _rows(twins):
        typer.echo(row)
    typer.echo(twins.verdict)
    if twins.caution:
        typer.echo(twins.caution)
    typer.echo(one_line(str(path)))


def _rows(twins: Twins) -> Iterator[str]:
    yield f"{'':<20}{'accuracy':>10}{'runs':>6}{'parameters':>14}{'multiply-adds':>17}{'time':>8}"
    reference = [run.seconds for run in twins.of("without")]
    for variant, what in WHAT.items():
        runs = twins.of(variant)
        if not runs:
            continue
        accuracy = statistics.fmean(run.accuracy for run in runs)
        counted = f"{runs[0].multiply_adds:,}" if runs[0].multiply_adds is not None else ""
        yield (
            f"{what:<20}{accuracy:>8.2f} %{len(runs):>6}{runs[0].parameters:>14,}{counted:>17}"
            f"{_ratio([run.seconds for run in runs], reference):>8}"
        )


def _ratio(seconds: list[float], reference: list[float]) -> str:
    if not reference or not sum(reference):
        return ""
    return f"x{statistics.fmean(seconds) / statistics.fmean(reference):.2f}"
