"""Work of this page that takes a while: begun by itself where it is short, else at a button; how far it is."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import services
from app.services.attribution import Part
from app.session.words import Words, plain_text
from app.widgets.duration import duration
from app.widgets.progress import counts_of, show_progress

LOOK_EVERY = 0.5
"""Seconds between two looks at how far it is."""

WORDS = Words(
    {
        "begin": "Compute",
        "offer": "About {time} of this server, in the background.",
        "progress": "{done} of {total}",
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
    show_progress(
        partial(services.attributing, asked, part),
        lambda work: WORDS["progress"].format(**counts_of(work)),
        services.stop_attributing,
        key=f"evidence-{part}",
        every=LOOK_EVERY,
    )
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
