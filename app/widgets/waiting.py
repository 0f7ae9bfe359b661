"""How many are before a visitor, while the server is busy with heavy work of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from app.session.scheduling import wait_shown
from app.session.words import Words

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "before": "The server is busy: {count} before you.",
        "next": "The server is busy: you are next.",
    }
)


@contextmanager
def waiting_shown(place: Container | None = None) -> Iterator[None]:
    """Say how many are before the visitor, while work in the block waits for its turn.

    Args:
        place: an `st.empty` where it is said; by default here.
    """
    place, said = st.empty() if place is None else place, [-1]

    def show(before: int) -> None:
        if before != said[0]:
            said[0] = before
            place.caption(WORDS["before"].format(count=before) if before else WORDS["next"])

    try:
        with wait_shown(show):
            yield
    finally:
        if said[0] >= 0:
            place.empty()
