"""Errors for users, in one tree, and messages that can be translated.

    CbamError
    ├── DataError          the data set is missing, incomplete or has wrong contents
    ├── ImageError         a file or array is not an image that a network can use
    ├── ModelError         a network cannot be built, or does not accept this input
    ├── CheckpointError    a file of weights is refused
    ├── CaptureError       the gates of a forward could not be recorded
    ├── EditError          a gate cannot be replaced as requested
    ├── RenderError        a picture or chart cannot be drawn as requested
    ├── AtlasError         an atlas cannot be built or queried as requested, or its files are refused
    ├── TrainingError      a training run cannot start, continue or be resumed
    └── LaunchError        the web app cannot start

Every error and every note about an image is a `Message`: a code for programs, an English template, and the values that
fill it. The text is made only when it is shown, so the app can look up the template in a catalogue first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLURALS = {
    "batches": "batch",
    "bytes": "byte",
    "cells": "cell",
    "channels": "channel",
    "classes": "class",
    "columns": "column",
    "epochs": "epoch",
    "frames": "frame",
    "images": "image",
    "iterations": "iteration",
    "labels": "label",
    "numbers": "number",
    "pixels": "pixel",
    "predictions": "prediction",
    "rows": "row",
}
"""Nouns that follow a number in English templates, and their singulars."""

_VERBS = {"are": "is", "were": "was", "have": "has"}
_COUNTED = re.compile(
    r"(?<!×)(?<!\} of )"  # not the last number of 5×1 pixels, nor of 1 of 1 images
    rf"\{{(\w+)(?::[^{{}}]*)?\}} ({'|'.join(PLURALS)})\b(?: ({'|'.join(_VERBS)})\b)?"
)
_PERCENT = re.compile(r"(?<=[\d}]) %(?!\w)")


def reason_of(error: BaseException) -> str:
    """Say in a few words why something failed: what the system says, else the text of the error, or its name."""
    return getattr(error, "strerror", None) or text_of(error) or type(error).__name__


def text_of(error: BaseException) -> str:
    """Return the text of an error; "" where it has none, also because the code of its class fails to make one."""
    try:
        return str(error)
    except Exception:  # a class of somebody else can raise anything
        return ""


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Fill an English template; after a value of 1, the noun is singular: "1 image"."""
    return _COUNTED.sub(lambda found: _of_one(found, values), template).format(**values)


def unbroken(text: str) -> str:
    """Return a text or template for a page, where no line ends between a number and its percent sign."""
    return _PERCENT.sub("\N{NO-BREAK SPACE}%", text)


def _of_one(found: re.Match[str], values: Mapping[str, Any]) -> str:
    name, noun, verb = found.groups()
    if str(values.get(name)) != "1":
        return found[0]
    said = found[0].replace(f" {noun}", f" {PLURALS[noun]}")
    return said.removesuffix(verb) + _VERBS[verb] if verb else said


@dataclass(frozen=True)
class Message:
    """One sentence for a user, stored in parts.

    Attributes:
        code: stable name for programs, such as ``"image.too-many-pixels"``.
        template: English sentence with ``{named}`` placeholders (`str.format` syntax); the key of its translation.
        values: values of the placeholders: plain numbers and strings.
    """

    code: str
    template: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return fill(self.template, self.values)

    def as_dict(self) -> dict[str, Any]:
        """Convert the message to JSON-ready values, with its English text."""
        return {"code": self.code, "values": self.values, "text": str(self)}


class CbamError(Exception):
    """A problem that the user can correct; its text is one sentence that says how.

    Args:
        code: stable name for programs, such as ``"checkpoint.not-finite"``.
        template: English sentence with ``{named}`` placeholders.
        **values: values of the placeholders.
    """

    def __init__(self, code: str, template: str, **values: Any) -> None:
        self.message = Message(code, template, values)
        super().__init__(str(self.message))

    @property
    def code(self) -> str:
        """Stable name of the problem."""
        return self.message.code

    def __reduce__(self) -> tuple[Any, ...]:
        notes = getattr(self, "__notes__", None)
        return _rebuild, (type(self), self.message), None if notes is None else {"__notes__": notes}


def _rebuild(kind: type[CbamError], message: Message) -> CbamError:
    return kind(message.code, message.template, **message.values)


class DataError(CbamError):
    """The data set is missing, incomplete or has wrong contents."""


class ImageError(CbamError):
    """A file or array is not an image that a network can use."""


class ModelError(CbamError):
    """A network cannot be built, or does not accept this input."""


class CheckpointError(CbamError):
    """A file of weights is refused."""


class CaptureError(CbamError):
    """The gates of a forward could not be recorded."""


class EditError(CbamError):
    """A gate cannot be replaced as requested."""


class RenderError(CbamError):
    """A picture or chart cannot be drawn as requested."""


class AtlasError(CbamError):
    """An atlas cannot be built or queried as requested, or its files are refused."""


class TrainingError(CbamError):
    """A training run cannot start, continue or be resumed."""


class LaunchError(CbamError):
    """The web app cannot start."""
