"""Selecting and sorting images of a split by class and by prediction; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int, Int64, UInt

from cbam_core.errors import TrainingError
from cbam_core.results.evaluation import Evaluation

Answers = Literal["all", "right", "wrong"]
ImageOrder = Literal["index", "sure", "unsure"]


@dataclass(frozen=True)
class Selection:
    """Filters and order of images.

    Attributes:
        truth: true class; None for any.
        predicted: predicted class; None for any.
        answers: ``"all"``, or only the ``"right"`` or ``"wrong"`` predictions.
        order: by ``"index"``, or by confidence: ``"sure"`` or ``"unsure"`` predictions first.

    Raises:
        TrainingError: `answers` or `order` is unknown.
    """

    truth: int | None = None
    predicted: int | None = None
    answers: str = "all"
    order: str = "index"

    def __post_init__(self) -> None:
        for given, known in ((self.answers, get_args(Answers)), (self.order, get_args(ImageOrder))):
            if given not in known:
                raise TrainingError(
                    "selection.unknown",
                    "images are selected by one of {known}; given {given}",
                    known=", ".join(known),
                    given=repr(given)[:60],
                )

    @property
    def needs_answers(self) -> bool:
        """Whether the selection needs the network's predictions."""
        return self.predicted is not None or self.answers != "all" or self.order != "index"


def select(
    labels: UInt[np.ndarray, " n"] | Int[np.ndarray, " n"], selection: Selection, evaluation: Evaluation | None = None
) -> Int64[np.ndarray, " m"]:
    """Return the indices of the selected images, in the selected order.

    Args:
        labels: true class of each image.
        selection: filters and order.
        evaluation: predictions of a network for the same images, or those that can be decoded; None where they are
            unknown. Images without one are found by their class alone.

    Raises:
        TrainingError: the selection needs predictions, and they are unknown or of other images.
    """
    if evaluation is not None and not is_of(evaluation, labels):
        raise TrainingError(
            "selection.other-images",
            "the saved predictions are for other images; run `cbam evaluate --keep` to replace them",
        )
    if evaluation is None or not selection.needs_answers:
        if selection.needs_answers:
            raise TrainingError(
                "selection.no-answers",
                "images can be selected by prediction only if the network's predictions were saved; run `cbam "
                "evaluate --keep`",
            )
        return np.flatnonzero(_asked(labels, selection.truth))
    asked = _asked(evaluation.labels, selection.truth) & _asked(evaluation.predicted, selection.predicted)
    if selection.answers != "all":
        asked &= evaluation.is_right == (selection.answers == "right")
    found = np.flatnonzero(asked)
    numbers = evaluation.numbers[found]
    if selection.order == "index":
        return numbers
    confidence = evaluation.confidence[found]
    return numbers[np.argsort(-confidence if selection.order == "sure" else confidence, kind="stable")]


def is_of(evaluation: Evaluation, labels: UInt[np.ndarray, " n"] | Int[np.ndarray, " n"]) -> bool:
    """Check that predictions are for all images of a set but those that cannot be decoded.

    Args:
        evaluation: the predictions.
        labels: true class of each image of the set.
    """
    whole = evaluation.total + len(evaluation.left_out) == len(labels)
    return whole and np.array_equal(evaluation.labels, labels[evaluation.numbers])


def _asked(values: np.ndarray, class_: int | None) -> np.ndarray:
    return np.ones(len(values), bool) if class_ is None else np.asarray(values == class_)
