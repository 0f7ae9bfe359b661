"""Means and standard deviations of a network's gates for each class, over any number of images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from cbam_core.data.dataset import Labels
from cbam_core.errors import DataError
from cbam_core.evaluation.moments import Moments
from cbam_core.network import Classifier
from cbam_core.observing import Observation, batch_size, batches, observe_all, placements
from cbam_core.results.explanation import Block, Gate, blocks_of, own_copy
from cbam_core.results.kinds import Kind
from cbam_core.results.means import GateMeans

GateKey = tuple[str, str, Kind, int]
"""Block, name, kind and call of a gate."""


@dataclass
class _ClassSums:
    """Sums of one class so far; gates in order of execution."""

    gates: dict[GateKey, Moments] = field(default_factory=dict)
    probabilities: Moments | None = None
    predicted: list[str] = field(default_factory=list)


class GateSums:
    """Running means of gates for each class of labelled images, which `add` takes batch by batch.

    Args:
        classifier: the network; it is not changed.
        classes: names of the classes, in the order of the labels.
    """

    def __init__(self, classifier: Classifier, classes: tuple[str, ...]) -> None:
        self._classifier, self._classes = classifier, classes
        self._found = {name: _ClassSums() for name in classes}
        self.count = 0

    def add(self, images: UInt8[np.ndarray, "n h w 3"], labels: Labels) -> None:
        """Run the network on a batch, and add its gates.

        Args:
            images: RGB; of images of another size, the centre is fitted to the network's input.
            labels: indices into the classes.

        Raises:
            CaptureError, ModelError: as `cbam_core.observing.observe`.
        """
        parts = batches(len(labels), batch_size(self._classifier))
        for part, seen in zip(parts, observe_all(self._classifier, images), strict=True):
            self.take_in(seen, labels[part])

    def take_in(self, seen: Observation, labels: Labels) -> None:
        """Add the gates of some images that the network has seen."""
        values = {(gate.block, gate.name, gate.kind, gate.call): gate.values for gate in seen.gates}
        for label in np.unique(labels).tolist():
            mine = labels == label
            self._take(self._found[self._classes[label]], {key: one[mine] for key, one in values.items()})
            self._count(self._found[self._classes[label]], seen.probabilities[mine])
        self.count += len(labels)

    def means(self) -> dict[str, GateMeans]:
        """Compute the means of each class, by its name.

        Raises:
            DataError: a class has no image.
        """
        return {name: self._summary(name, found) for name, found in self._found.items()}

    def _take(self, found: _ClassSums, values: dict[GateKey, Float32[np.ndarray, " n *shape"]]) -> None:
        for key, one in values.items():
            moments = Moments.of(one)
            found.gates[key] = found.gates[key].joined(moments) if key in found.gates else moments

    def _count(self, found: _ClassSums, probabilities: Float32[np.ndarray, "n k"]) -> None:
        moments = Moments.of(probabilities)
        found.probabilities = moments if found.probabilities is None else found.probabilities.joined(moments)
        if self._classifier.classes:
            found.predicted += [self._classifier.classes[at] for at in probabilities.argmax(axis=1).tolist()]

    def _summary(self, name: str, found: _ClassSums) -> GateMeans:
        if found.probabilities is None:
            raise DataError("summary.no-images", "there are no images of class {name} to take a mean of", name=name)
        return GateMeans(
            count=found.probabilities.count,
            blocks=self._blocks({key: moments.mean for key, moments in found.gates.items()}),
            deviation=self._blocks({key: moments.deviation for key, moments in found.gates.items()}),
            classes=self._classifier.classes,
            probabilities=own_copy(found.probabilities.mean),
            predicted=tuple(found.predicted),
        )

    def _blocks(self, gates: dict[GateKey, Float64[np.ndarray, ...]]) -> tuple[Block, ...]:
        plain = (
            (block, Gate(name, kind, call, own_copy(values))) for (block, name, kind, call), values in gates.items()
        )
        size = self._classifier.input_size
        return blocks_of(plain, placements(self._classifier.model, size), size)
