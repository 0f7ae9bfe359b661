"""True classes of a report's images, from names or from numbers as data sets have them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

from cbam_core.errors import RenderError
from cbam_core.results.explanation import Explanation

Truths = Iterable[str | SupportsIndex | None]
"""True classes by image: names, or indices in the order of the network's outputs; None where one is unknown."""


def known_truths(given: Truths | None, explanations: Sequence[Explanation]) -> list[str | None]:
    """Return the names of the true classes.

    Args:
        given: true classes, as a list, an array or a tensor; None where all are unknown.
        explanations: explanations of the images, in the same order.

    Raises:
        RenderError: there are not as many as images, or one is no class of its network.
    """
    if given is None:
        return [None] * len(explanations)
    truths = as_list(given)
    check_count(truths, len(explanations))
    return [_name(truth, one.classes) for truth, one in zip(truths, explanations, strict=True)]


def as_list(given: Any) -> list[Any]:
    """Return the values of a list, an array or a tensor.

    Raises:
        RenderError: it is a text, or one value.
    """
    values = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise RenderError(
            "report.no-list",
            "names and true classes of a report are lists with one entry for each image; given {given}",
            given=repr(given)[:60],
        )
    return list(values)


def check_count(given: Sequence[Any], count: int) -> None:
    """Check that there is one entry for each image.

    Raises:
        RenderError: there is not.
    """
    if len(given) != count:
        raise RenderError(
            "report.count",
            "a report of {count} images needs as many names and true classes; given {given}",
            count=count,
            given=len(given),
        )


def _name(truth: Any, classes: Sequence[str]) -> str | None:
    if truth is None or (isinstance(truth, str) and truth in classes):
        return truth
    try:
        index = operator.index(truth)
    except (TypeError, ValueError):
        index = -1
    if not 0 <= index < len(classes):
        raise RenderError(
            "report.no-class",
            "the true class {given} is no class of the network: give its name, or its index from 0 to {last}; "
            "None where it is unknown",
            given=repr(truth)[:60],
            last=max(0, len(classes) - 1),
        )
    return classes[index]
