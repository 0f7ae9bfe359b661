"""Assumptions about a file without a description, where it states nothing itself beside its weights.

Ten outputs are assumed to be the classes of CIFAR-10, on which the course trains its networks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import CheckpointError, Message, ModelError
from cbam_core.nn.registry import Architecture, Shapes, complete_arguments, known_names, recognise
from cbam_core.weights.card import ASSUMPTIONS, Card
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD, Description, Triple
from cbam_core.weights.facts import Facts, find_facts
from cbam_core.weights.finding import listed

PLAIN_WORDS: Mapping[str, str] = {
    "what": "A plain state dict: weights without a description.",
    "class": "class {n1}",
}
"""Texts of the description of a plain state dict; numbers are placeholders, as in the texts of every card."""

GREY_MEAN = (0.4809, 0.4809, 0.4809)
GREY_STD = (0.2002, 0.2002, 0.2002)
"""The course's normalisation for images that are turned grey: brightness of the mean, mean of the deviations."""


def assumed_description(shapes: Shapes, beside: Mapping[str, Any] | None = None) -> Description:
    """Make a description of a plain state dict; its card names the assumptions.

    Args:
        shapes: shapes of its tensors by name.
        beside: values that lie beside the weights in the file, by dotted name.

    Raises:
        CheckpointError: no registered network has such tensors.
    """
    found = recognise(shapes)
    if found is None:
        raise unknown_network(shapes)
    architecture, arguments = found
    try:
        complete = complete_arguments(architecture.name, arguments)
    except ModelError as error:
        raise CheckpointError(error.code, error.message.template, **error.message.values) from error
    outputs = int(complete["num_classes"])
    facts = find_facts(beside or {}, max(2, outputs))
    usual = architecture.input_size_with(complete)
    stated = facts.input_size if _fits(facts.input_size, architecture, complete) else None
    mean, std = _normalisation(facts, complete)
    return Description(
        architecture=architecture.name,
        arguments=complete,
        classes=facts.classes or _class_names(outputs),
        mean=mean,
        std=std,
        input_size=stated or usual,
        card=Card(what=PLAIN_WORDS["what"], assumptions=tuple(_assumptions(facts, outputs, stated, usual))),
    )


def stated_names(description: Description, beside: Mapping[str, Any]) -> list[str]:
    """List the names in the file of those facts that a description has from it.

    Args:
        description: what `assumed_description` returned.
        beside: values that lie beside the weights in the file, by dotted name.
    """
    facts = find_facts(beside, len(description.classes))
    return [
        name
        for attribute, name in facts.sources.items()
        if getattr(facts, attribute) == getattr(description, attribute)
    ]


def unknown_network(tensors: Collection[str]) -> CheckpointError:
    """Make the error for tensors, given by their names, of a network that is not registered."""
    return CheckpointError(
        "checkpoint.unknown-network",
        "the file's tensors ({given}) do not match any network that this program knows ({known}); weights of another "
        "network need the code that builds it: load_classifier('package.module:factory', weights='best.pth'), or on "
        "the command line --model package.module:factory --weights best.pth",
        given=listed(tensors),
        known=", ".join(known_names()),
    )


def _fits(size: tuple[int, int] | None, architecture: Architecture, arguments: Mapping[str, Any]) -> bool:
    sides = architecture.sides_with(arguments)
    return size is not None and all(side in sides for side in size)


def _normalisation(facts: Facts, arguments: Mapping[str, Any]) -> tuple[Triple, Triple]:
    if facts.mean is not None and facts.std is not None:
        return facts.mean, facts.std
    return (GREY_MEAN, GREY_STD) if arguments.get("in_channels") == 1 else (COURSE_MEAN, COURSE_STD)


def _class_names(outputs: int) -> tuple[str, ...]:
    if outputs == len(CLASSES):
        return CLASSES
    return tuple(PLAIN_WORDS["class"].format(n1=index) for index in range(max(2, outputs)))


def _assumptions(
    facts: Facts, outputs: int, stated: tuple[int, int] | None, usual: tuple[int, int]
) -> Iterator[Message]:
    if facts.classes is None and outputs == 1:
        yield ASSUMPTIONS["card.assumed-sigmoid"]
    elif facts.classes is None:
        yield ASSUMPTIONS["card.assumed-cifar10" if outputs == len(CLASSES) else "card.assumed-numbers"]
    if facts.mean is None:
        nothing = stated is None and usual == (32, 32)
        yield ASSUMPTIONS["card.assumed-normalisation" if nothing else "card.assumed-mean"]
    elif stated is None:
        yield ASSUMPTIONS["card.assumed-size"]
