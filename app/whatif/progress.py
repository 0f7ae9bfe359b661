"""How far work is that goes on in the background: rows of a large network, and the search for an image."""

from __future__ import annotations

import streamlit as st

from app.services import what_if
from app.session.words import Words, sentence
from app.widgets.image.address import open_image
from app.widgets.image.shown import ShownImage
from cbam_core.network import Classifier

WORDS = Words(
    {
        "rows": "Gate {done} of {total} with its usual values",
        "search": "Looking for an image for which the gate decides: {done} of {total}",
        "none": "For none of {total} images does the gate decide.",
        "cancelled": "The rows with usual values were cancelled.",
        "begin": "Compute",
        "cancel": "Cancel",
        "close": "Close",
    }
)

LOOK_EVERY = 0.5
"""Seconds between two looks at how far it is."""

DRAWN = 10
"""Times that the table is drawn anew while its rows come."""


def offer_cancelled_rows(shown: ShownImage) -> None:
    """Offer to compute the rows after all, where they were cancelled."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            WORDS["begin"],
            icon=":material/play_arrow:",
            key=f"whatif-{shown.key}-rows-begin",
            on_click=what_if.begin_usual_again,
        )
        st.caption(WORDS["cancelled"], width="content")


def show_rows_progress(classifier: Classifier, shown: ShownImage, drawn: int) -> None:
    """Show how far the rows are; the page is drawn anew when some more of them are there.

    Args:
        classifier: the network.
        shown: the image.
        drawn: number of rows that are drawn.
    """
    st.fragment(_rows, run_every=LOOK_EVERY)(classifier, shown, drawn)


def _rows(classifier: Classifier, shown: ShownImage, drawn: int) -> None:
    work = what_if.usual_work(classifier, shown.result.explanation)
    if work is None or work.is_over or work.done - drawn >= max(1, work.total // DRAWN):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        said = WORDS["rows"].format(done=work.done, total=work.total)
        st.progress(min(1.0, work.done / work.total), text=said, width="stretch")
        st.button(WORDS["cancel"], key=f"whatif-{shown.key}-rows-cancel", on_click=work.cancel)


def open_found(classifier: Classifier) -> None:
    """Open the image that was looked for, once it is found; to be called before the choice of images is drawn."""
    kept = what_if.search(classifier)
    if kept is not None and kept[1].result:
        what_if.cancel_search()
        open_image(classifier, {"image": (kept[0], kept[1].result[0])})


def show_search(classifier: Classifier, shown: ShownImage) -> None:
    """Show how far the search for an image is, if there is one; the page is drawn anew when it is found."""
    if what_if.search(classifier) is not None:
        st.fragment(_search, run_every=LOOK_EVERY)(classifier, shown)


def _search(classifier: Classifier, shown: ShownImage) -> None:
    kept = what_if.search(classifier)
    if kept is None or kept[1].result:
        st.rerun()  # see `open_found`
    _, work = kept
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        values = {"done": f"{work.done:,}", "total": f"{work.total:,}"}
        if work.error is not None:
            st.error(sentence(work.error), icon=":material/error:")
        elif work.result is not None:
            st.info(WORDS["none"].format(**values), icon=":material/search_off:")
        else:
            st.progress(min(1.0, work.done / work.total), text=WORDS["search"].format(**values), width="stretch")
        word = WORDS["close" if work.is_over else "cancel"]
        st.button(word, key=f"whatif-{shown.key}-search-cancel", on_click=what_if.cancel_search)
