"""Choosing among the images that the operator has provided."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence

import streamlit as st

from app.session.choices import Choice
from app.session.tiles import Tile
from app.session.words import Words
from app.widgets.strip import PageChoice, strip
from cbam_core.errors import CbamError

WORDS = Words(
    {
        "reading": "Reading {count} images",
        "none": "There are no images in the folder yet.",
        "unreadable": "The image folder cannot be read; the operator can find the reason in the log.",
    }
)

COLUMNS = 10

Sheet = Callable[[int, Callable[[int], object]], bytes]
"""Gives thumbnails as one PNG, so many in a row; while it makes them, it calls the function with how many are done."""


def choose_from_gallery(names: Sequence[str], sheet: Sheet, *, first: str, key: str, generation: int = 0) -> int | None:
    """Let the visitor choose an image.

    Args:
        names: of the images' files.
        sheet: gives the thumbnails of all images, in their order.
        first: name of the image to begin with; that of the first one where there is none of this name.
        key: of the widget; other images have a key of their own, because their indices mean other images.
        generation: another number where the page chooses `first` anew.

    Returns:
        The image's index; None where there are none.
    """
    if not names:
        st.info(WORDS["none"], icon=":material/folder_off:")
        return None
    said = WORDS["reading"].format(count=len(names))
    room = st.empty()
    # Drawing is also a moment at which a visitor who has left the page is noticed.
    thumbnails = sheet(COLUMNS, lambda done: room.progress(done / len(names), text=said))
    described = [Tile(index, name, "") for index, name in enumerate(names)]
    key = f"{key}-{hashlib.sha256(repr(names).encode()).hexdigest()[:8]}"
    start = Choice(key).start(names.index(first) if first in names else 0, generation)
    with room.container():
        return strip(thumbnails, described, columns=COLUMNS, chosen=PageChoice(start, generation), key=key)


def say_unreadable(error: CbamError) -> None:
    """Say that there is no folder; where it should lie is for the operator, and not for visitors."""
    logging.getLogger("cbam_lens").warning("%s: %s", error.code, error)
    st.error(WORDS["unreadable"], icon=":material/error:")
