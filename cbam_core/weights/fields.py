"""Reading untrusted JSON values one by one, with checks of type and bounds."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from cbam_core.errors import CheckpointError

Scalar = str | int | float | bool | None
Known = TypeVar("Known")

LARGEST_COUNT = 1 << 53
"""The largest whole number that JavaScript reads exactly."""

MAX_ENTRIES = 10_000
MAX_TEXT = 500

EXPECTED_WORDS: Mapping[str, str] = {
    "object": "an object",
    "text": "a text of up to {n1} characters",
    "texts": "a list of texts of up to {n1} characters",
    "count": "a whole number from {n1}",
    "version": "a whole number from {n1} to {n2}",
    "sizes": "two whole numbers",
    "triple": "three finite numbers",
    "scalars": "an object of texts and finite numbers",
    "history": "a list of objects of finite numbers",
    "list": "a list of up to {n1} values",
    "known": "a list of codes that this version knows",
    "correct": "at most card.test_count",
}
"""Descriptions of what a value must be; numbers are placeholders, so that translations can contain them."""


class Fields:
    """Named values of one JSON object.

    Args:
        record: value that should be an object.
        prefix: prefix of every name in messages, such as ``"card."``.

    Raises:
        CheckpointError: the value is not an object.
    """

    def __init__(self, record: object, prefix: str) -> None:
        self.prefix = prefix
        if not isinstance(record, dict):
            raise self.wrong("", EXPECTED_WORDS["object"], record)
        self.values: dict[str, Any] = record

    def wrong(self, name: str, expected: str, given: object) -> CheckpointError:
        """Make the error for a wrong value."""
        if not name and not self.prefix:
            return CheckpointError(
                "checkpoint.description",
                "the file's description of its network must be {expected}; given {given}",
                expected=expected,
                given=reprlib.repr(given)[:200],
            )
        return CheckpointError(
            "checkpoint.description",
            "the file's description of its network is wrong: {name} must be {expected}; given {given}",
            name=f"{self.prefix}{name}".rstrip("."),
            expected=expected,
            given=reprlib.repr(given)[:200],
        )

    def text(self, name: str, limit: int = MAX_TEXT) -> str:
        """Read a text of at most `limit` characters; empty where it is missing."""
        value = self.values.get(name, "")
        if not isinstance(value, str) or len(value) > limit:
            raise self.wrong(name, EXPECTED_WORDS["text"].format(n1=limit), value)
        return value

    def texts(self, name: str) -> list[str]:
        """Read a list of texts."""
        value = self._list(name)
        if not all(isinstance(item, str) and len(item) <= MAX_TEXT for item in value):
            raise self.wrong(name, EXPECTED_WORDS["texts"].format(n1=MAX_TEXT), value)
        return value

    def count(self, name: str) -> int | None:
        """Read a whole number from 0; None where it is missing."""
        value = self.values.get(name)
        if value is not None and not (type(value) is int and 0 <= value <= LARGEST_COUNT):
            raise self.wrong(name, EXPECTED_WORDS["count"].format(n1=0), value)
        return value

    def sizes(self, name: str) -> tuple[int, int]:
        """Read two whole numbers."""
        value = self._list(name)
        if len(value) != 2 or not all(type(item) is int for item in value):
            raise self.wrong(name, EXPECTED_WORDS["sizes"], value)
        return value[0], value[1]

    def triple(self, name: str) -> tuple[float, float, float]:
        """Read three numbers."""
        value = self._list(name)
        if len(value) != 3 or not all(map(_is_number, value)):
            raise self.wrong(name, EXPECTED_WORDS["triple"], value)
        return float(value[0]), float(value[1]), float(value[2])

    def scalars(self, name: str) -> dict[str, Scalar]:
        """Read an object of texts, finite numbers, booleans and nulls; empty where it is missing."""
        value = self.values.get(name, {})
        if not isinstance(value, dict) or not all(map(_is_scalar, value.values())):
            raise self.wrong(name, EXPECTED_WORDS["scalars"], value)
        return value

    def history(self, name: str) -> Iterator[dict[str, int | float]]:
        """Read a list of objects of finite numbers; empty where it is missing."""
        for epoch in self._list(name):
            if not isinstance(epoch, dict) or not all(map(_is_number, epoch.values())):
                raise self.wrong(name, EXPECTED_WORDS["history"], epoch)
            yield epoch

    def known(self, name: str, choices: Mapping[str, Known]) -> Iterator[Known]:
        """Read a list of names, and yield their values; none where it is missing."""
        for item in self._list(name):
            if not isinstance(item, str) or item not in choices:
                raise self.wrong(name, EXPECTED_WORDS["known"], item)
            yield choices[item]

    def _list(self, name: str) -> list[Any]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            raise self.wrong(name, EXPECTED_WORDS["list"].format(n1=MAX_ENTRIES), value)
        return value


def _is_number(value: object) -> bool:
    if type(value) is int:
        return abs(value) <= LARGEST_COUNT
    return type(value) is float and math.isfinite(value)


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return value is None or isinstance(value, bool) or _is_number(value)
