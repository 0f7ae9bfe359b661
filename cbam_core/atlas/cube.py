"""Sums of the gates by label and answer, which slices and groups by class, answer, and right or wrong are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float64, Int, Int8, Int64

from cbam_core.atlas.tables import OTHERS

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.slices import Where


@dataclass(frozen=True, eq=False)
class Described:
    """What groups of images are made by, for M images, or for M cells of many images each.

    Attributes:
        labels: their labels.
        answers: their answers.
        right: 1, 0 or -1, as in `Atlas.right`.
        weights: number of images of each.
    """

    labels: Int[np.ndarray, " m"]
    answers: Int[np.ndarray, " m"]
    right: Int8[np.ndarray, " m"]
    weights: Int64[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of the sums that make up a slice.

    Attributes:
        described: labels and answers of the cells.
        total: sums of each column, (M, D).
        squares: sums of its squares.
    """

    described: Described
    total: Float64[np.ndarray, "m d"]
    squares: Float64[np.ndarray, "m d"]


def describe(atlas: Atlas, images: Int64[np.ndarray, " m"]) -> Described:
    """Return labels and answers of some images."""
    ones = np.ones(len(images), np.int64)
    return Described(atlas.labels[images], atlas.answers[images], atlas.right[images], ones)


def cells_of(atlas: Atlas, where: Where, by: str = "class") -> Cells | None:
    """Return the cells that a slice is made of, if there are such.

    Args:
        atlas: the atlas.
        where: the slice.
        by: what the cells are to be grouped by.

    Returns:
        None where the atlas has no sums, or slice or groups divide images of one label and one answer.
    """
    from cbam_core.atlas.slices import own_columns_of

    known = {"class", "answer", "right"}.intersection(own_columns_of(atlas))
    if atlas.contents.tables is None or (by in atlas.metadata and by not in (*known, "pair")):
        return None
    if by not in ("class", "answer", "right", "pair"):
        return None
    if not (where is None or (isinstance(where, Mapping) and set(where) <= known)):
        return None
    table = atlas.contents.tables.groups
    labels, answers = table.groups[:, 0], table.groups[:, 1]
    right = atlas.rightness(labels, answers)
    if (answers == OTHERS).any():
        if by in ("answer", "pair") or (where and "answer" in where):
            return None
        right = np.where(answers == OTHERS, np.int8(0), right)
    described = Described(labels, answers, right, table.count)
    chosen = np.flatnonzero(matching(atlas, described, where or {}))
    part = Described(labels[chosen], answers[chosen], right[chosen], table.count[chosen])
    return Cells(part, table.total[chosen], table.squares[chosen])


def matching(atlas: Atlas, described: Described, where: Mapping[str, Any]) -> Bool[np.ndarray, " m"]:
    """Return which images or cells meet conditions by class, answer, and right or wrong."""
    from cbam_core.atlas.slices import condition_on_labels

    chosen = np.ones(len(described.labels), bool)
    for column, condition in where.items():
        chosen &= condition_on_labels(atlas, column, condition, described)
    return chosen
