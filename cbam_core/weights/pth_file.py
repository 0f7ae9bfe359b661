"""The state dict of a ``.pth`` file as `torch.save` writes it: a ZIP archive of a pickle and plain bytes.

It is not read by ``torch.load(weights_only=True)``, which runs no foreign code but has no bounds: a file of 1.4 KB kept
it busy for over 90 seconds. Here the pickle's instructions, the tensors and their sizes are counted before memory is
allocated, and the time grows only with the size of the file.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cbam_core.errors import CheckpointError
from cbam_core.weights.state_pickle import Content, read_state_pickle
from cbam_core.weights.stored import DamagedError, StoredTensor

MAX_ENTRIES = 4096 + 16
"""Largest number of entries of the archive: one for each tensor, and a few of torch's own."""

MAX_PICKLE_BYTES = 1 << 20

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Keys under which training scripts store the state dict in a larger dictionary."""

PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile add to every name."""

UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    OverflowError,
    ValueError,
    struct.error,
)
"""Exceptions that `zipfile` raises for archives that are damaged, encrypted or of unknown kinds."""


def looks_like_pth(data: bytes) -> bool:
    """Check that the bytes start like a ZIP archive."""
    return data[:4] == b"PK\x03\x04"


def looks_like_pickle(data: bytes) -> bool:
    """Check that the bytes start like a bare pickle, such as torch's format before version 1.6."""
    return data[:1] == b"\x80" and data[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}


def read_pth(data: bytes) -> dict[str, StoredTensor]:
    """Find the tensors of a state dict, without copying them and without running the pickle.

    Args:
        data: the whole file.

    Returns:
        The tensors by name, without the prefixes of wrappers around the network.

    Raises:
        CheckpointError: the file holds something other than one state dict.
        DamagedError: the archive contradicts itself.
    """
    try:
        program, contents = _open(data)
    except DamagedError:
        raise
    except UNREADABLE as error:
        raise DamagedError("the ZIP archive cannot be read") from error
    tensors = _state_dict(read_state_pickle(program, contents))
    for prefix in PREFIXES * 2:  # either may be inside the other
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _open(data: bytes) -> tuple[bytes, dict[str, Content]]:
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:  # before zipfile makes an object for each
        raise DamagedError("the ZIP archive has too many entries")
    archive = zipfile.ZipFile(io.BytesIO(data))
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise DamagedError("the ZIP archive has two entries with the same name")
    _check_sizes(archive, len(data))
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise _no_state_dict()
    folder = pickles[0].removesuffix("data.pkl")
    if entries[pickles[0]].file_size > MAX_PICKLE_BYTES:
        raise DamagedError("the list of tensors is longer than 1 MiB")
    if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
        raise DamagedError("the numbers were written by a big-endian machine")
    prefix = f"{folder}data/"
    contents = {
        name.removeprefix(prefix): Content(entry.file_size, _reader(archive, entry))
        for name, entry in entries.items()
        if name.startswith(prefix)
    }
    return archive.read(pickles[0]), contents


def _check_sizes(archive: zipfile.ZipFile, length: int) -> None:
    total = 0
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:
            raise CheckpointError(
                "checkpoint.compressed",
                "this .pth file is a compressed archive, which torch.save never writes: "
                "save the weights again, with torch.save(model.state_dict(), path)",
            )
        total += entry.file_size
        if entry.file_size != entry.compress_size or total > length:
            raise DamagedError("the ZIP archive claims more bytes than the file has")


def _reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], memoryview]:
    @lru_cache(maxsize=1)
    def read() -> memoryview:
        try:
            content = archive.read(entry)
        except UNREADABLE as error:
            raise DamagedError("a tensor in the ZIP archive cannot be read") from error
        if len(content) != entry.file_size:
            raise DamagedError("a tensor in the ZIP archive is cut off")
        return memoryview(content)

    return read


def _state_dict(value: Any) -> dict[str, StoredTensor]:
    candidates = [value]
    if isinstance(value, dict):
        candidates += [value[key] for key in WRAPPERS if key in value]
    for candidate in candidates:
        if isinstance(candidate, dict) and candidate and all(map(_is_entry, candidate.items())):
            return candidate
    raise _no_state_dict()


def _is_entry(item: tuple[object, object]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, StoredTensor)


def _no_state_dict() -> CheckpointError:
    return CheckpointError(
        "checkpoint.no-state-dict",
        "this .pth file does not hold a state dict: save one with torch.save(model.state_dict(), path)",
    )
