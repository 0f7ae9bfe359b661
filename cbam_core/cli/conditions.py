"""Conditions of a command line: which images of an atlas a question is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cbam_core.cli.output import counted, say

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.slices import Where

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only images such as class=cat, answer=dog, right=no, confidence=0.9..1, COLUMN=VALUE of the metadata, or "
        "inside=LINE, as line=LINE in the address of the Atlas page; conditions of several columns hold together, "
        "several of one column are alternatives.",
    ),
]

OnlyOption = Annotated[
    Path | None,
    typer.Option(
        "--only",
        metavar="FILE",
        help="Only images that a file lists: a slice that was exported as .csv or .parquet, or text with one name or "
        "number a line.",
    ),
]

_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def read_slice(atlas: Atlas, where: list[str] | None, only: Path | None) -> Where:
    """Read which images a question is about; None for all.

    Args:
        atlas: the atlas.
        where: conditions of the command line, such as ``"class=cat"``.
        only: file that lists images.

    Raises:
        AtlasError: the file lists no images of the atlas, or a condition names what it does not have.
        typer.BadParameter: as `read_conditions`.
    """
    conditions = read_conditions(atlas, where)
    if only is None:
        return conditions
    import numpy as np

    from cbam_core.atlas.image_list import read_image_list

    listed = read_image_list(atlas, only)
    numbers, times = np.unique(listed, return_counts=True)
    if len(numbers) < len(listed):
        first = atlas.ids[int(numbers[times > 1][0])]
        say(
            f"{only} lists {counted(int((times > 1).sum()), 'image')} more than once, such as {first}; each counts once"
        )
    return np.intersect1d(atlas.select(conditions), numbers)


def read_conditions(atlas: Atlas, given: list[str] | None) -> dict[str, Any] | None:
    """Read conditions such as ``"class=cat"``, as `Atlas.select` takes them; None where there are none.

    Args:
        atlas: the atlas that they are for, whose columns of numbers are compared as numbers.
        given: words of the command line.

    Raises:
        typer.BadParameter: a condition cannot be read, or two of them contradict each other.
    """
    found: dict[str, Any] = {}
    for word in given or ():
        column, equals, text = _parts(atlas, word)
        if not equals or not column:
            raise typer.BadParameter(f"'{word}' is not a condition such as class=cat or confidence=0.9..1")
        value = _value(atlas, column, text)
        if column not in found:
            found[column] = value
        elif isinstance(value, str | int | float) and column != "right" and not isinstance(found[column], tuple):
            found[column] = [*(found[column] if isinstance(found[column], list) else [found[column]]), value]
        else:
            raise typer.BadParameter(f"two conditions for {column}; give one")
    return found or None


def _parts(atlas: Atlas, word: str) -> tuple[str, str, str]:
    """Split a condition where the name of the column ends, which may have such a sign itself."""
    named = max((name for name in atlas.columns if word.startswith(f"{name}=")), key=len, default=None)
    return word.partition("=") if named is None else (named, "=", word[len(named) + 1 :])


def _value(atlas: Atlas, column: str, text: str) -> Any:
    """Read the value of a condition: a word, yes or no, a number, or a range.

    Raises:
        typer.BadParameter: it does not fit the column.
    """
    if column == "right":
        if text.lower() not in _ANSWERS:
            raise typer.BadParameter(f"right={text} is neither right=yes nor right=no")
        return _ANSWERS[text.lower()]
    numbers = column == "confidence" or (column in atlas.metadata and atlas.metadata[column].dtype.kind in "biuf")
    if not numbers:
        return text
    low, dots, high = text.partition("..")
    try:
        if not dots and column != "confidence":
            return int(text) if re.fullmatch("-?[0-9]+", text) else float(text)
        ends = (float(low or "-inf"), float(high or "inf") if dots else float(low))
    except ValueError:
        raise typer.BadParameter(f"{column}={text} is not a number or a range such as 0.9..1") from None
    if not ends[0] <= ends[1]:
        raise typer.BadParameter(f"{column}={text} holds no number; the lower end comes first, as in 0.9..1")
    return ends
