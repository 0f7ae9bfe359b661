"""What can go wrong for a user: one tree of errors, and messages that can be said in any language.

    CbamError
    ├── DataError          the data set is missing, incomplete or not what it claims to be
    ├── ImageError         a file or array is not a picture we can show a network
    ├── ModelError         a network cannot be built, or cannot take this input
    ├── CheckpointError    a file of weights is refused
    ├── CaptureError       the gates of a forward could not be recorded
    ├── RenderError        a picture or chart cannot be drawn as asked
    ├── TrainingError      a run cannot start, go on or be resumed
    └── LaunchError        the web app cannot start

Every error and every remark about an image is a `Message`: a code for machines, an English template, and the
values that fill it. Text is made only when it is shown, so the app can look the template up in a catalogue first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """One sentence for a user, kept as its parts.

    Attributes:
        code: stable name for programs, such as ``"image.too-many-pixels"``.
        template: the English sentence with ``{named}`` places (`str.format` syntax); the key of a translation.
        values: what fills the places; plain numbers and strings only.
    """

    code: str
    template: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template.format(**self.values)

    def as_dict(self) -> dict[str, Any]:
        """The message as JSON-ready values, its English text included."""
        return {"code": self.code, "values": self.values, "text": str(self)}


class CbamError(Exception):
    """Something a user can put right; its text is one sentence that says how.

    Args:
        code: stable name for programs, such as ``"checkpoint.not-finite"``.
        template: the English sentence with ``{named}`` places.
        **values: what fills the places.
    """

    def __init__(self, code: str, template: str, **values: Any) -> None:
        self.message = Message(code, template, values)
        super().__init__(str(self.message))

    @property
    def code(self) -> str:
        """The stable name of what went wrong."""
        return self.message.code

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message)


def _rebuild(kind: type[CbamError], message: Message) -> CbamError:
    return kind(message.code, message.template, **message.values)


class DataError(CbamError):
    """The data set is missing, incomplete or not what it claims to be."""


class ImageError(CbamError):
    """A file or array is not a picture that we can show a network."""


class ModelError(CbamError):
    """A network cannot be built, or cannot take this input."""


class CheckpointError(CbamError):
    """A file of weights is refused."""


class CaptureError(CbamError):
    """The gates of a forward could not be recorded."""


class RenderError(CbamError):
    """A picture or chart cannot be drawn as asked."""


class TrainingError(CbamError):
    """A training run cannot start, go on or be resumed."""


class LaunchError(CbamError):
    """The web app cannot start."""
