"""Usual values of a network's gates, over any number of images in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from cbam_core.arguments import takes
from cbam_core.data.dataset import DATASET, Dataset, image_ids
from cbam_core.data.sequences import ImageSequence
from cbam_core.errors import DataError, ImageError
from cbam_core.evaluation.moments import Moments
from cbam_core.evaluation.not_finite import naming_images
from cbam_core.evaluation.readable import ReadImages, read_images
from cbam_core.network import CLASSIFIER, Classifier
from cbam_core.observing import Observation, batch_size, batches, fitted, observe, observe_all
from cbam_core.results.explanation import own_copy
from cbam_core.results.kinds import Kind
from cbam_core.results.usual import NotFinite, Shares, Usual, UsualGate
from cbam_core.workers import in_order


@takes(DataError, classifier=CLASSIFIER, dataset=DATASET)
def usual_gates(
    classifier: Classifier,
    dataset: Dataset,
    *,
    report: Callable[[int], None] = lambda _: None,
    skipped: Callable[[ImageError], None] | None = None,
    workers: int = 1,
) -> Usual:
    """Run a network on every image of a data set, and compute the usual values of its gates.

    Args:
        classifier: the network; it is not changed.
        dataset: images, with or without labels; of an image of another size, the centre is fitted to the network's.
        report: called after each batch with the number of images done.
        skipped: called for each image that cannot be decoded, which is then left out; None to stop at the first.
        workers: number of batches that go through the network side by side; see `workers.workers_side_by_side`.

    Raises:
        CaptureError, ModelError: as `cbam_core.observing.observe`.
        DataError: the data set has no images, or only one.
        ImageError: an image of a folder cannot be decoded, and `skipped` is None.
    """
    sums = UsualSums(classifier)

    def observed(part: slice) -> tuple[Observation | None, ReadImages]:
        if skipped is None:
            pixels = fitted(classifier, dataset.images, part)
            read = ReadImages(pixels, list(range(part.start, part.stop)), {})
        else:
            read = read_images(classifier, dataset.images, part)
        with naming_images(classifier, dataset, lambda: (read.pixels, read.numbers)):
            return observe(classifier, read.pixels) if read.pixels else None, read

    parts = [*batches(len(dataset), batch_size(classifier))]
    for part, (seen, read) in zip(parts, in_order(observed, iter(parts), workers), strict=True):
        for error in read.errors.values():
            if skipped is not None:
                skipped(error)
        if seen is not None:
            sums.take_in(seen, read.numbers)
        report(part.stop)
    return sums.usual(dataset.title, lambda number: next(image_ids(dataset, slice(number, number + 1))))


class UsualSums:
    """Running statistics of a network's gates, which `add` takes batch by batch.

    Args:
        classifier: the network; it is not changed.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._gates: dict[tuple[str, Kind, int], _GateSums] = {}
        self._not_finite: dict[str, list[int]] = {}
        self.count = 0

    def add(self, images: ImageSequence) -> None:
        """Run the network on some images, and add its gates.

        Raises:
            CaptureError, ModelError: as `cbam_core.observing.observe`.
        """
        for seen in observe_all(self._classifier, images):
            self.take_in(seen)

    def take_in(self, seen: Observation, numbers: Sequence[int] = ()) -> None:
        """Add the gates of some images that the network has seen.

        Args:
            seen: what it showed.
            numbers: numbers of the images in their set; empty for those that follow the earlier ones.
        """
        numbers = numbers or range(self.count, self.count + len(seen.logits))
        with np.errstate(invalid="ignore"):  # of gates that are not finite, which `usual` leaves out
            for gate in seen.gates:
                key = (gate.name, gate.kind, gate.call)
                found = _GateSums.of(gate.values)
                self._gates[key] = self._gates[key].joined(found) if key in self._gates else found
                if not found.is_finite:
                    odd = ~np.isfinite(gate.values.reshape(len(gate.values), -1)).all(axis=1)
                    self._not_finite.setdefault(gate.name, []).extend(np.asarray(numbers)[odd].tolist())
        self.count += len(seen.logits)

    def usual(self, images: str, name_of: Callable[[int], str] = str) -> Usual:
        """Compute the usual values; a gate that was not finite for every image has none.

        Args:
            images: name of the images.
            name_of: returns the name of one of them, by its number.

        Raises:
            DataError: there were no images, or only one.
        """
        if not self.count:
            raise DataError("usual.no-images", "there are no images to take the usual gates from; name a set with some")
        if self.count == 1:
            raise DataError("usual.one-image", "one image does not show what is usual; name a set with several")
        gates = (sums.result(*key, images) for key, sums in self._gates.items() if sums.is_finite)
        lacking = (name for (name, _, _), sums in self._gates.items() if not sums.is_finite)
        odd = (
            NotFinite(name, len(numbers), numbers[0], name_of(numbers[0]))
            for name, numbers in ((name, sorted(set(found))) for name, found in self._not_finite.items())
        )
        names = tuple(dict.fromkeys(lacking))
        return Usual(tuple(gates), self.count, images, self._classifier.digest, names, tuple(odd))


class _GateSums:
    """Moments of one gate: of each value, and of the mean of an image's values."""

    def __init__(self, values: Moments, levels: Moments) -> None:
        self._values, self._levels = values, levels

    @classmethod
    def of(cls, values: Float[np.ndarray, " n *shape"]) -> _GateSums:
        wide = values.astype(np.float64)
        return cls(Moments.of(wide), Moments.of(wide.reshape(len(wide), -1).mean(axis=1, keepdims=True)))

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self._values.mean).all() and np.isfinite(self._values.squares).all())

    def joined(self, other: _GateSums) -> _GateSums:
        return _GateSums(self._values.joined(other._values), self._levels.joined(other._levels))

    def result(self, name: str, kind: Kind, call: int, images: str) -> UsualGate:
        mean, count = self._values.mean, self._values.count
        fixed = count * np.square(mean - mean.mean()).sum()
        gain = mean.size * float(self._levels.squares.item())
        pattern = max(0.0, self._values.squares.sum() - gain)
        return UsualGate(
            name=name,
            kind=kind,
            call=call,
            mean=own_copy(mean),
            deviation=own_copy(self._values.deviation),
            variance=float(fixed + gain + pattern) / (count * mean.size),
            shares=_shares(float(fixed), gain, float(pattern)),
            count=count,
            images=images,
        )


def _shares(fixed: float, gain: float, pattern: float) -> Shares:
    """Convert sums of squares to shares; a gate without variance is a fixed pattern."""
    whole = fixed + gain + pattern
    return Shares(fixed / whole, gain / whole, pattern / whole) if whole else Shares(1.0, 0.0, 0.0)
