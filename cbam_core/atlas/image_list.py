"""Images that a file lists by their names or numbers: a table that was exported, or plain text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from cbam_core.data.text_file import read_text
from cbam_core.errors import AtlasError, reason_of

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

_KEYS = ("id", "index")
"""Columns of a table that say which image a row is of; ids come first, as they are those of other atlases too."""


def read_image_list(atlas: Atlas, path: Path) -> Int64[np.ndarray, " n"]:
    """Read which images a file lists.

    Args:
        atlas: the atlas that they are images of.
        path: a CSV or Parquet file with a column ``id`` or ``index``, as `cbam_core.atlas.exporting` writes it, or text
            in UTF-8 with one name or number a line.

    Returns:
        Numbers of the images, in the order of the file; of one that is listed twice, as often.

    Raises:
        AtlasError: the file cannot be read, lists no image, or one that the atlas does not have.
    """
    key, entries = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    if not entries:
        raise _unreadable(path, "it lists no image")
    if key == "index":
        return _numbers(atlas, path, entries)
    found = atlas.find([_plain(entry) if key == "id" else entry for entry in entries])
    missing = np.flatnonzero(found < 0)
    if key is None and len(missing):
        found[missing] = _numbers(atlas, path, [entries[place] for place in missing.tolist()])
    elif len(missing):
        raise _foreign(path, entries[int(missing[0])])
    return found


def _text(path: Path) -> tuple[str | None, list[str]]:
    """Read a column of a CSV file, with its name, or lines, without one."""
    file = io.StringIO(read_text(path, AtlasError, "atlas.unreadable-list"), newline="")
    try:
        names = next(csv.reader([file.readline()]), [])
        key = next((name for name in _KEYS if name in names), None)
        if key is not None:
            place = names.index(key)
            return key, [row[place] for row in csv.reader(file) if row]
    except (IndexError, csv.Error) as error:
        raise _unreadable(path, "a row has too few values, or a quotation mark is not closed") from error
    return None, [line.strip() for line in file.getvalue().splitlines() if line.strip()]


def _parquet(path: Path) -> tuple[str, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            key = next((name for name in _KEYS if name in file.schema_arrow.names), None)
            if key is None:
                raise _unreadable(path, "it has neither a column id nor index")
            return key, [str(one) for one in file.read([key]).column(key).to_pylist()]
    except OSError as error:
        raise _unreadable(path, reason_of(error)) from error
    except pa.ArrowException as error:
        raise _unreadable(path, "it is not a whole Parquet file") from error


def _plain(entry: str) -> str:
    """Take off the quote that an export puts before names that a spreadsheet would take for a formula."""
    return entry[1:] if entry[:1] == "'" and entry[1:2] in ("=", "+", "-", "@", "\t", "\r") else entry


def _numbers(atlas: Atlas, path: Path, entries: Sequence[str]) -> Int64[np.ndarray, " n"]:
    for entry in entries:
        if not (entry.isascii() and entry.isdigit() and len(entry) < 19 and int(entry) < len(atlas)):
            raise _foreign(path, entry)
    return np.array([int(entry) for entry in entries], np.int64)


def _foreign(path: Path, entry: str) -> AtlasError:
    return AtlasError(
        "atlas.foreign-list",
        "{path} lists {entry}, which is neither the name of an image of this atlas nor a number of one",
        path=str(path),
        entry=repr(entry[:80]),
    )


def _unreadable(path: Path, reason: str) -> AtlasError:
    return AtlasError(
        "atlas.unreadable-list",
        "{path} does not list images ({reason}): it has to be a table with a column id or index, or text with one name "
        "or number a line",
        path=str(path),
        reason=reason.partition("\n")[0][:120],
    )
