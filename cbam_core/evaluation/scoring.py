"""Evaluating a network on labelled images, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from cbam_core.arguments import takes
from cbam_core.data.dataset import DATASET, Dataset
from cbam_core.data.sequences import Pixels
from cbam_core.errors import DataError, ModelError
from cbam_core.evaluation.not_finite import naming_images
from cbam_core.evaluation.readable import over_readable
from cbam_core.network import CLASSIFIER, Classifier
from cbam_core.observing import Observation, batch_size, fitted, observe_all
from cbam_core.results.evaluation import Evaluation, levels_of
from cbam_core.steps import finished


@takes(ModelError, classifier=CLASSIFIER, dataset=DATASET)
def score(
    classifier: Classifier,
    dataset: Dataset,
    *,
    report: Callable[[int], None] = lambda _: None,
    workers: int = 1,
) -> Evaluation:
    """Classify labelled images, and return every prediction with its probabilities.

    Images that cannot be decoded are left out, see `Evaluation.left_out`.

    Args:
        classifier: the network; it is not changed.
        dataset: labelled images; of an image of another size, the centre is fitted to the network's input.
        report: called after each batch with the number of images done.
        workers: number of batches that go through the network side by side.

    Raises:
        DataError: there are no images, they have no labels, or none can be decoded.
        ModelError: the network has other classes, is in training mode, or its logits are not finite.
    """

    def classified(images: Dataset) -> Generator[int, None, Evaluation]:
        predictions = Predictions(classifier, images)

        def shown() -> tuple[list[Pixels], range]:
            start = predictions.count
            part = slice(start, min(len(images), start + batch_size(classifier)))
            return fitted(classifier, images.images, part), range(part.start, part.stop)

        with naming_images(classifier, images, shown):
            for seen in observe_all(classifier, images.images, gates=False, workers=workers):
                predictions.take_in(seen)
                yield predictions.count
        return predictions.evaluation()

    return finished(over_readable(classifier, dataset, classified, 0, workers), report)


class Predictions:
    """Predictions of a network for labelled images, which `take_in` collects batch by batch, in their order.

    Args:
        classifier: the network.
        dataset: labelled images.

    Raises:
        DataError: there are no images, or they have no labels.
        ModelError: the network has other classes.
    """

    def __init__(self, classifier: Classifier, dataset: Dataset) -> None:
        labels, classes = dataset.known_labels, dataset.classes
        if not len(labels):
            raise DataError(
                "score.no-images",
                "there are no images in {title} to count answers of; name a set with some",
                title=dataset.title,
            )
        if not classifier.classes:
            raise ModelError(
                "score.no-classes",
                "{name} gives no prediction that could be counted: state its classes, or evaluate a classifier",
                name=_name(classifier),
            )
        if classifier.classes != classes:
            raise _other_classes(classifier, classes)
        number = np.min_scalar_type(len(classes) - 1)
        self._classes, self._split, self._digest = classes, dataset.split, classifier.digest
        self._left_out = dataset.left_out
        self._labels = labels.astype(number)
        self._predicted = np.empty(len(labels), number)
        self._levels = np.empty((len(labels), len(classes)), np.uint16)
        self.count = 0

    def take_in(self, seen: Observation) -> None:
        """Add the predictions for the next images."""
        part = slice(self.count, self.count + len(seen.logits))
        self._predicted[part] = seen.logits.argmax(1)
        self._levels[part] = levels_of(seen.probabilities)
        self.count = part.stop

    def evaluation(self) -> Evaluation:
        """Return the evaluation, once the predictions for all images are there."""
        made_of = (self._classes, self._labels, self._predicted, self._levels, self._split, self._digest)
        return Evaluation(*made_of, left_out=self._left_out)


def _name(classifier: Classifier) -> str:
    return classifier.name or "this network"


def _other_classes(classifier: Classifier, classes: tuple[str, ...]) -> ModelError:
    """Make the error for images of other classes than those of a network; it names first what only one of both has."""
    known = classifier.classes
    return ModelError(
        "score.other-classes",
        "the classes of {name} ({given}) differ from those of the images ({expected}); nothing can be counted",
        name=_name(classifier),
        given=_listed(tuple(sorted(known, key=lambda one: one in classes))),
        expected=_listed(tuple(sorted(classes, key=lambda one: one in known))),
    )


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
