"""Two atlases of the same images: what changed in gates and answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cbam_core.atlas.answers import AtlasComparison, GateChange
from cbam_core.atlas.finite import is_finite, with_values
from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.rows import in_parts, read
from cbam_core.atlas.slices import Where
from cbam_core.errors import AtlasError
from cbam_core.results.paired import Change, change

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Flags = Bool[np.ndarray, " n"] | None
Members = Bool[np.ndarray, "g n"]
Pairs = tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]
CONSTANT = 1e-9
"""Product of two deviations below which a value is the same for all images, but for rounding."""
PART = 1 << 17
"""Numbers of each atlas that are compared at once: what fits in a processor's cache."""


def compare(atlas: Atlas, other: Atlas, where: Where, n: int) -> AtlasComparison:
    """Return what differs in another atlas of the same images; see `Atlas.compare`."""
    images, others = paired(atlas, other, atlas.select(where))
    shared = shared_gates(atlas, other)
    classes, members = _classes_of(atlas, images)
    squared = np.zeros(len(images))
    changes = []
    for own, its in shared:
        kept = _with_values((atlas, own), (other, its), (images, others))
        pairs = (images, others) if kept is None else (images[kept], others[kept])
        with np.errstate(invalid="ignore"):  # a value that is finite in no image
            moments = _moments(atlas, own, pairs[0]), _moments(other, its, pairs[1])
            apart = _apart((atlas, own), (other, its), pairs, moments[1].mean - moments[0].mean)
        if kept is None:
            squared += apart.squared
            changes.append(_change(own.name, moments, apart, classes, members))
        else:
            squared += _spread_out(apart.squared, kept)
            found = _change(own.name, moments, apart, classes, members[:, kept])
            changes.append(_without(found, members[:, kept], int((~kept).sum())))
    moved = np.sqrt(squared)
    names = {own.name for own, _ in shared}
    alone = dict.fromkeys(gate.name for gate in (*atlas.gates, *other.gates) if gate.name not in names)
    most = images[leading(-moved, n)] if shared else images[:0]
    return AtlasComparison(
        images, others, tuple(changes), tuple(alone), moved, *_answers(atlas, other, images, others), most
    )


def paired(atlas: Atlas, other: Atlas, images: Int64[np.ndarray, " m"]) -> Pairs:
    """Return the numbers of images that both atlases have, in each.

    Raises:
        AtlasError: no image is in both.
    """
    others = images if _same_ids(atlas, other) else other.find(atlas.ids)[images]
    both = others >= 0
    both[both] = other.ok[others[both]]
    if len(images) and not both.any():
        raise AtlasError(
            "atlas.no-pairs",
            "no image is in both atlases: one is of {first}, such as {one}, the other of {second}, such as {two}",
            first=atlas.title,
            second=other.title,
            one=atlas.ids[0],
            two=other.ids[0] if len(other) else "none",
        )
    return images[both], others[both]


def _with_values(first: tuple[Atlas, AtlasGate], second: tuple[Atlas, AtlasGate], pairs: Pairs) -> Flags:
    """Return in which pairs the values of a gate are finite in both atlases; None for all."""
    if is_finite(*first) and is_finite(*second):
        return None
    own, its = (np.isin(images, with_values(*one, images)) for one, images in zip((first, second), pairs, strict=True))
    kept: Bool[np.ndarray, " n"] = own & its
    return kept


