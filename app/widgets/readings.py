"""Other ways to read an image's values, offered where they change something."""

from __future__ import annotations

from typing import Literal

from app.session.uploads import Fitted
from app.session.words import Words
from cbam_core.results.explanation import Explanation

Way = Literal["stretch", "black"]
"""Values of more than eight bits stretched to black and white; transparent areas on black."""

WORDS = Words({"stretch": "Stretch the values", "black": "Transparent areas on black"})

NOTES: dict[Way, str] = {"stretch": "image.narrow", "black": "image.transparent"}
"""Notes on images that a way changes."""


def is_read(fitted: Fitted, way: Way) -> bool:
    """Whether an image is read in a way."""
    return fitted.stretch if way == "stretch" else fitted.ground == "black"


def offered_ways(explanation: Explanation, fitted: Fitted) -> list[Way]:
    """The ways that change an image, or that it is read in.

    Args:
        explanation: of the image.
        fitted: how it is read now.
    """
    noted = {note.code for note in explanation.notes}
    return [way for way, code in NOTES.items() if code in noted or is_read(fitted, way)]
