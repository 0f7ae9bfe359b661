"""Evaluating a network here: one pass over the images at hand, in the background of a visit."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

from app.services.dataset import labelled_as, samples, test_set
from app.services.failures import last_failure, noting_failure
from app.services.networks import evaluation_of, network
from app.services.offer import Offer, offer
from app.services.operator_log import tell_operator
from app.services.speed import SURVEY, seconds_an_image, timed
from app.services.surveyed import is_provisional, keep_survey
from app.session import background, own_networks
from app.session.background import Work, Works
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.errors import CbamError, DataError, ImageError, TrainingError
from cbam_core.evaluation.readable import over_readable
from cbam_core.evaluation.survey import Survey, Surveyed
from cbam_core.network import Classifier
from cbam_core.places import image_folder

FOLDER = ("operator", "folder")
"""Name and split of the operator's images: what the folder is called on the server is no business of visitors."""

FEWEST = 50
"""Of the operator's images, for usual gates: of n images, chance alone counts 1/n of the variance as fixed pattern."""


@dataclass(frozen=True)
class EvaluationOffer(Offer):
    """What can be found out about a network here.

    Attributes:
        answers: whether its predictions are found too, and not only what is usual for its gates.
    """

    answers: bool = True


WORK = "evaluating"

_WORKS: Works[Classifier, Surveyed] = Works(WORK, lambda classifier: classifier.digest)


def images_for(classifier: Classifier) -> Dataset:
    """The images at hand that say most about a network.

    These are the test set, or the bundled samples where it was not fetched. For a network of other classes it is the
    operator's folder, if there is one with images.
    """
    known = labelled_as(classifier, test_set() or samples())
    if classifier.classes == known.classes:
        return known
    return _folder() or known


def offer_for(classifier: Classifier) -> EvaluationOffer | None:
    """What can be found out about a network here; None where all of it is known."""
    images = images_for(classifier)
    knows = bool(classifier.classes) and classifier.classes == images.classes
    answers = knows and not _is_evaluated(classifier, images)
    better = is_provisional(classifier.usual) and (classifier.usual is None or classifier.usual.images != images.title)
    if not answers and not better:
        return None
    found = offer(images, partial(seconds_an_image, classifier))
    return None if found is None else EvaluationOffer(found.images, found.count, found.seconds, answers=answers)


def work_on(classifier: Classifier) -> Work[Surveyed] | None:
    """The evaluation of a network that goes on in this visit, or that went wrong; None where there is none."""
    return _WORKS.work(classifier)


def evaluation_failure(classifier: Classifier) -> CbamError | None:
    """Why the last evaluation of a network here failed; None where it did not, or goes on again."""
    return last_failure(WORK, classifier)


def begin_evaluation(classifier: Classifier) -> None:
    """Begin to evaluate a network in the background of this visit."""
    images = images_for(classifier)
    steps = noting_failure(WORK, classifier, timed(classifier, SURVEY, _steps(classifier, images)))
    _WORKS.keep(classifier, background.begin(steps, len(images)))


def cancel_evaluation(classifier: Classifier) -> None:
    """End an evaluation, and forget what it found so far, or why it failed."""
    _WORKS.cancel(classifier)


def take_in_evaluations() -> None:
    """Keep what has been found since the page was drawn last; to be called before the page asks for a network."""
    for classifier, _ in _WORKS.all():
        if _current(classifier) is None:
            cancel_evaluation(classifier)
    for classifier, found in _WORKS.take_finished():
        if (current := _current(classifier)) is not None:
            keep_survey(current, found)


def _current(classifier: Classifier) -> Classifier | None:
    """The network of the same name and weights as it is known now; None where it was removed."""
    try:
        found = own_networks.find(classifier.name) or network(classifier.name)
    except CbamError:
        return None
    return found if found.digest == classifier.digest else None


def _is_evaluated(classifier: Classifier, images: Dataset) -> bool:
    try:
        return evaluation_of(classifier).split == images.split
    except TrainingError:
        return False


def _folder() -> Dataset | None:
    """The operator's images, without labels; None where there are too few."""
    folder = image_folder()
    if folder is None:
        return None
    try:
        found = open_dataset(folder)
    except DataError as error:
        tell_operator(f"{error.code}: {error}")
        return None
    name, split = FOLDER
    return replace(found, name=name, split=split, classes=(), labels=None) if len(found) >= FEWEST else None


def _steps(classifier: Classifier, images: Dataset) -> Generator[int, None, Surveyed]:
    try:
        return (yield from over_readable(classifier, images, partial(_survey, classifier), 0))
    except ImageError as error:  # a file that was there a moment ago
        tell_operator(f"{error.code}: {error}")
        raise DataError(
            "evaluating.unreadable", "an image of the folder cannot be read; the operator can find it in the log"
        ) from error


def _survey(classifier: Classifier, images: Dataset) -> Generator[int, None, Surveyed]:
    survey = Survey(classifier, images)
    while survey.count < survey.total:
        survey.step()
        yield survey.count
    return survey.result()
