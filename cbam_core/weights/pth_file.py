"""A ``.pth`` file as `torch.save` writes it: a ZIP archive of a pickle and plain bytes, or a pickle followed by bytes.

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
from cbam_core.weights.file_kinds import archive_kind
from cbam_core.weights.pickled_objects import Content
from cbam_core.weights.state_pickle import read_pickle, read_state_pickle
from cbam_core.weights.stored import MAX_TENSORS, DamagedError, LimitError

MAX_ENTRIES = MAX_TENSORS + 16
"""Largest number of entries of the archive: one for each tensor, and a few of torch's own."""

MOST_PACKED = 20
"""Largest ratio of an archive that was packed again to its file; weights hardly pack at all."""

MAX_PICKLE_BYTES = 16 << 20
"""Largest pickle: names of tensors, and whatever else a training script keeps beside them, such as logs."""

MAGIC = 0x1950A86A20F9469CFC6C
"""First number of a file that PyTorch before version 1.6 wrote."""

PROTOCOL = 1001
"""Second number of such a file."""

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


def read_pth(data: bytes) -> Any:
    """Read what a ZIP archive of `torch.save` holds, without copying tensors and without running the pickle.

    Args:
        data: the whole file.

    Returns:
        Dicts, lists, numbers, texts, `StoredTensor` and `Unread`.

    Raises:
        CheckpointError: the archive is of another kind, or its pickle would run commands.
        DamagedError: the archive contradicts itself.
        LimitError: it holds more than this program reads.
    """
    try:
        program, contents = _open(data)
    except (DamagedError, LimitError):
        raise
    except UNREADABLE as error:
        raise DamagedError("the ZIP archive cannot be read") from error
    return read_state_pickle(program, contents)


def _open(data: bytes) -> tuple[bytes, dict[str, Content]]:
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:  # before zipfile makes an object for each
        raise LimitError("entries", most=MAX_ENTRIES)
    archive = zipfile.ZipFile(io.BytesIO(data))
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise DamagedError("the ZIP archive has two entries with the same name")
    other = archive_kind(entries)
    if other is not None:
        raise other
    _check_sizes(archive, len(data))
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise no_state_dict()
    folder = pickles[0].removesuffix("data.pkl")
    if entries[pickles[0]].file_size > MAX_PICKLE_BYTES:
        raise LimitError("list", most=MAX_PICKLE_BYTES >> 20)
    swapped = f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") == b"big"
    prefix = f"{folder}data/"
    contents = {
        name.removeprefix(prefix): Content(entry.file_size, _reader(archive, entry), swapped)
        for name, entry in entries.items()
        if name.startswith(prefix)
    }
    return archive.read(pickles[0]), contents


def _check_sizes(archive: zipfile.ZipFile, length: int) -> None:
    """Check that the entries are no larger than the file, or, where they were packed again, than weights pack to."""
    stored = packed = 0
    for entry in archive.infolist():
        if entry.compress_type == zipfile.ZIP_STORED:
            stored += entry.file_size
            if entry.file_size != entry.compress_size or stored > length:
                raise DamagedError("the ZIP archive claims more bytes than the file has")
            continue
        packed += entry.file_size
        if entry.compress_type != zipfile.ZIP_DEFLATED or packed > MOST_PACKED * length:
            raise CheckpointError(
                "checkpoint.compressed",
                "this .pth file is a compressed archive, which torch.save never writes: "
                "save the weights again, with torch.save(model.state_dict(), path)",
            )


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


def no_state_dict() -> CheckpointError:
    """Make the error for a file without tensors."""
    return CheckpointError(
        "checkpoint.no-state-dict",
        "this .pth file does not hold a state dict: save one with torch.save(model.state_dict(), path)",
    )


def read_old_pth(data: bytes) -> Any:
    """Read what a file holds that PyTorch before version 1.6 wrote: five pickles, then the bytes of each storage.

    Args:
        data: the whole file.

    Raises:
        CheckpointError: the file is a pickle of another program, or would run commands.
        DamagedError: the file contradicts itself.
        LimitError: it holds more than this program reads.
    """
    magic = _magic(data)
    if magic is None:
        raise CheckpointError(
            "checkpoint.bare-pickle",
            "this file is a bare pickle, which torch.save did not write: load it where it was created and save its "
            "weights, with torch.save(model.state_dict(), path)",
        )
    storages = _Storages(data)
    protocol = read_pickle(data, {}, magic)
    system = read_pickle(data, {}, protocol.end)
    if protocol.value != PROTOCOL or not isinstance(system.value, dict):
        raise DamagedError("its version or the description of its machine is wrong")
    storages.swapped = system.value.get("little_endian") is False
    pickled = read_pickle(data, storages, system.end)
    if pickled.end - system.end > MAX_PICKLE_BYTES:
        raise LimitError("list", most=MAX_PICKLE_BYTES >> 20)
    keys = read_pickle(data, {}, pickled.end)
    sizes: dict[str, int] = {}
    for found in pickled.storages:
        if found.dtype is not None:
            sizes.setdefault(found.key, found.dtype.itemsize)
    storages.lay_out(keys.value, keys.end, sizes)
    for found in pickled.storages:
        if found.start + found.size > len(storages.content(found.key)):
            raise DamagedError("a tensor claims more numbers than the file holds")
    return pickled.value


def _magic(data: bytes) -> int | None:
    """Return the end of the first pickle if that is the number of torch's old format; else None."""
    try:
        first = read_pickle(data[:64], {})
    except (CheckpointError, DamagedError, LimitError):
        return None
    return first.end if first.value == MAGIC else None


class _Storages(dict[str, Content]):
    """Storages of an old file, whose sizes follow the pickle that refers to them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = memoryview(data)
        self._ranges: dict[str, tuple[int, int]] = {}
        self.swapped = False

    def __missing__(self, key: str) -> Content:
        self[key] = Content(len(self._data), lambda: self.content(key), self.swapped)
        return self[key]

    def content(self, key: str) -> memoryview:
        """Return the bytes of a storage."""
        start, end = self._ranges.get(key, (0, 0))
        return self._data[start:end]

    def lay_out(self, keys: object, at: int, sizes: dict[str, int]) -> None:
        """Find the bytes of each storage.

        Args:
            keys: names of the storages, in order.
            at: position of the first, which begins with its number of elements.
            sizes: bytes of one element, by name.

        Raises:
            DamagedError: the storages reach beyond the end of the file.
        """
        if not isinstance(keys, list) or not all(isinstance(key, str | bytes) for key in keys):
            raise DamagedError("the list of storages is garbled")
        for key in (key.decode("ascii", "replace") if isinstance(key, bytes) else key for key in keys):
            if len(self._data) < at + 8:
                raise DamagedError("a tensor is cut off")
            (elements,) = struct.unpack_from(">q" if self.swapped else "<q", self._data, at)
            at += 8
            end = at + elements * sizes.get(key, 1)
            if not at <= end <= len(self._data):
                raise DamagedError("a tensor is cut off")
            self._ranges[key] = (at, end)
            at = end
