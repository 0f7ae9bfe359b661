"""Two atlases of the same images: what changed in gates and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cbam_core.atlas.answers import AtlasComparison, GateChange
from cbam_core.atlas.layout import AtlasGate
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.slices import Where
from cbam_core.errors import AtlasError
from cbam_core.results.paired import Change, change

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Flags = Bool[np.ndarray, " n"] | None


def compare(atlas: Atlas, other: Atlas, where: Where, n: int) -> AtlasComparison:
    """Return what differs in another atlas of the same images; see `Atlas.compare`."""
    images, others = paired(atlas, other, atlas.select(where))
    shared = shared_gates(atlas, other)
    moved = np.zeros(len(images))
    changes = []
    for own, its in shared:
        before = atlas.contents.values[:, own.columns][images].astype(np.float64)
        after = other.contents.values[:, its.columns][others].astype(np.float64)
        moved += ((after - before) ** 2).sum(axis=1)
        changes.append(_change(atlas, own.name, images, before, after))
    moved = np.sqrt(moved)
    names = {own.name for own, _ in shared}
    alone = dict.fromkeys(gate.name for gate in (*atlas.gates, *other.gates) if gate.name not in names)
    most = images[leading(-moved, n)] if shared else images[:0]
    return AtlasComparison(
        images, others, tuple(changes), tuple(alone), moved, *_answers(atlas, other, images, others), most
    )


def paired(
    atlas: Atlas, other: Atlas, images: Int64[np.ndarray, " m"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Return the numbers of images that both atlases have, in each.

    Raises:
        AtlasError: no image is in both.
    """
    numbers = {name: number for number, name in enumerate(other.ids)}
    others = np.array([numbers.get(atlas.ids[image], -1) for image in images.tolist()], np.int64)
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


def shared_gates(atlas: Atlas, other: Atlas) -> list[tuple[AtlasGate, AtlasGate]]:
    """Return the gates that both atlases have, by name and shape."""
    theirs = {(gate.name, gate.shape): gate for gate in other.gates}
    return [(gate, theirs[gate.name, gate.shape]) for gate in atlas.gates if (gate.name, gate.shape) in theirs]


def _change(
    atlas: Atlas,
    gate: str,
    images: Int64[np.ndarray, " n"],
    before: Float64[np.ndarray, "n c"],
    after: Float64[np.ndarray, "n c"],
) -> GateChange:
    many = max(1, len(images))
    first, second = before.sum(axis=0) / many, after.sum(axis=0) / many
    apart = np.abs(after - before)
    centred = before - first, after - second
    products = (centred[0] * centred[1]).sum(axis=0)
    scale = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    labels = atlas.labels[images]
    present = [label for label in np.unique(labels).tolist() if label >= 0] if atlas.has_labels else []
    return GateChange(
        gate=gate,
        mean_before=first,
        mean_after=second,
        difference=second - first,
        absolute=apart.sum(axis=0) / many,
        correlation=np.where(scale > 1e-12 * many, products / np.where(scale > 0, scale, 1.0), np.nan),
        groups=tuple(atlas.label_classes[label] for label in present),
        by_class=np.array([apart[labels == label].mean() for label in present]),
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
