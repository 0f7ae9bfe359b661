"""Edits as a file: to take along, and to open again on any visit."""

from __future__ import annotations

import streamlit as st

from app.session.choices import Choice, Generation, Remembered
from app.session.links import read_image
from app.session.words import Words, plain_text, sentence
from app.streamlit_internals import files_in
from app.whatif.other import Other
from app.whatif.state import EXPERIMENT, JUMPED, begin_with, lender_of
from app.widgets.image.address import open_image
from app.widgets.image.shown import ShownImage
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.gate_edits import LARGEST_FILE, EditFile, read_edit_file

WORDS = Words(
    {
        "edits": "File",
        "hint": "Edits as a file, to download and to open",
        "download": "Download edits (.json)",
        "open": "Open a file of edits",
        "made_on": "These edits were made on {network}.",
    }
)

_GIVEN = Choice("whatif-file", Generation("whatif-file-generation"))
_REFUSED: Remembered[CbamError | None] = Remembered("whatif-file-refused", lambda: None)
_MADE_ON: Remembered[str] = Remembered("whatif-file-network", str)


def edit_file(classifier: Classifier, shown: ShownImage, other: Other | None) -> EditFile:
    """The edits on the page as a file holds them."""
    now = EXPERIMENT.get()
    lends = "" if other is None else other.link
    return EditFile(now.now, now.kept, classifier.name, shown.link or "", lends)


def offer_file(classifier: Classifier, shown: ShownImage, other: Other | None) -> None:
    """Offer to download the edits, and to open a file of some.

    Args:
        classifier: the network.
        shown: the image.
        other: the image that lends its gates; None for none.
    """
    file = edit_file(classifier, shown, other)
    with st.popover(WORDS["edits"], icon=":material/draft:", help=WORDS["hint"]):
        st.download_button(
            WORDS["download"],
            file.as_json().encode(),
            file_name=f"edits-{classifier.name.replace('/', '-')}.json",
            mime="application/json",
            on_click="ignore",
            disabled=not (file.now or file.kept),
            key=f"whatif-{shown.key}-download",
            width="stretch",
        )
        with st.container(key="whatif-way-in"):
            st.file_uploader(
                WORDS["open"],
                type=["json"],
                max_upload_size=LARGEST_FILE // 2**20,
                key=_GIVEN.key,
                on_change=_open,
                args=(classifier,),
            )
        if (refused := _REFUSED.get()) is not None:
            st.error(plain_text(sentence(refused)), icon=":material/error:")
        elif _MADE_ON.get() and _MADE_ON.get() != classifier.name:
            st.caption(plain_text(WORDS["made_on"].format(network=_MADE_ON.get())))


def _open(classifier: Classifier) -> None:
    """Show the edits of a file, on its image where that is one that an address can name."""
    files = files_in(_GIVEN.get())
    _REFUSED.forget()
    if not files:
        return
    try:
        file = read_edit_file(files[0].getvalue())
    except CbamError as error:
        _REFUSED.set(error)
        return
    _MADE_ON.set(file.network)
    begin_with(file.now, file.kept, lender_of(read_image(file.other)))
    if (image := read_image(file.image)) is not None:
        open_image(classifier, {"image": image})
    JUMPED.set(True)
