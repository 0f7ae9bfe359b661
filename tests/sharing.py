"""Workers share the compiling of test modules, which in a fresh clone takes as long as everything else before tests."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest


def files_of(arguments: Iterable[str], root: Path) -> list[Path]:
    """Files of tests that arguments of pytest name, relative to the root; of a folder, all that are in it."""
    files = []
    for argument in arguments:
        path = root / argument.partition("::")[0]
        files += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [file.relative_to(root) for file in files if file.is_relative_to(root)]


def rotated(files: list[Path], worker: int, workers: int) -> list[Path]:
    """All files, beginning with this worker's share; when it comes to those of others, they have compiled them."""
    first = len(files) * worker // workers
    return files[first:] + files[:first]


def import_modules(files: Iterable[Path]) -> None:
    """Import test modules under the names that pytest will look for.

    One that fails is left to pytest, which imports it again and reports the error.
    """
    for file in files:
        try:
            importlib.import_module(".".join(file.with_suffix("").parts))
        except (Exception, pytest.skip.Exception):
            continue
