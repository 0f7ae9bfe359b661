"""What is kept of the image that was chosen: what its widgets begin with, and what was noted while they were there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.services.dataset import first_sample
from app.session.choices import Choice, Generation, Remembered
from app.session.uploads import Upload
from app.widgets.prediction import framed_square
from app.widgets.uploads import square_key
from cbam_core.results.frame import Square

SOURCE = Choice("inspect-source")
"""Where images come from."""

SAMPLE, SAMPLE_GENERATION = Remembered("inspect-sample", first_sample), Generation("inspect-sample-generation")
"""Index in the sample sheet that the page chose last, and how often an address did."""

FOLDER, FOLDER_GENERATION = Remembered("inspect-folder", str), Generation("inspect-folder-generation")
"""Name of the operator's image that was shown last, "" before one was, and how often an address chose one."""

LAST_UPLOAD: Remembered[Upload | None] = Remembered("inspect-last-upload", lambda: None)
"""The upload that was looked at before another page was shown; None where others were uploaded since."""

_SQUARES: Remembered[Mapping[str, Square]] = Remembered("inspect-squares", dict)
_LINKED: Remembered[Mapping[str, Square]] = Remembered("inspect-linked", dict)
_VISITED: Remembered[frozenset[str]] = Remembered("inspect-visited", frozenset)
_FRAMES = Generation("inspect-frames")


@dataclass(frozen=True)
class ReadingOfFiles:
    """A way to read the values of some files, which the visitor turns on image by image.

    Attributes:
        name: of the way.
    """

    name: str

    @property
    def _chosen(self) -> Remembered[Mapping[str, bool]]:
        return Remembered(f"inspect-read-{self.name}", dict)

    def of(self, upload: Upload) -> bool:
        """Whether an image is read so."""
        linked = _LINKED_READINGS.get().get(upload.name, frozenset()) if SOURCE.get() == "folder" else frozenset()
        return self._chosen.get().get(upload.digest, self.name in linked)

    def offer(self, upload: Upload, label: str) -> None:
        """Let the visitor turn it on or off."""
        widget = Choice(f"{self.name}-{upload.digest[:24]}")
        st.toggle(label, value=self.of(upload), key=widget.key, on_change=self._keep, args=(widget, upload.digest))

    def _keep(self, widget: Choice, digest: str) -> None:
        self._chosen.set({**self._chosen.get(), digest: bool(widget.get())})


STRETCH, BLACK = ReadingOfFiles("stretch"), ReadingOfFiles("black")
"""Values of more than eight bits stretched to black and white; transparent areas on black."""

_LINKED_READINGS: Remembered[Mapping[str, frozenset[str]]] = Remembered("inspect-linked-readings", dict)


def begin_with_readings(name: str, *, stretch: bool, black: bool) -> None:
    """Read one of the operator's images as an address says."""
    chosen = {"stretch": stretch, "black": black}
    _LINKED_READINGS.set({name: frozenset(each for each, is_on in chosen.items() if is_on)})


def was_shown(source: str, shown: bool) -> bool:
    """Whether a source was ever looked at: before that it costs nothing, after that it keeps what was chosen."""
    if shown:
        _VISITED.set(_VISITED.get() | {source})
    return source in _VISITED.get()


def square_of(upload: Upload) -> Square | None:
    """The part of an image that the visitor framed, or came with."""
    linked = _LINKED.get().get(upload.name) if SOURCE.get() == "folder" else None
    return framed_square(frame_key(upload)) or _SQUARES.get().get(upload.digest) or linked


def frame_key(upload: Upload) -> str:
    """Key of the widget in which the visitor frames a part of an image; another one after an address named a part."""
    return Choice(square_key(upload), _FRAMES).key


def keep_square(upload: Upload, square: Square) -> None:
    """Keep the part that is shown, for when the image is shown again."""
    _SQUARES.set({**_SQUARES.get(), upload.digest: square})


def begin_with_square(name: str, square: Square | None) -> None:
    """Forget all that was framed, and begin with the part that an address names.

    Args:
        name: of one of the operator's images.
        square: the part; None where the address names none.
    """
    _SQUARES.set({})
    _LINKED.set({} if square is None else {name: square})
    _FRAMES.advance()


def drop_linked_square(upload: Upload) -> bool:
    """Forget the part that an address named; return whether it named one of this image."""
    linked = _LINKED.get()
    _LINKED.set({name: square for name, square in linked.items() if name != upload.name})
    return upload.name in linked
