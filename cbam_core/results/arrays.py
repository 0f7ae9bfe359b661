"""Reading and writing files of arrays: NPZ without pickle, which may be untrusted.

Sizes in the ZIP directory and in each array's header are compared with each other and with a limit before memory is
allocated. Format of an array: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cbam_core.errors import DataError
from cbam_core.files import write_atomically

MAX_ARRAYS = 4096
"""Largest number of arrays in one file; a network with a hundred gates and ten classes has fewer."""

KINDS = "biufU"
"""NumPy kinds that a file may hold: booleans, integers, floats, strings; never objects."""

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name, compressed, complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, allow_pickle=False, **named)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def read_arrays(path: Path, *, largest: int) -> dict[str, np.ndarray]:
    """Read every array of a file.

    Args:
        path: path of the file, which may be untrusted.
        largest: largest unpacked size of all arrays together, in bytes.

    Returns:
        The arrays by name, read-only.

    Raises:
        DataError: the file does not hold arrays, is damaged, or is larger than `largest` (``arrays.unreadable``).
        OSError: the file is missing or cannot be read.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return dict(_array(archive, member) for member in _members(archive, largest))
        except Exception as error:  # a damaged file can raise anything, from zlib.error to RecursionError
            raise DataError(
                "arrays.unreadable",
                "{path} is not a readable file of arrays ({reason}); create it again",
                path=str(path),
                reason=str(error)[:80] or type(error).__name__,
            ) from error


def _members(archive: zipfile.ZipFile, largest: int) -> list[zipfile.ZipInfo]:
    """List the members of an archive, and check that they are arrays within the limit.

    Raises:
        ValueError: they are not.
    """
    members = archive.infolist()
    if len(members) > MAX_ARRAYS or sum(member.file_size for member in members) > largest:
        raise ValueError("it holds more than is read")
    for member in members:
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _COMPRESSIONS:
            raise ValueError("a member is encrypted, or compressed in an unknown way")
        if not member.filename.endswith(".npy"):
            raise ValueError("a member is not an array")
    if len({member.filename for member in members}) < len(members):
        raise ValueError("a name occurs twice")
    return members


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, np.ndarray]:
    with archive.open(member) as file:
        shape, columns_first, dtype = _header(file)
        count = math.prod(shape)
        if dtype.kind not in KINDS or dtype.fields is not None:
            raise ValueError("an array holds something else than numbers or texts")
        if file.tell() + count * dtype.itemsize != member.file_size:
            raise ValueError("an array's header does not fit its bytes")
        content = file.read()
    values = np.frombuffer(content, dtype, count) if dtype.itemsize else np.zeros(count, dtype)
    array = values.reshape(shape, order="F" if columns_first else "C")
    if dtype.kind == "U":
        "".join(array.ravel().tolist()).encode()  # half a surrogate pair can be neither shown nor sent
    array.setflags(write=False)
    return member.filename.removesuffix(".npy"), array


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, Fortran order and type from an array's header.

    Raises:
        ValueError: the header is damaged.
    """
    read = _HEADERS.get(np.lib.format.read_magic(file))
    if read is None:
        raise ValueError("an array has an unknown version")
    shape, columns_first, dtype = read(file)
    return shape, columns_first, dtype


def as_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of an uncompressed NPZ file, for ``numpy.load``."""
    buffer: BinaryIO = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(buffer, allow_pickle=False, **named)
    buffer.seek(0)
    return buffer.read()
