"""Names of classes, in all the forms in which training scripts keep them: texts, numbers, lists, arrays, dicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch

from cbam_core.weights.numpy_values import numpy_values
from cbam_core.weights.pickled_objects import Unread
from cbam_core.weights.stored import StoredTensor

LONGEST_NAME = 100
MOST_NAMES = 100_000
"""Largest number of names that are read."""

_PLACES_FIRST = {"id2label", "idx2class", "idx2label", "idx_to_class", "index_to_class"}
_NAMES_FIRST = {"class_to_idx", "class_to_index", "label2id"}
_NUMBERS_OF_OTHERS = {"categories", "labels", "names"}
"""Keys under which numbers may be anything, such as the labels of images."""

_SETS = {"__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset"}
_RANGES = {"__builtin__.xrange", "builtins.range"}


def class_names(key: str, value: object, count: int) -> tuple[str, ...] | None:
    """Return class names from a list or an array, or from a dict either way round; None if they are not `count` names.

    Whole numbers are names too, where no two of them are the same and the key says that they are of classes.

    Args:
        key: what the value is called, in lower case.
        value: what the file holds.
        count: number of classes.
    """
    held = plain(value)
    names: Sequence[object] = []
    if isinstance(held, dict) and len(held) == count:
        names = names_in_order(held, places_first=_direction(key)) or []
    elif isinstance(held, list) and len(held) == count:
        names = [plain(one) for one in held]
    if not names or (key in _NUMBERS_OF_OTHERS and not isinstance(names[0], str)):
        return None
    return tuple(map(str, names)) if all(map(is_name, names)) or _are_distinct_numbers(names) else None


def names_in_order(given: Mapping[Any, Any], *, places_first: bool | None = None) -> Sequence[object] | None:
    """Return the names of a dict in the order of their numbers, which run from 0; None if it is no such dict.

    Either may be its keys. Numbers may be texts, and so may names: in ``{"0": 0}`` the name is the text. Names may be
    numbers themselves, if only one of both can be the places, or each is its own.

    Args:
        given: the dict.
        places_first: whether its keys are the places; None where that is not known.
    """
    pairs = [(plain(key), plain(value)) for key, value in given.items()]
    for ways in (pairs, [(value, key) for key, value in pairs]):
        names = {_index(place): name for place, name in ways if isinstance(name, str)}
        if names.keys() == set(range(len(pairs))):
            return [names[place] for place in range(len(pairs))]
    first = None if places_first is False else _numbers_in_order(pairs)
    second = None if places_first else _numbers_in_order([(value, key) for key, value in pairs])
    if first is None or second is None or places_first is not None:
        return first or second
    return first if first == list(range(len(pairs))) else None


def _numbers_in_order(pairs: list[tuple[Any, Any]]) -> list[int] | None:
    """Return the second of some pairs of numbers in the order of the first, if these run from 0."""
    found = {place: name for place, name in pairs if type(place) is int and type(name) is int}
    names = [found[place] for place in range(len(pairs)) if place in found]
    return names if len(set(names)) == len(pairs) else None


def _index(place: object) -> int | None:
    if type(place) is int:
        return place
    if isinstance(place, str) and place.isascii() and place.isdecimal() and len(place) < 6:
        return int(place)
    return None


def _direction(key: str) -> bool | None:
    return True if key in _PLACES_FIRST else False if key in _NAMES_FIRST else None


def texts_of(value: object) -> list[str]:
    """Return the texts of a list, or of the keys or values of a dict, whichever are more; [] of other things."""
    value = plain(value)
    if isinstance(value, dict):
        return max(texts_of([*value.values()]), texts_of([*value]), key=len)
    found = [plain(one) for one in value] if isinstance(value, list) else []
    return [one for one in found if isinstance(one, str)] if all(isinstance(one, str) for one in found) else []


def has_no_order(value: object) -> bool:
    """Check for a set, whose order in a file means nothing."""
    return isinstance(value, Unread) and value.name in _SETS


def is_name(name: object) -> bool:
    """Check for a text that can be shown as the name of a class."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()


def may_be_class_numbers(tensor: StoredTensor) -> bool:
    """Check for a tensor that may be a list of whole numbers."""
    return (
        not tensor.dtype.is_floating_point and tensor.dtype != torch.bool and 0 < math.prod(tensor.shape) < MOST_NAMES
    )


def _are_distinct_numbers(names: Sequence[object]) -> bool:
    return all(type(one) is int for one in names) and len(set(names)) == len(names)


def plain(value: Any) -> Any:
    """Return a list, a dict, a text or a whole number for whatever holds them; other things as they are.

    Args:
        value: a value of Python, or what a pickle or a file of tensors describes.
    """
    if isinstance(value, StoredTensor):
        return value.load().tolist() if len(value.shape) <= 1 and may_be_class_numbers(value) else value
    if isinstance(value, Unread):
        return _plain_object(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    return [*value] if isinstance(value, tuple) else value


def _plain_object(value: Unread) -> Any:
    found = numpy_values(value, MOST_NAMES)
    if found is not None:
        return plain(found[0]) if value.name.endswith("scalar") and found else found
    if has_no_order(value):
        return value
    whole = value.name in _RANGES and len(value.arguments) == 3 and all(type(one) is int for one in value.arguments)
    if whole and value.arguments[2] != 0:
        return [*range(*value.arguments)[:MOST_NAMES]]
    held = [one for one in value.arguments if isinstance(one, list | tuple | dict)]
    return value.entries or (plain(held[0]) if held else value)
