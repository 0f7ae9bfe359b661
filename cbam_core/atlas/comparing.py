"""Two atlases of the same images: what changed in gates and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int64

from cbam_core.atlas.answers import AtlasComparison, GateChange
from cbam_core.atlas.layout import AtlasGate
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.rows import Rows, read
from cbam_core.atlas.slices import Where
from cbam_core.errors import AtlasError
from cbam_core.results.paired import Change, change

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Flags = Bool[np.ndarray, " n"] | None
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
        sums = _compared((atlas, own), (other, its), (images, others), members)
        squared += sums.squared
        changes.append(sums.change(own.name, classes))
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


def _same_ids(atlas: Atlas, other: Atlas) -> bool:
    return atlas is other or (len(atlas) == len(other) and list(atlas.ids) == list(other.ids))


def shared_gates(atlas: Atlas, other: Atlas) -> list[tuple[AtlasGate, AtlasGate]]:
    """Return the gates that both atlases have, by name and shape."""
    theirs = {(gate.name, gate.shape): gate for gate in other.gates}
    return [(gate, theirs[gate.name, gate.shape]) for gate in atlas.gates if (gate.name, gate.shape) in theirs]


def _classes_of(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> tuple[tuple[str, ...], Bool[np.ndarray, "g n"]]:
    """Return the classes that have an image, and which each image is of."""
    labels = atlas.labels[images]
    present = [label for label in np.unique(labels).tolist() if label >= 0] if atlas.has_labels else []
    members = labels[None, :] == np.array(present, np.int64)[:, None]
    return tuple(atlas.label_classes[label] for label in present), members


class _Sums:
    """Sums over pairs of rows, taken in part by part, of a gate's values less an origin near their means.

    Args:
        origin: origin of the first and of the second values, (2, C).
        members: images of each class, (G, N).
    """

    def __init__(self, origin: Float32[np.ndarray, "2 c"], members: Bool[np.ndarray, "g n"]) -> None:
        self.origin, self.members, self.count = origin, members, members.shape[1]
        self.means, self.squares = np.zeros((2, *origin.shape))
        self.products, self.absolute = np.zeros((2, origin.shape[1]))
        self.by_class = np.zeros(len(members))
        self.squared = np.zeros(self.count)

    def add(self, part: slice, one: Rows, two: Rows) -> None:
        """Add some pairs; products of matrices sum a column faster than its sum does."""
        one, two = one - self.origin[0], two - self.origin[1]
        ones = np.ones(len(one), np.float32) / max(1, self.count)
        self.means += ones @ one, ones @ two
        work = one * two
        self.products += ones @ work
        apart = np.subtract(two, one, out=work)
        apart += self.origin[1] - self.origin[0]
        np.abs(apart, out=apart)
        self.absolute += ones @ apart
        self.by_class += self.members[:, part] @ (apart @ np.ones(apart.shape[1], np.float32))
        self.squared[part] = np.einsum("nc,nc->n", apart, apart)
        self.squares += ones @ np.square(one, out=one), ones @ np.square(two, out=two)

    def change(self, gate: str, classes: tuple[str, ...]) -> GateChange:
        """Compute the means and correlations."""
        variances = np.maximum(self.squares - self.means**2, 0.0)
        scale = np.sqrt(variances[0] * variances[1])
        shared = self.products - self.means[0] * self.means[1]
        before, after = self.means + self.origin
        return GateChange(
            gate=gate,
            mean_before=before,
            mean_after=after,
            difference=after - before,
            absolute=self.absolute,
            correlation=np.where(scale > CONSTANT, shared / np.where(scale > 0, scale, 1.0), np.nan),
            groups=classes,
            by_class=self.by_class / np.maximum(1, self.members.sum(axis=1) * len(self.absolute)),
        )


def _compared(
    first: tuple[Atlas, AtlasGate], second: tuple[Atlas, AtlasGate], pairs: Pairs, members: Bool[np.ndarray, "g n"]
) -> _Sums:
    """Sum what one gate of both atlases differs by."""
    size = first[1].size
    sums = _Sums(np.stack([_middle(*first, pairs[0]), _middle(*second, pairs[1])]), members)
    step = max(1, PART // max(1, size))
    for start in range(0, len(pairs[0]), step):
        part = slice(start, start + step)
        one = read(first[0], first[1].columns, pairs[0][part])
        sums.add(part, one, read(second[0], second[1].columns, pairs[1][part]))
    return sums


def _middle(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, " c"]:
    """Return a number near the values of each column, whose subtraction keeps digits."""
    few = read(atlas, gate.columns, images[:64])
    return few.mean(axis=0) if len(few) else np.zeros(gate.size, np.float32)


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
