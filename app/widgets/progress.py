"""How far work in the background of a visit is: a bar and a button that ends it, or why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.session.background import Work
from app.session.words import Words, paragraph, plain_text, say, sentence
from app.widgets.duration import duration

LOOK_EVERY = 1.0
"""Seconds between two looks at how far it is."""

WORDS = Words({"cancel": "Cancel", "again": "Try again", "left": "{said}, about {time} left"})


def show_progress(
    find: Callable[[], Work[Any] | None],
    describe: Callable[[Work[Any]], str],
    cancel: Callable[[], None],
    *,
    key: str,
    remark: str = "",
    is_fault: bool = True,
    every: float = LOOK_EVERY,
) -> None:
    """Show how far work is, again and again until it is over; the page is then drawn anew.

    Args:
        find: function that returns the work; None where it is over.
        describe: function that says how far it is.
        cancel: function that ends the work, or forgets why it failed.
        key: of the buttons.
        remark: what is said of the button that ends it.
        is_fault: whether work that fails is a fault, and not something that a network does not allow.
        every: seconds between two looks.
    """
    st.fragment(_progress, run_every=every)(find, describe, cancel, key, remark, is_fault=is_fault)


def _progress(
    find: Callable[[], Work[Any] | None],
    describe: Callable[[Work[Any]], str],
    cancel: Callable[[], None],
    key: str,
    remark: str,
    *,
    is_fault: bool,
) -> None:
    work = find()
    if work is None or work.cancelled or work.result is not None:
        st.rerun()
    if work.error is not None:
        if is_fault:
            st.error(plain_text(sentence(work.error)), icon=":material/error:")
        else:
            st.info(plain_text(say(work.error)), icon=":material/info:")
        st.button(WORDS["again"], key=f"{key}-again", on_click=cancel)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(
            min(1.0, work.done / work.total), text=plain_text(_with_time(work, describe(work))), width="stretch"
        )
        help_ = paragraph(remark) if remark else None
        st.button(WORDS["cancel"], help=help_, key=f"{key}-cancel", on_click=cancel)


def _with_time(work: Work[Any], said: str) -> str:
    """How far work is, with how long the rest takes where that is known."""
    left = work.seconds_left
    return said if not left else WORDS["left"].format(said=said, time=duration(max(1.0, left)))


def share_of(work: Work[Any]) -> int:
    """The share of work that is done, in percent."""
    return round(100 * min(1.0, work.done / work.total))


def counts_of(work: Work[Any]) -> dict[str, str]:
    """How many parts of work are done, and of how many, as words take them."""
    return {"done": f"{work.done:,}", "total": f"{work.total:,}"}
