"""Means of a gate's values in groups of images: which channels belong to which class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from cbam_core.atlas.answers import Profile
from cbam_core.atlas.cube import Cells, Described, cells_of, describe
from cbam_core.atlas.finite import is_finite, with_values
from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.rows import in_parts
from cbam_core.atlas.slices import Where, own_columns_of
from cbam_core.errors import AtlasError
from cbam_core.results.paired import student

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

GREATEST = 200
"""Most groups that a column of the metadata may define."""
FEW = 32
"""Most groups that are summed by a product of matrices."""

Moments = tuple[Int64[np.ndarray, " g"], Float64[np.ndarray, "g c"], Float64[np.ndarray, "g c"]]
"""Number of images, sum of the values and sum of their squares, for each group."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of images.

    Attributes:
        names: names of the G groups.
        wheres: what selects the images of each.
        codes: group of each of M images; -1 for none.
    """

    names: tuple[str, ...]
    wheres: tuple[Mapping[str, Any], ...]
    codes: Int64[np.ndarray, " m"]


def profile(atlas: Atlas, gate: AtlasGate, by: str, where: Where) -> Profile:
    """Return the means of a gate's values in groups of images; see `Atlas.profile`."""
    check_grouping(atlas, by)
    cells = cells_of(atlas, where, by) if is_finite(atlas, gate) else None
    if cells is not None:
        groups = _present(_by_labels(atlas, by, cells.described))
        return profile_of(gate, by, groups, _moments_of(cells, gate, groups))
    chosen = atlas.select(where)
    images = with_values(atlas, gate, chosen)
    described = describe(atlas, images)
    groups = _present(_by_column(atlas, by, images) if by in columns(atlas) else _by_labels(atlas, by, described))
    found = profile_of(gate, by, groups, moments(atlas, gate, images, groups))
    return replace(found, left_out=len(chosen) - len(images))


def _moments_of(cells: Cells, gate: AtlasGate, groups: Groups) -> Moments:
    """Add up the cells of each group."""
    members = (groups.codes == np.arange(len(groups.names))[:, None]).astype(np.float64)
    counts = members @ cells.described.weights
    return counts.astype(np.int64), members @ cells.total[:, gate.columns], members @ cells.squares[:, gate.columns]


def profile_of(gate: AtlasGate, by: str, groups: Groups, summed: Moments) -> Profile:
    """Compute means, intervals and selectivity of groups that each have an image.

    Args:
        gate: the gate.
        by: what defines the groups.
        groups: the groups; their codes are not read.
        summed: number of images, sum of the values and sum of their squares, for each group.
    """
    counts, sums, squares = summed
    number = counts[:, None]
    mean = sums / number
    within = np.maximum(squares - sums * mean, 0.0)
    reach = np.array([student(n - 1) if n > 1 else np.nan for n in counts.tolist()]).reshape(-1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = reach * np.sqrt(within / (number - 1) / number)
    selectivity = _between(counts, sums, mean, within)
    low, high = (0.0, 1.0) if gate.squashed else (-np.inf, np.inf)
    return Profile(
        gate=gate.name,
        by=by,
        groups=groups.names,
        wheres=groups.wheres,
        counts=counts,
        mean=mean,
        low=np.maximum(mean - reach, low),
        high=np.minimum(mean + reach, high),
        selectivity=selectivity,
        chance=min(1.0, max(0, len(counts) - 1) / max(1, int(counts.sum()) - 1)),
        order=np.argsort(-selectivity, kind="stable"),
    )


def _between(
    counts: Int64[np.ndarray, " g"],
    sums: Float64[np.ndarray, "g c"],
    mean: Float64[np.ndarray, "g c"],
    within: Float64[np.ndarray, "g c"],
) -> Float64[np.ndarray, " c"]:
    """Compute the share of the variance that lies between groups."""
    middle = sums.sum(axis=0) / max(1, counts.sum())
    between = (counts[:, None] * (mean - middle) ** 2).sum(axis=0)
    total = between + within.sum(axis=0)
    with np.errstate(invalid="ignore"):  # a value that is finite in no image
        certain = total > 1e-12 * max(1, counts.sum())  # below that, sums of squares are rounding
    return np.where(certain, between / np.where(certain, total, 1.0), 0.0)


def moments(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " m"], groups: Groups) -> Moments:
    """Count images and sum values and their squares in each group, in float64.

    Args:
        atlas: the atlas.
        gate: the gate.
        images: numbers of the images that are meant.
        groups: their groups.
    """
    many = len(groups.names)
    grouped_images = np.flatnonzero(groups.codes >= 0)
    codes = groups.codes[grouped_images]
    sums, squares = np.zeros((2, many, gate.size))
    finite = is_finite(atlas, gate)
    for part, rows in in_parts(atlas, gate.columns, images[grouped_images]):
        wide = rows.astype(np.float64)
        if not finite:
            wide[~np.isfinite(wide)] = np.nan  # which makes no warnings, as infinite ones do
        _add(sums, codes[part], wide)
        _add(squares, codes[part], np.square(wide, out=wide))
    return np.bincount(codes, minlength=many), sums, squares