def _spread_out(values: Float64[np.ndarray, " k"], kept: Bool[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Put values of pairs in the places of those that were kept; NaN in the others."""
    placed = np.full(len(kept), np.nan)
    placed[kept] = values
    return placed


def _without(found: GateChange, members: Members, left_out: int) -> GateChange:
    """Say how many pairs were left out, and that nothing is known of what has no pair."""
    by_class = np.where(members.any(axis=1), found.by_class, np.nan)
    if members.shape[1]:
        return replace(found, by_class=by_class, left_out=left_out)
    names = ("mean_before", "mean_after", "difference", "absolute", "correlation")
    unknown: dict[str, Any] = dict.fromkeys(names, np.full(len(found.absolute), np.nan))
    return replace(found, **unknown, by_class=by_class, left_out=left_out)


def _same_ids(atlas: Atlas, other: Atlas) -> bool:
    return atlas is other or (len(atlas) == len(other) and list(atlas.ids) == list(other.ids))


def shared_gates(atlas: Atlas, other: Atlas) -> list[tuple[AtlasGate, AtlasGate]]:
    """Return the gates that both atlases have, by name and shape."""
    theirs = {(gate.name, gate.shape): gate for gate in other.gates}
    return [(gate, theirs[gate.name, gate.shape]) for gate in atlas.gates if (gate.name, gate.shape) in theirs]


def _classes_of(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> tuple[tuple[str, ...], Members]:
    """Return the classes that have an image, and which each image is of."""
    labels = atlas.labels[images]
    present = [label for label in np.unique(labels).tolist() if label >= 0] if atlas.has_labels else []
    members = labels[None, :] == np.array(present, np.int64)[:, None]
    return tuple(atlas.label_classes[label] for label in present), members


@dataclass(frozen=True, eq=False)
class _Moments:
    """Mean and variance of each value of a gate over some images.

    Attributes:
        mean: means.
        variance: variances, divided by the number of images.
    """

    mean: Float64[np.ndarray, " c"]
    variance: Float64[np.ndarray, " c"]


def _moments(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " n"]) -> _Moments:
    """Compute means and variances; those of all images are remembered."""
    if len(images) == len(atlas):
        return atlas.remembered(f"moments {gate.name}", lambda: _moments_of(atlas, gate, np.arange(len(atlas))))
    return _moments_of(atlas, gate, images)


def _moments_of(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " n"]) -> _Moments:
    few = read(atlas, gate.columns, images[:64])
    origin = few.mean(axis=0) if len(few) else np.zeros(gate.size, np.float32)  # near the mean, so that digits are kept
    sums, squares = np.zeros((2, gate.size))
    for part, rows in in_parts(atlas, gate.columns, images, PART):
        share = np.full(len(part), 1 / len(images), np.float32)
        centred = rows - origin
        sums += share @ centred
        squares += share @ np.square(centred, out=centred)
    return _Moments(sums + origin, np.maximum(squares - sums**2, 0.0))


@dataclass(frozen=True, eq=False)
class _Apart:
    """How far the values of a gate are apart in pairs of images.

    Attributes:
        absolute: mean absolute difference of each value.
        variance: variance of the difference of each value.
        by_row: mean absolute difference over the values of each image.
        squared: sum of the squared differences of each image.
    """

    absolute: Float64[np.ndarray, " c"]
    variance: Float64[np.ndarray, " c"]
    by_row: Float64[np.ndarray, " n"]
    squared: Float64[np.ndarray, " n"]


def _apart(
    first: tuple[Atlas, AtlasGate], second: tuple[Atlas, AtlasGate], pairs: Pairs, difference: Float64[np.ndarray, " c"]
) -> _Apart:
    """Sum what the values of a gate differ by; products with ones sum rows and columns faster than their sums do."""
    size, count = first[1].size, len(pairs[0])
    absolute, spread = np.zeros((2, size))
    by_row, squared = np.zeros((2, count))
    ones = np.full(size, 1 / max(1, size), np.float32)
    for part, one in in_parts(first[0], first[1].columns, pairs[0], PART):
        own = slice(int(part[0]), int(part[-1]) + 1)
        share = np.full(len(part), 1 / count, np.float32)
        apart = read(second[0], second[1].columns, pairs[1][own]) - one
        squared[own] = np.einsum("nc,nc->n", apart, apart)
        distance = np.abs(apart)
        absolute += share @ distance
        by_row[own] = distance @ ones
        apart -= difference.astype(np.float32)
        spread += share @ np.square(apart, out=apart)
    return _Apart(absolute, spread, by_row, squared)


def _change(
    gate: str, moments: tuple[_Moments, _Moments], apart: _Apart, classes: tuple[str, ...], members: Members
) -> GateChange:
    before, after = moments
    shared = (before.variance + after.variance - apart.variance) / 2
    scale = np.sqrt(before.variance * after.variance)
    return GateChange(
        gate=gate,
        mean_before=before.mean,
        mean_after=after.mean,
        difference=after.mean - before.mean,
        absolute=apart.absolute,
        correlation=np.where(scale > CONSTANT, shared / np.where(scale > 0, scale, 1.0), np.nan),
        groups=classes,
        by_class=members @ apart.by_row / np.maximum(1, members.sum(axis=1)),
    )


def _answers(
    atlas: Atlas, other: Atlas, images: Int64[np.ndarray, " n"], others: Int64[np.ndarray, " n"]
) -> tuple[Flags, Flags, Flags, Change | None]:
    if not atlas.has_answers or atlas.classes != other.classes:
        return None, None, None, None
    before, after, labels = atlas.answers[images], other.answers[others], atlas.targets[images]
    differs = before != after
    if not atlas.can_be_right:
        return differs, None, None, None
    known = labels >= 0
    was, now = (before == labels) & known, (after == labels) & known
    counted = change(*(found[known].astype(np.uint32) for found in (labels, before, after)))
    return differs, now & ~was, was & ~now, counted
