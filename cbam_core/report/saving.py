"""Reports as files, with the date and the versions of the software."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from cbam_core.errors import RenderError
from cbam_core.files import save_bytes
from cbam_core.report.entries import Entry, Report
from cbam_core.report.page import report_html
from cbam_core.report.truths import Truths, as_list, check_count, known_truths
from cbam_core.results.explanation import Explanation

PACKAGES = ("cbam-lens", "torch", "numpy", "pillow")
"""Packages whose versions a report names."""


@cache
def versions() -> dict[str, str]:
    """Return the versions of the installed packages of `PACKAGES`."""
    known = {}
    for name in PACKAGES:
        try:
            known[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return known


def write_report(path: Path, report: Report) -> int:
    """Write a report to a file, completely or not at all.

    Returns:
        Size of the file in bytes.

    Raises:
        CbamError: the file cannot be written.
    """
    content = report_html(report).encode()
    save_bytes(path, content)
    return len(content)


def save_report(
    path: Path,
    explanations: Sequence[Explanation],
    *,
    names: Sequence[str],
    truths: Truths | None = None,
    title: str = "",
) -> Path:
    """Write a report about explanations; see `cbam_core.results.explanations.Explanations.report`."""
    if not explanations:
        raise RenderError("report.empty", "a report needs at least one image")
    known_names = as_list(names)
    check_count(known_names, len(explanations))
    entries = tuple(map(Entry, explanations, known_names, known_truths(truths, explanations)))
    write_report(path, Report(entries, title, datetime.now(UTC), versions=versions()))
    return path
