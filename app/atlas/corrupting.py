"""The same images made brighter, noisier or blurred: which atlas of them is offered, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.session.choices import Choice
from app.session.words import Words
from app.widgets.choices import choose_one
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "offer": "Changed images",
        "kind": "Kind",
        "level": "Level",
        "brightness": "brighter",
        "noise": "noise",
        "blur": "blurred",
        "command": "This command builds the atlas of the changed images; their names stay, so both can be compared:",
    }
)

KINDS = ("brightness", "noise", "blur")

_KIND, _LEVEL = Choice("atlas-corruption"), Choice("atlas-corruption-level")


def offer_corrupted(classifier: Classifier, atlas: Atlas) -> None:
    """Offer an atlas of the same images, changed at one of five levels."""
    with st.popover(WORDS["offer"], icon=":material/blur_on:", key="atlas-corrupted"):
        _KIND.resume("blur")
        kind = choose_one(WORDS["kind"], KINDS, WORDS, key=_KIND.key)
        _LEVEL.resume(3)
        level = st.slider(WORDS["level"], 1, 5, key=_LEVEL.key)
        st.caption(WORDS["command"])
        command = f"cbam atlas build {classifier.name} --set {atlas.title} --corrupt {kind}:{level}"
        st.code(command, language="bash", wrap_lines=True)
        for choice in (_KIND, _LEVEL):
            choice.remember()
