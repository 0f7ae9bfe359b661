"""Other ways to read the values of a side's image, which the visitor turns on and off."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app.compare.state import Selected, choice_of, keep, side_of
from app.session.choices import Choice
from app.session.uploads import Upload
from app.widgets.figures import Side
from app.widgets.readings import WORDS, Way, is_read, offered_ways
from cbam_core.results.explanation import Explanation


def offer_readings(side: Side, chosen: Selected, upload: Upload, explanation: Explanation) -> None:
    """Offer to read a side's image in another way, where that changes something.

    Args:
        side: which side.
        chosen: its image.
        upload: the image's file.
        explanation: of the image.
    """
    if chosen.source == "camera" or not (ways := offered_ways(explanation, chosen.fitted)):
        return
    with st.container(horizontal=True, gap="medium"):
        for way in ways:
            widget = choice_of(f"{way}-{upload.digest[:24]}", side)
            st.toggle(
                WORDS[way],
                value=is_read(chosen.fitted, way),
                key=widget.key,
                on_change=_keep,
                args=(side, way, widget),
            )


def _keep(side: Side, way: Way, widget: Choice) -> None:
    selected, is_on = side_of(side), bool(widget.get())
    fitted = selected.fitted
    fitted = (
        replace(fitted, stretch=is_on) if way == "stretch" else replace(fitted, ground="black" if is_on else "white")
    )
    if selected.source == "folder":
        keep(side, replace(selected, folder_fit=fitted))
    else:
        keep(side, replace(selected, upload_fit=fitted))
