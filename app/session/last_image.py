"""Which image did this visitor look at last on Inspect? A plain value, for the other pages and for links.

Streamlit forgets the widgets of a page that is left, so Inspect notes what it shows whenever it draws a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.session.choices import Remembered
from app.session.uploads import Fitted, Upload


@dataclass(frozen=True)
class Picked:
    """One image, and how it was fitted to the network's input.

    Attributes:
        source: where it comes from: the bundled samples, the test set, or a file, which the folder and the camera give
            too.
        index: of the image in the sample sheet, or in the test set; None for an upload.
        upload: the visitor's own image; None for the others.
        fitted: how an upload is fitted to the network's input.
    """

    source: Literal["sample", "test", "upload"]
    index: int | None = None
    upload: Upload | None = None
    fitted: Fitted = field(default_factory=Fitted)


_LAST: Remembered[Picked | None] = Remembered("picked", lambda: None)


def keep(picked: Picked) -> None:
    """Keep what this visitor looks at on Inspect; Inspect alone calls it."""
    _LAST.set(picked)


def forget() -> None:
    """Let go of it."""
    _LAST.forget()


def last() -> Picked | None:
    """What this visitor looked at last on Inspect; None before they were there."""
    return _LAST.get()
