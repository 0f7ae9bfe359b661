"""What each gate of a network does over a labelled set, and gates to lend to other images, in one pass."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.evaluation.usual_gates import UsualSums
from cbam_core.network import Classifier
from cbam_core.observing import Observation
from cbam_core.results.score import CLOSED, OPEN, GateFacts
from cbam_core.results.usual import Usual, UsualGate

LARGEST = 64_000_000
"""Largest memory for gates to lend, in bytes; where all do not fit, the first images of a random order lend theirs."""

MOST_SUMS = 20_000_000
"""Largest number of sums for the variance between classes; above it, that is not computed."""


class Donors:
    """For every image another one that lends it its gates: any, or one of its class.

    Args:
        labels: true class of each image.
        seed: seed of the order in which images lend their gates.
    """

    def __init__(self, labels: Int64[np.ndarray, " n"], seed: int = 0) -> None:
        self._labels = labels
        self._order = np.random.default_rng(seed).permutation(len(labels))
        self._values: dict[str, Float32[np.ndarray, "m ..."]] = {}
        self._place = np.full(len(labels), -1)  # of an image among those that lend
        self.other = self.same_class = np.arange(len(labels))

    def take_in(self, start: int, seen: Observation) -> None:
        """Keep the gates of some images.

        Args:
            start: index of the first of them.
            seen: what the network did.
        """
        if not self._values:
            self._open(seen)
        places = self._place[start : start + len(seen.logits)]
        for gate in seen.gates:
            self._values[gate.name][places[places >= 0]] = gate.values[places >= 0]

    def _open(self, seen: Observation) -> None:
        size = sum(gate.values[0].nbytes for gate in seen.gates)
        lending = self._order[: max(2, LARGEST // max(size, 1))]
        self._place[lending] = np.arange(len(lending))
        self._values = {gate.name: np.empty((len(lending), *gate.values.shape[1:]), np.float32) for gate in seen.gates}
        self.other = _next_in(self._order, len(lending))
        self.same_class = np.arange(len(self._labels))
        rank = np.empty_like(self._order)
        rank[self._order] = np.arange(len(self._order))
        for label in np.unique(self._labels):
            members = np.flatnonzero(self._labels == label)
            members = members[np.argsort(rank[members])]
            count = int((self._place[members] >= 0).sum())
            if count:
                self.same_class[members] = _next_in(members, count)[members]

    def lent(self, gate: str, images: Int64[np.ndarray, " b"]) -> Float32[np.ndarray, "b ..."]:
        """Return one gate of some images that lend theirs."""
        values: np.ndarray = self._values[gate][self._place[images]]
        return values

    def lends(self, images: Int64[np.ndarray, " b"]) -> bool:
        """Check that the gates of all these images were kept."""
        return bool((self._place[images] >= 0).all())


def _next_in(order: Int64[np.ndarray, " m"], lending: int) -> Int64[np.ndarray, " n"]:
    """Give each image of an order the next one, of the first ones alone; never itself unless there is no other.

    Returns:
        Donor of each image, by the image's index; images that are not in the order have none (0).
    """
    donors = np.zeros(int(order.max(initial=0)) + 1, np.int64)
    donors[order] = order[(np.arange(len(order)) + 1) % lending]
    return donors


class FactSums:
    """Running statistics of a network's gates over labelled images, which `take_in` adds batch by batch.

    Args:
        classifier: the network.
        labels: true class of each image.
        classes: number of classes.
    """

    def __init__(self, classifier: Classifier, labels: Int64[np.ndarray, " n"], classes: int) -> None:
        self._labels, self._classes = labels, classes
        self._usual = UsualSums(classifier)
        self._gates: dict[str, _Levels] = {}

    @property
    def count(self) -> int:
        """Number of images taken in."""
        return self._usual.count

    def take_in(self, seen: Observation) -> None:
        """Add the gates of the next images."""
        labels = self._labels[self.count : self.count + len(seen.logits)]
        for gate in seen.gates:
            flat = gate.values.reshape(len(labels), -1)
            if gate.name not in self._gates:
                self._gates[gate.name] = _Levels(self._classes, flat.shape[1])
            self._gates[gate.name].add(flat, labels)
        self._usual.take_in(seen)

    def usual(self, images: str) -> Usual:
        """Compute the usual values over these images.

        Args:
            images: name of the images.

        Raises:
            DataError: there were no images, or only one.
        """
        return self._usual.usual(images)

    def facts(self) -> tuple[GateFacts, ...]:
        """Compute what each gate does.

        Raises:
            DataError: as `usual`.
        """
        return tuple(self._gates[gate.name].facts(gate) for gate in self.usual("").gates)


class _Levels:
    """How high one gate's values are, in all and for each class."""

    def __init__(self, classes: int, cells: int) -> None:
        self._counts = np.zeros(classes, np.int64)
        self._sums = np.zeros((classes, cells)) if classes * cells <= MOST_SUMS else None
        self._closed = self._open = self._values = 0
        self._lowest = np.inf

    def add(self, values: Float32[np.ndarray, "b cells"], labels: Int64[np.ndarray, " b"]) -> None:
        self._values += values.size
        self._closed += int((values < CLOSED).sum())
        self._open += int((values > OPEN).sum())
        self._lowest = min(self._lowest, float(values.min()))
        for label in np.unique(labels):
            members = labels == label
            self._counts[label] += members.sum()
            if self._sums is not None:
                self._sums[label] += values[members].sum(axis=0, dtype=np.float64)

    def facts(self, gate: UsualGate) -> GateFacts:
        return GateFacts(
            name=gate.name,
            kind=gate.kind,
            mean=gate.level,
            deviation=float(np.sqrt(gate.variance)),
            closed=self._closed / self._values,
            open=self._open / self._values,
            lowest=self._lowest,
            shares=gate.shares,
            between=None if self._sums is None else between_classes(self._sums, self._counts, gate),
        )


def between_classes(
    sums: Float64[np.ndarray, "k cells"], counts: Int64[np.ndarray, " k"], gate: UsualGate
) -> float | None:
    """Compute the share of a gate's variance over images that lies between classes.

    This is epsilon squared (T. L. Kelley, 1935): from the share that the means of the classes explain, what chance
    alone would give with so few images is taken away.

    Args:
        sums: sum of each value over the images of each class.
        counts: number of images of each class.
        gate: the gate over all these images.

    Returns:
        A share in [0, 1]; None where there are too few images, or the gate is the same for every image.
    """
    there = counts > 0
    total, classes = int(counts.sum()), int(there.sum())
    variance = float(np.square(gate.deviation.astype(np.float64)).sum()) * total
    if total <= classes or classes < 2 or variance <= 0:
        return None
    means = sums[there] / counts[there, None]
    middle = sums.sum(axis=0) / total
    between = float((counts[there, None] * np.square(means - middle)).sum())
    share = 1 - (1 - between / variance) * (total - 1) / (total - classes)
    return min(1.0, max(0.0, share))
