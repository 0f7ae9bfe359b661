"""Which version of a file is this?"""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int]
"""When a file was last written (nanoseconds since 1970), and its size in bytes: another one, another content."""


def stamp_of(path: Path) -> Stamp | None:
    """What distinguishes one version of a file from the next; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
