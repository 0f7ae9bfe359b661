"""What may be given to a public function? Kinds of arguments, checked in one place before the function runs."""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from numbers import Real
from typing import Any, ParamSpec, TypeVar

from cbam_core.errors import CbamError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Attributes:
        expected: what is expected, to follow "has to be".
        fits: says whether a value is of the kind.
    """

    expected: str
    fits: Callable[[object], bool]

    def or_else(self, other: Kind) -> Kind:
        """Return the kind of the values of this kind or another, which says what is expected of both."""
        return Kind(other.expected, lambda value: self.fits(value) or other.fits(value))

    @property
    def or_none(self) -> Kind:
        """The same kind, or None."""
        return Kind(f"{self.expected}, or None", lambda value: value is None or self.fits(value))


def instance_of(expected: str, *types: type) -> Kind:
    """Return the kind of the instances of some types."""
    return Kind(expected, lambda value: isinstance(value, types))


def list_of(expected: str, kind: Kind, count: int | None = None) -> Kind:
    """Return the kind of lists of values of a kind; of arrays and other sequences, the first value alone is looked at.

    Args:
        expected: see `Kind`.
        kind: kind of the values.
        count: how many they are; None for any number.
    """

    def fits(value: object) -> bool:
        if isinstance(value, list | tuple):
            return count in (None, len(value)) and all(map(kind.fits, value))
        sequence = hasattr(value, "__len__") and hasattr(value, "__getitem__")
        return sequence and not isinstance(value, str | bytes | Mapping) and _begins_with(value, kind)

    return Kind(expected, fits)


def _begins_with(sequence: Any, kind: Kind) -> bool:
    """Check the first value of a sequence, if there is one; values of Arrow are taken as those of Python."""
    try:
        first = next(iter(sequence), None)
    except TypeError:  # an array without axes
        return False
    return first is None or kind.fits(first.as_py() if hasattr(first, "as_py") else first)


def _is_whole(value: object) -> bool:
    try:
        return not isinstance(value, bool) and operator.index(value) is not None  # type: ignore[arg-type]
    except (TypeError, ValueError):  # ValueError: a tensor of several numbers
        return False


def _is_array(value: object) -> bool:
    import numpy as np  # the command line checks arguments too, and its help loads nothing heavy

    return isinstance(value, np.ndarray)


WHOLE = Kind("a whole number", _is_whole)
NUMBER = Kind("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool))
TEXT = instance_of("text", str)
TEXTS = list_of("a list of texts", TEXT)
WHOLES = list_of("a list of whole numbers", WHOLE)
PATH = instance_of("a path", str, os.PathLike)
COLLECTION = Kind(
    "a list or set of texts", lambda value: isinstance(value, Collection) and not isinstance(value, str | bytes)
)
ARRAY = Kind("a NumPy array", _is_array)
FLAG = Kind("True or False", lambda value: isinstance(value, int) or type(value).__name__ in ("bool", "bool_"))
MAPPING = instance_of("a mapping, such as a dict", Mapping)


def check(error: type[CbamError], name: str, value: object, kind: Kind) -> None:
    """Check that an argument is of a kind.

    Args:
        error: kind of the error.
        name: name of the argument.
        value: what was given.
        kind: what is expected.

    Raises:
        CbamError: it is not; an error of the kind that is given.
    """
    if not kind.fits(value):
        raise error(  # in English alone: only code can give it, for readers check what visitors of the app send
            "argument.kind",
            "{name} has to be {expected}; given {given}",
            name=name,
            expected=kind.expected,
            given=_said(value),
        )


def takes(error: type[CbamError], **kinds: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check arguments of a function before it runs.

    Args:
        error: kind of the error.
        **kinds: kinds of its arguments, by their names; those that are left out are not checked.

    Raises:
        CbamError: when the function is called with an argument of another kind.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        places = {name: place for place, name in enumerate(inspect.signature(function).parameters)}
        checked = [(name, places[name], kind) for name, kind in kinds.items()]

        @wraps(function)
        def called(*given: P.args, **named: P.kwargs) -> R:
            for name, place, kind in checked:
                if name in named:
                    check(error, name, named[name], kind)
                elif place < len(given):
                    check(error, name, given[place], kind)
            return function(*given, **named)

        return called

    return decorated


def _said(value: object) -> str:
    """Say what was given: a short value itself, of anything else its type."""
    if value is None or isinstance(value, str | int | float | type):
        return repr(value)[:60]
    kind = type(value).__name__.removeprefix("nd")
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
