"""Atomic file writes: a file is written under a temporary name in the same folder, then renamed in one step."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from cbam_core.errors import CbamError, Message, reason_of

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a disk, or of a user's share of it, that is full."""

Kind = TypeVar("Kind", bound=CbamError)


def full_disk(error: OSError, path: Path | str, kind: type[Kind], code: str) -> Kind | None:
    """Make an error that says what to do about a full disk; None for any other error.

    Args:
        error: what was raised while a file was written.
        path: path of the file.
        kind: kind of the error that is made.
        code: its code.
    """
    if error.errno not in FULL:
        return None
    said = Message(
        code,
        "the disk is full, so {path} cannot be written: free some space, and do the same again; files that were "
        "complete are kept",
        {"path": str(path)},
    )
    return kind(said.code, said.template, **said.values)


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a file that appears at `path` complete, or not at all.

    Args:
        path: path of the file; missing folders are created, an older file is replaced.
        write: called with the open binary file.

    Raises:
        OSError: as `whole_file`.
    """
    with whole_file(path) as file:
        write(file)


def save_bytes(path: Path, content: bytes) -> None:
    """Write a file that a user asked for, complete or not at all.

    Args:
        path: path of the file; missing folders are created, an older file is replaced.
        content: bytes of the file.

    Raises:
        CbamError: the file cannot be written (``save.unwritable``).
    """
    try:
        write_atomically(path, lambda file: file.write(content))
    except OSError as error:
        raise full_disk(error, path, CbamError, "save.unwritable") or CbamError(
            "save.unwritable",
            "cannot write {path}: {reason}; choose a folder that you may write to",
            path=str(path),
            reason=reason_of(error),
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears at `path` at the end of the block, or not at all if the block ends with an error.

    Args:
        path: path of the file; missing folders are created, an older file is replaced.

    Raises:
        OSError: the folder cannot be written, or `path` is a device or a pipe; what was at `path` is still there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # renaming would take the place of a device
        raise OSError(errno.EINVAL, "is a device or a pipe, and not a file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")  # known before it is there: Ctrl+C removes it
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):  # as for a full disk
            error.filename = str(path)
        raise


def whole_path(part: Path) -> str:
    """Return the path at which a file that is being written by `whole_file` will appear."""
    return str(part.with_name(part.name.removeprefix(".").rsplit(".", 2)[0]))


def beside(checkpoint: Path, suffix: str) -> Path:
    """Return the path of a file kept with a checkpoint: ``net`` and a suffix beside ``net.safetensors``.

    That of ``net.pth`` is ``net.pth`` and the suffix, because its weights may be different.
    """
    name = checkpoint.stem if checkpoint.suffix == ".safetensors" else checkpoint.name
    return checkpoint.with_name(f"{name}{suffix}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
