"""Predictions and usual gates of a network over a data set, in one pass that can be interrupted."""

from __future__ import annotations

from dataclasses import dataclass

from cbam_core.data.dataset import Dataset
from cbam_core.evaluation.scoring import Predictions
from cbam_core.evaluation.usual_gates import UsualSums
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, fitted, observe, observe_all
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.usual import Usual


@dataclass(frozen=True, eq=False)
class Surveyed:
    """Results of a survey.

    Attributes:
        evaluation: predictions for every image; None where the images have no labels, or the network other classes.
        usual: usual values of every gate over the same images.
    """

    evaluation: Evaluation | None
    usual: Usual


class Survey:
    """One pass of a network over a data set: each `step` shows it the next batch.

    Args:
        classifier: the network; it is not changed.
        dataset: images; of an image of another size, the centre is fitted to the network's input.
    """

    def __init__(self, classifier: Classifier, dataset: Dataset) -> None:
        self._classifier, self._dataset = classifier, dataset
        knows = dataset.labels is not None and classifier.classes == dataset.classes
        self._predictions = Predictions(classifier, dataset) if knows else None
        self._usual = UsualSums(classifier)

    @property
    def count(self) -> int:
        """Number of images that the network has seen."""
        return self._usual.count

    @property
    def total(self) -> int:
        """Number of images of the data set."""
        return len(self._dataset)

    def step(self, most: int | None = None) -> None:
        """Show the network the next batch; it does nothing after the last one.

        Args:
            most: largest number of images; None for a whole batch.

        Raises:
            CaptureError, ModelError: as `cbam_core.observing.observe`.
            ImageError: an image of a folder cannot be decoded.
        """
        size = batch_size(self._classifier)
        part = slice(self.count, self.count + (size if most is None else min(size, most)))
        images = fitted(self._classifier, self._dataset.images, part)
        if not images:
            return
        seen = observe(self._classifier, images)
        if self._predictions is not None:
            self._predictions.take_in(seen)
        self._usual.take_in(seen)

    def result(self) -> Surveyed:
        """Return what was found, once every image was shown.

        Raises:
            DataError: there were no images, or only one.
        """
        predictions = self._predictions
        return Surveyed(
            None if predictions is None else predictions.evaluation(), self._usual.usual(self._dataset.title)
        )


def score_with_gates(classifier: Classifier, dataset: Dataset) -> tuple[Evaluation, Usual]:
    """Show a network every image of a labelled data set once; return its predictions, and its usual gates.

    Raises:
        CaptureError, DataError, ImageError, ModelError: as `cbam_core.evaluation.scoring.score` and
            `cbam_core.evaluation.usual_gates.usual_gates`.
    """
    predictions, usual = Predictions(classifier, dataset), UsualSums(classifier)
    for seen in observe_all(classifier, dataset.images):
        predictions.take_in(seen)
        usual.take_in(seen)
    return predictions.evaluation(), usual.usual(dataset.title)
