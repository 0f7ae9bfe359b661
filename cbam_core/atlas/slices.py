"""Slices of an atlas: which images a query is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int64, Shaped

from cbam_core.atlas.cube import Described
from cbam_core.atlas.regions import images_inside
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Where = None | Mapping[str, Any] | Sequence[int] | np.ndarray
"""Which images: None for all; a mapping of conditions, which all hold; their numbers; or a mask, one bool an image."""

Mask = Bool[np.ndarray, " n"]


def select(atlas: Atlas, where: Where) -> Int64[np.ndarray, " m"]:
    """Return the numbers of the images of a slice, ascending, without those that were not read.

    Args:
        atlas: the atlas.
        where: which images. A mapping has conditions for ``"class"`` and ``"answer"`` (a name, or a list of names),
            ``"right"`` (True or False), ``"confidence"`` ((lowest, highest), both included), ``"id"`` (an id, or a list
            of ids), ``"inside"`` (a region of a map, or a list of regions; see
            `cbam_core.atlas.regions.images_inside`), and for columns of the metadata: a value, a list of values, or for
            numbers a tuple (lowest, highest). An image without a label is neither right nor wrong.

    Raises:
        AtlasError: a column, a class, an image, or a text of the metadata is unknown, or a condition does not fit its
            column.
    """
    if where is None:
        return np.flatnonzero(atlas.ok)
    if isinstance(where, Mapping):
        chosen = atlas.ok.copy()
        for column, condition in where.items():
            chosen &= _matches(atlas, column, condition)
        return np.flatnonzero(chosen)
    return _numbered(atlas, where)


def columns_of(atlas: Atlas) -> tuple[str, ...]:
    """Return the names of the columns that a slice can have a condition for."""
    own = own_columns_of(atlas)
    return (*own, *(name for name in atlas.metadata if name not in own))


def own_columns_of(atlas: Atlas) -> tuple[str, ...]:
    """Return those that the atlas knows itself; a column of the metadata of the same name is hidden by them."""
    return (
        *(("class",) if atlas.has_labels else ()),
        *(("answer", "confidence") if atlas.has_answers else ()),
        *(("right",) if atlas.can_be_right else ()),
        "id",
        "inside",
    )


def _numbered(atlas: Atlas, where: Sequence[int] | np.ndarray) -> Int64[np.ndarray, " m"]:
    try:
        given = np.asarray(where)
    except (TypeError, ValueError):  # rows of different lengths
        given = np.asarray(None)
    if given.dtype == bool and given.shape == (len(atlas),):
        return np.flatnonzero(given & atlas.ok)
    if given.size == 0:
        return np.zeros(0, np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= len(atlas):
        raise AtlasError(
            "atlas.bad-numbers",
            "images of a slice are numbers from 0 to {last}, or {count} times yes or no",
            last=len(atlas) - 1,
            count=len(atlas),
        )
    chosen = np.zeros(len(atlas), bool)
    chosen[given] = True
    return np.flatnonzero(chosen & atlas.ok)


def _matches(atlas: Atlas, column: str, condition: Any) -> Mask:
    check_column(atlas, column)
    if column not in own_columns_of(atlas):
        return _matches_metadata(atlas, column, condition)
    if column in _ON_LABELS:
        every = Described(atlas.labels, atlas.answers, atlas.right, np.broadcast_to(np.int64(1), len(atlas)))
        return _ON_LABELS[column](atlas, every, condition)
    return _ON_IMAGES[column](atlas, column, condition)


def condition_on_labels(atlas: Atlas, column: str, condition: Any, described: Described) -> Mask:
    """Return which images or cells meet a condition by class, answer, or right and wrong.

    Raises:
        AtlasError: the atlas has no such column, or the condition does not fit it.
    """
    check_column(atlas, column)
    return _ON_LABELS[column](atlas, described, condition)


def check_column(atlas: Atlas, column: str) -> None:
    """Check that a slice can have a condition for a column.

    Raises:
        AtlasError: it cannot.
    """
    known = columns_of(atlas)
    if column not in known:
        raise AtlasError(
            "atlas.unknown-column",
            "unknown column {column}; a slice of this atlas can be by {known}",
            column=repr(column),
            known=", ".join(known),
        )


def _matches_class(atlas: Atlas, described: Described, condition: Any) -> Mask:
    return np.isin(described.labels, [index_of(name, atlas.label_classes) for name in listed(condition)])


def _matches_answer(atlas: Atlas, described: Described, condition: Any) -> Mask:
    return np.isin(described.answers, [index_of(name, atlas.classes) for name in listed(condition)])


def _matches_right(_atlas: Atlas, described: Described, condition: Any) -> Mask:
    if not isinstance(condition, bool | np.bool_):
        raise _unfit("right", "True or False")
    chosen: Mask = described.right == int(condition)
    return chosen


def _matches_confidence(atlas: Atlas, column: str, condition: Any) -> Mask:
    return _within(atlas.confidence, column, condition)


def _matches_id(atlas: Atlas, _column: str, condition: Any) -> Mask:
    chosen = np.zeros(len(atlas), bool)
    chosen[atlas.numbers_of([str(name) for name in listed(condition)])] = True
    return chosen


def _matches_inside(atlas: Atlas, _column: str, condition: Any) -> Mask:
    chosen = np.zeros(len(atlas), bool)
    for region in condition if isinstance(condition, list) else [condition]:
        chosen |= images_inside(atlas, region)
    return chosen


def _matches_metadata(atlas: Atlas, column: str, condition: Any) -> Mask:
    values = atlas.metadata[column]
    if isinstance(condition, tuple):
        return _within(values, column, condition)
    if values.dtype.kind in "biuf":
        wanted = list(listed(condition))
        if any(isinstance(value, str) for value in wanted):
            raise _unfit(column, "a number, a list of numbers, or (lowest, highest)")
        missing = np.isnan(values) & any(isinstance(value, float) and math.isnan(value) for value in wanted)
        matching: Mask = np.isin(values, wanted) | missing
        return matching
    texts = values.astype(str)
    for name in map(str, listed(condition)):
        if not (texts == name).any():
            raise AtlasError(
                "atlas.unknown-value",
                "no image has {name} in its column {column}; it holds {known}",
                name=repr(name),
                column=column,
                known=shortened([repr(str(text)) for text in np.unique(texts)]),
            )
    return np.isin(texts, [str(value) for value in listed(condition)])


_ON_LABELS: Mapping[str, Callable[[Atlas, Described, Any], Mask]] = {
    "class": _matches_class,
    "answer": _matches_answer,
    "right": _matches_right,
}
_ON_IMAGES: Mapping[str, Callable[[Atlas, str, Any], Mask]] = {
    "confidence": _matches_confidence,
    "id": _matches_id,
    "inside": _matches_inside,
}


def _within(values: Shaped[np.ndarray, " n"], column: str, condition: Any) -> Mask:
    if values.dtype.kind not in "biuf" or not isinstance(condition, tuple | list) or len(condition) != 2:
        expected = "(lowest, highest)" if values.dtype.kind in "biuf" else "a value, or a list of values"
        raise _unfit(column, expected)
    try:
        low, high = (float(end) for end in condition)
    except (TypeError, ValueError):
        raise _unfit(column, "(lowest, highest)") from None
    inside: Mask = (values >= low) & (values <= high)
    return inside


def _unfit(column: str, expected: str) -> AtlasError:
    return AtlasError(
        "atlas.bad-condition", "the condition for {column} has to be {expected}", column=column, expected=expected
    )


def listed(condition: Any) -> Iterable[Any]:
    """Return the values of a condition that may be one value or several."""
    if isinstance(condition, np.ndarray):
        return condition.reshape(-1)
    return condition if isinstance(condition, list | tuple | set) else (condition,)


def index_of(name: Any, classes: tuple[str, ...]) -> int:
    """Return the index of a class by its name, or check an index.

    Raises:
        AtlasError: there is no such class.
    """
    if isinstance(name, int | np.integer) and 0 <= name < len(classes):
        return int(name)
    if name in classes:
        return classes.index(name)
    raise AtlasError(
        "atlas.unknown-class",
        "unknown class {name}; the classes are {classes}",
        name=repr(name),
        classes=shortened(classes),
    )


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Write a list of names for a sentence; the middle of a long one is left out."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 2])} ... {names[-1]} ({len(names)} of them)"
