"""Further columns of a user's: a CSV file, joined by the names of the images."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from cbam_core.atlas.layout import METADATA
from cbam_core.data.text_file import read_text
from cbam_core.errors import AtlasError
from cbam_core.files import write_atomically

_UNREADABLE = "atlas.unreadable-metadata"
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
"""Whole numbers that are written as `str` writes them."""
_NUMBER = re.compile(
    r"\s*[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?\s*|\s*[+-]?(nan|inf)\s*", re.IGNORECASE
)
"""Numbers, with spaces around them or without."""


def add_metadata(folder: Path, given: Path, ids: Sequence[str]) -> int:
    """Copy a CSV file of further columns into the folder of an atlas, in the place of an earlier one.

    Args:
        folder: folder of the atlas.
        given: path of the file; see `read_metadata`.
        ids: names of the images.

    Returns:
        Number of images that have a row.

    Raises:
        AtlasError: the file cannot be read, or has a row for none of the images.
        OSError: the folder cannot be written.
    """
    known = check_metadata(given, ids)
    content = given.read_bytes()
    write_atomically(folder / METADATA, lambda file: file.write(content))
    return known


def check_metadata(given: Path, ids: Sequence[str]) -> int:
    """Check that a file can be read, and is of these images, before an atlas is built for hours.

    Returns:
        Number of images that have a row.

    Raises:
        AtlasError: as `add_metadata`.
    """
    names, rows = _read(given)
    key = names.index("id") if "id" in names else 0
    known = len(set(ids) & {row[key] for row in rows})
    if not known:
        raise AtlasError(
            "atlas.foreign-metadata",
            "no row of {path} is of an image of this atlas: its column {column} must have names such as {example}",
            path=str(given),
            column=repr(names[key]),
            example=repr(ids[0]),
        )
    return known


def read_metadata(path: Path, ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the columns of a CSV file for the images of an atlas.

    The first row has names. Rows are joined by the column ``id``, or by the first one if none is called so; rows of
    other images are skipped. A column is of whole numbers or numbers if all of its values are, else of text; a value
    that begins with further zeros, as ``007``, or has an underscore is text. Images without a row have NaN or "" there.
    Further columns without a name, such as the numbers of rows that pandas writes, are left out.

    Args:
        path: path of the file, UTF-8.
        ids: names of the images.

    Returns:
        A column for each name but that of the ids.

    Raises:
        AtlasError: the file cannot be read, has no names, two equal ones, two rows of one image, or a row with more or
            fewer values than there are names.
    """
    names, rows = _read(path)
    key = names.index("id") if "id" in names else 0
    found: list[list[str] | None] = [None] * len(ids)
    places = {name: place for place, name in enumerate(ids)}
    for row in rows:
        if row[key] in places:
            found[places[row[key]]] = row
    return {
        name: _column([None if row is None else row[number] for row in found])
        for number, name in enumerate(names)
        if number != key and name.strip()
    }


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    text = read_text(path, AtlasError, _UNREADABLE)
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(number, row) for number, row in enumerate(lines, start=1) if row]
    except csv.Error as error:
        raise AtlasError(
            _UNREADABLE,
            "{path} cannot be read as CSV at line {line}; check whether each quotation mark there is closed",
            path=str(path),
            line=lines.line_num,
        ) from error
    if not numbered:
        raise AtlasError(
            _UNREADABLE,
            "{path} is empty; its first line has to name the columns, as id,camera does, and each further line is of "
            "one image",
            path=str(path),
        )
    (_, names), *rows = numbered
    _check_commas(path, names)
    for number, row in rows:
        if len(row) != len(names):
            raise AtlasError(
                "atlas.ragged-metadata",
                "row {row} of {path} has another number of values ({given}) than there are names of columns "
                "({expected})",
                row=number,
                path=str(path),
                given=len(row),
                expected=len(names),
            )
    values = [row for _, row in rows]
    _check_names_differ(path, names, values)
    return names, values


def _check_commas(path: Path, names: list[str]) -> None:
    """Check that values are separated by commas, and not by what some spreadsheets write instead.

    Raises:
        AtlasError: there is one name, and it looks like several.
    """
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise AtlasError(
            _UNREADABLE,
            "the columns of {path} are not separated by commas: its first line is {line}; save it with commas",
            path=str(path),
            line=repr(names[0][:80]),
        )


def _check_names_differ(path: Path, names: list[str], rows: list[list[str]]) -> None:
    """Check that no two columns have one name, and no two rows are of one image.

    Raises:
        AtlasError: they do or are.
    """
    if double := _double(names):
        raise AtlasError(
            "atlas.double-column",
            "{path} has two columns called {name}; give one another name",
            path=str(path),
            name=repr(double),
        )
    key = names.index("id") if "id" in names else 0
    if double := _double([row[key] for row in rows]):
        raise AtlasError(
            "atlas.double-row",
            "{path} has two rows of the image {name}; keep one of them",
            path=str(path),
            name=repr(double),
        )


def _double(names: Sequence[str]) -> str:
    """Return a name that occurs twice; "" if none does."""
    if len(set(names)) == len(names):
        return ""
    return next((name for name, count in Counter(names).items() if name and count > 1), "")


def _column(values: list[str | None]) -> np.ndarray:
    """Convert to whole numbers, else to numbers, else to text; None and "" are missing.

    What is written as no number is, such as 007 or 1_0, is a name, and makes the whole column text.
    """
    known = [value for value in values if value]
    if not all(map(_NUMBER.fullmatch, known)):
        return np.array([value or "" for value in values])
    if len(known) == len(values) and all(map(_WHOLE.fullmatch, known)):
        with suppress(OverflowError):
            return np.array([int(value) for value in known], np.int64)
    return np.array([float(value) if value else np.nan for value in values])
