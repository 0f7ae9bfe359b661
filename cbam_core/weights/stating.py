"""What the owner of a network states about it, instead of what its file says or what is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cbam_core.errors import CheckpointError, Message
from cbam_core.weights.card import ASSUMPTIONS
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD, Description, Triple

Pair = tuple[Triple, Triple]

NORMALISATIONS: Mapping[str, Pair] = {
    "cifar10": (COURSE_MEAN, COURSE_STD),
    "cifar10-pixels": (COURSE_MEAN, (0.2470, 0.2435, 0.2616)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Usual pairs of mean and deviation, by name; ``"cifar10-pixels"`` has the deviation over all pixels of CIFAR-10."""

ON_CLASSES = {"card.assumed-cifar10", "card.assumed-numbers", "card.assumed-sigmoid"}
ON_INPUT = {"card.assumed-normalisation", "card.assumed-mean", "card.assumed-size"}


def stated(
    description: Description,
    classes: Sequence[str] | None = None,
    normalisation: str | tuple[Sequence[float], Sequence[float]] | None = None,
    input_size: int | tuple[int, int] | None = None,
) -> Description:
    """Return a description with what the owner states; its card no longer names that as assumed.

    Args:
        description: what the file says, or what is assumed.
        classes: names of the classes, in the order of the outputs.
        normalisation: mean and deviation, three numbers or one each, or a name of `NORMALISATIONS`.
        input_size: side, or width and height, in pixels.

    Raises:
        CheckpointError: a statement does not fit the network.
    """
    settled: set[str] = set()
    if classes is not None:
        description = replace(description, classes=tuple(map(str, classes)))
        settled |= ON_CLASSES
    if normalisation is not None:
        mean, std = usual_normalisation(normalisation)
        description = replace(description, mean=mean, std=std)
        settled |= ON_INPUT - {"card.assumed-size"}
    if input_size is not None:
        size = (input_size, input_size) if isinstance(input_size, int) else input_size
        description = replace(description, input_size=size)
        settled |= {"card.assumed-size"}
    if not settled:
        return description
    left = tuple(_still_assumed(description.card.assumptions, settled))
    return replace(description, card=replace(description.card, assumptions=left))


def _still_assumed(assumptions: tuple[Message, ...], settled: set[str]) -> Iterator[Message]:
    for message in assumptions:
        if message.code not in settled:
            only_mean = message.code == "card.assumed-normalisation" and "card.assumed-size" in settled
            yield ASSUMPTIONS["card.assumed-mean"] if only_mean else message


def usual_normalisation(given: str | tuple[Sequence[float], Sequence[float]]) -> Pair:
    """Return mean and deviation from their name, or from numbers.

    Raises:
        CheckpointError: there is no such name, or there are not one or three numbers each.
    """
    if isinstance(given, str):
        if given not in NORMALISATIONS:
            raise CheckpointError(
                "checkpoint.normalisation",
                "there is no normalisation named {given}; the known ones are {known}",
                given=repr(given[:60]),
                known=", ".join(NORMALISATIONS),
            )
        return NORMALISATIONS[given]
    mean, std = given
    return _triple(mean), _triple(std)


def _triple(given: Sequence[float]) -> Triple:
    numbers = [float(number) for number in given]
    if len(numbers) not in (1, 3):
        raise CheckpointError(
            "checkpoint.channels",
            "mean and deviation have three numbers each, one for each channel; given {count}",
            count=len(numbers),
        )
    red, green, blue = numbers if len(numbers) == 3 else numbers * 3
    return red, green, blue
