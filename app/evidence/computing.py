"""Work of this page that takes a while: begun by itself where it is short, else at a button; how far it is."""

from __future__ import annotations

import streamlit as st

from app import services
from app.services.attribution import Part
from app.session.words import Words, plain_text, sentence
from app.widgets.duration import duration

LOOK_EVERY = 0.5
"""Seconds between two looks at how far it is."""

WORDS = Words(
    {
        "begin": "Compute",
        "offer": "About {time} of this server, in the background.",
        "progress": "{done} of {total}",
        "cancel": "Cancel",
        "again": "Try again",
    }
)


def computed_here(asked: services.Asked, part: Part) -> bool:
    """Show how far the work is, or offer to begin it; return whether it goes on.

    Args:
        asked: the image, the network and the class.
        part: what is computed.
    """
    work = services.attributing(asked, part)
    if work is None or work.cancelled:
        seconds = services.seconds_of_attributing(asked, part)
        if work is not None or seconds > services.SOON:
            _offer(asked, part, seconds)
            return False
        services.begin_attributing(asked, part)
    st.fragment(_progress, run_every=LOOK_EVERY)(asked, part)
    return True


def _offer(asked: services.Asked, part: Part, seconds: float) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            WORDS["begin"],
            icon=":material/play_arrow:",
            key=f"evidence-begin-{part}",
            on_click=services.begin_attributing,
            args=(asked, part),
        )
        st.caption(plain_text(WORDS["offer"].format(time=duration(max(1.0, seconds)))), width="content")


def _progress(asked: services.Asked, part: Part) -> None:
    """How far it is; runs by itself again and again until it is over, and then draws the page anew."""
    work = services.attributing(asked, part)
    if work is None or work.cancelled or work.result is not None:
        st.rerun()
    if work.error is not None:
        st.error(sentence(work.error), icon=":material/error:")
        st.button(WORDS["again"], key=f"evidence-again-{part}", on_click=services.cancel_attributing)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        said = WORDS["progress"].format(done=work.done, total=work.total)
        st.progress(min(1.0, work.done / work.total), text=said, width="stretch")
        st.button(WORDS["cancel"], key=f"evidence-cancel-{part}", on_click=services.stop_attributing)
