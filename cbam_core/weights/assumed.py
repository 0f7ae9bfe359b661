"""Assumptions about a plain state dict, whose file describes nothing but tensors.

Ten outputs are assumed to be the classes of CIFAR-10, on which the course trains its networks.
"""

from __future__ import annotations

from collections.abc import Mapping

from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import CheckpointError, ModelError
from cbam_core.nn.registry import Shapes, complete_arguments, known_names, recognise
from cbam_core.weights.card import ASSUMPTIONS, Card
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD, Description

PLAIN_WORDS: Mapping[str, str] = {
    "what": "A plain state dict: weights without a description.",
    "class": "class {n1}",
}
"""Texts of the description of a plain state dict; numbers are placeholders, as in the texts of every card."""


def assumed_description(shapes: Shapes) -> Description:
    """Make a description of a plain state dict; its card names the assumptions.

    Args:
        shapes: shapes of its tensors by name.

    Raises:
        CheckpointError: no registered network has such tensors.
    """
    found = recognise(shapes)
    if found is None:
        raise CheckpointError(
            "checkpoint.unknown-network",
            "the file's tensors do not match any network that this program knows ({known})",
            known=", ".join(known_names()),
        )
    architecture, arguments = found
    count = arguments.get("num_classes", architecture.arguments["num_classes"].default)
    cifar10 = count == len(CLASSES)
    names = "card.assumed-cifar10" if cifar10 else "card.assumed-numbers"
    try:
        complete = complete_arguments(architecture.name, arguments)
    except ModelError as error:
        raise CheckpointError(error.code, error.message.template, **error.message.values) from error
    return Description(
        architecture=architecture.name,
        arguments=complete,
        classes=CLASSES if cifar10 else tuple(PLAIN_WORDS["class"].format(n1=index) for index in range(int(count))),
        mean=COURSE_MEAN,
        std=COURSE_STD,
        input_size=architecture.input_size,
        card=Card(
            what=PLAIN_WORDS["what"],
            assumptions=(ASSUMPTIONS[names], ASSUMPTIONS["card.assumed-normalisation"]),
        ),
    )
