"""Whether the files of an atlas belong together, checked when it is opened. Free of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int64

from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import probabilities_of
from cbam_core.atlas.tables import OTHERS, GroupTable, PrincipalAxes, Tables

SAMPLED = 32
"""Rows that are computed again, spread evenly over an atlas."""

_ROUNDING = 1e-4
"""Share of a row's length by which its coordinates may differ between processors."""

_ROUNDING_OF_MEAN = 1e-6
"""Share of the mean's length by which they may differ too: one image with huge values moves it far from the others."""


def images_fit(columns: dict[str, Any], plan: Plan) -> bool:
    """Check that a table of images has the columns that are written: their types, order and ranges.

    Args:
        columns: Arrow arrays ``index``, ``id``, ``ok``, ``label``, ``answer`` and ``confidence``.
        plan: plan of the atlas.
    """
    types = {"index": "int64", "id": "string", "ok": "bool", "label": "int32", "answer": "int32", "confidence": "float"}
    if any(str(columns[name].type) != kind or columns[name].null_count for name, kind in types.items()):
        return False
    index, labels, answers = (columns[name].to_numpy() for name in ("index", "label", "answer"))
    in_order = bool((index == np.arange(len(index))).all())
    return in_order and _within(labels, len(plan.images.classes)) and _within(answers, plan.classes)


def _within(numbers: np.ndarray, count: int) -> bool:
    return not len(numbers) or bool(-1 <= numbers.min() <= numbers.max() < max(1, count))


def tables_fit(tables: Tables, plan: Plan) -> bool:
    """Check that tables have the columns of a plan, and name no other images than it has."""
    listed = (tables.extremes.top_images, tables.extremes.low_images)
    wide = {one.shape[1] for one in (tables.groups.total, tables.axes.axes, *listed)}
    known = all(not one.size or 0 <= one.min() <= one.max() < plan.count for one in listed)
    return known and wide == {plan.width}


def groups_are_of(groups: GroupTable, images: dict[str, np.ndarray], plan: Plan) -> bool:
    """Check that groups have as many images as a table of images has of them.

    Args:
        groups: sums by label and answer.
        images: columns ``ok``, ``label`` and ``answer``.
        plan: plan of the atlas.
    """
    labels, answers = images["label"][images["ok"]], images["answer"][images["ok"]]
    if (groups.groups[:, 1] == OTHERS).any():
        right = (answers == labels) & (plan.images.classes == plan.network.classes)
        answers = np.where(right, answers, OTHERS)
    step = plan.classes + 2
    keys, counts = np.unique((labels.astype(np.int64) + 1) * step + answers + 2, return_counts=True)
    known = (groups.groups[:, 0].astype(np.int64) + 1) * step + groups.groups[:, 1] + 2
    return np.array_equal(keys, known) and np.array_equal(counts, groups.count)


def sample_of(count: int) -> Int64[np.ndarray, " n"]:
    """Return the numbers of a few rows, spread evenly, with the first and the last."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, SAMPLED)).astype(np.int64))


def scores_are_of(scores: Float32[np.ndarray, "n p"], values: Float16[np.ndarray, "n d"], axes: PrincipalAxes) -> bool:
    """Check that coordinates are those of rows of gates; rows without numbers have none."""
    used = (axes.axes != 0).any(axis=0)
    centred = values[:, used].astype(np.float64) - axes.mean[used]
    finite = np.isfinite(centred).all(axis=1)
    expected = centred[finite] @ axes.axes[:, used].T.astype(np.float64)
    lengths = np.linalg.norm(values[finite][:, used].astype(np.float64), axis=1, keepdims=True)
    limit = _ROUNDING * (1 + lengths) + _ROUNDING_OF_MEAN * np.linalg.norm(axes.mean[used])
    near = np.abs(scores[finite] - expected) <= limit
    return bool(near.all()) and not np.isfinite(scores[~finite]).any()


def answers_are_of(
    confidence: Float32[np.ndarray, " n"],
    logits: Float32[np.ndarray, "n k"],
    answers: np.ndarray,
    ok: Bool[np.ndarray, " n"],
    *,
    sigmoids: bool,
) -> bool:
    """Check that confidences are the probabilities that logits give the answers."""
    known = ok & (answers >= 0)
    expected = probabilities_of(logits[known], answers[known], sigmoids=sigmoids)
    return bool(np.allclose(confidence[known], expected, rtol=1e-6, atol=1e-9, equal_nan=True))