def _add(sums: Float64[np.ndarray, "g c"], codes: Int64[np.ndarray, " m"], rows: Float64[np.ndarray, "m c"]) -> None:
    """Add rows to the sums of their groups: as a product for few groups, else sorted."""
    if len(sums) <= FEW:
        sums += (codes == np.arange(len(sums))[:, None]).astype(np.float64) @ rows
        return
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sums[codes[order[starts]]] += np.add.reduceat(rows[order], starts, axis=0)


def check_grouping(atlas: Atlas, by: str) -> None:
    """Check that images can be grouped.

    Raises:
        AtlasError: they have no such groups.
    """
    known = (*_groupings(atlas), *columns(atlas))
    if not known:
        raise AtlasError(
            "atlas.no-groups",
            "images of this atlas cannot be grouped by {by}: they have no labels, no answers and no columns, which "
            "cbam atlas build --metadata gives them",
            by=repr(by),
        )
    if by not in known:
        raise AtlasError(
            "atlas.unknown-groups",
            "images of this atlas cannot be grouped by {by}; they can be by {known}",
            by=repr(by),
            known=", ".join(known),
        )


def _by_labels(atlas: Atlas, by: str, described: Described) -> Groups:
    if by == "class":
        return _named(by, atlas.label_classes, described)
    if by == "answer":
        return _named(by, atlas.classes, described)
    if by == "right":
        codes = described.right.astype(np.int64)
        return Groups(("wrong", "right"), ({"right": False}, {"right": True}), codes)
    return _pairs(atlas, described)


def _groupings(atlas: Atlas) -> tuple[str, ...]:
    return (
        *(("class",) if atlas.has_labels else ()),
        *(("answer",) if atlas.has_answers else ()),
        *(("right", "pair") if atlas.can_be_right else ()),
    )


def columns(atlas: Atlas) -> tuple[str, ...]:
    """Return the columns of the metadata that no column of the atlas itself hides."""
    hidden = (*own_columns_of(atlas), *_groupings(atlas))
    return tuple(name for name in atlas.metadata if name not in hidden)


def groupings_of(atlas: Atlas) -> tuple[str, ...]:
    """Return what images can be grouped by: columns of the metadata with too many values are not among them."""
    few = (name for name in columns(atlas) if len(np.unique(atlas.metadata[name])) <= GREATEST)
    return (*_groupings(atlas), *few)


def _named(by: str, classes: tuple[str, ...], described: Described) -> Groups:
    codes = described.labels if by == "class" else described.answers
    return Groups(classes, tuple({by: name} for name in classes), codes.astype(np.int64))


def _pairs(atlas: Atlas, described: Described) -> Groups:
    """Group wrong answers by label and answer, the most frequent pair first."""
    many = max(1, len(atlas.classes))
    wrong = np.flatnonzero(described.right == 0)
    found, members = np.unique(
        described.labels[wrong].astype(np.int64) * many + described.answers[wrong], return_inverse=True
    )
    counts = np.bincount(members, described.weights[wrong], minlength=len(found))
    order = np.argsort(-counts, kind="stable")
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    codes = np.full(len(described.labels), -1, np.int64)
    codes[wrong] = places[members]
    named = [(atlas.label_classes[key // many], atlas.classes[key % many]) for key in found[order].tolist()]
    wheres = tuple({"class": label, "answer": answer} for label, answer in named)
    return Groups(tuple(f"{label} → {answer}" for label, answer in named), wheres, codes)


def _by_column(atlas: Atlas, by: str, images: Int64[np.ndarray, " m"]) -> Groups:
    found, codes = np.unique(atlas.metadata[by][images], return_inverse=True)
    if len(found) > GREATEST:
        raise AtlasError(
            "atlas.many-groups",
            "{by} has {count} different values; a profile has at most {most} groups",
            by=by,
            count=len(found),
            most=GREATEST,
        )
    values = found.tolist()
    return Groups(tuple(map(str, values)), tuple({by: value} for value in values), codes.astype(np.int64))


def _present(groups: Groups) -> Groups:
    """Leave out groups without an image."""
    counts = np.bincount(groups.codes[groups.codes >= 0], minlength=len(groups.names))
    kept = np.flatnonzero(counts)
    table = np.full(len(counts) + 1, -1, np.int64)
    table[kept] = np.arange(len(kept))
    return Groups(
        tuple(groups.names[number] for number in kept),
        tuple(groups.wheres[number] for number in kept),
        table[groups.codes],
    )
