"""Inspect: one picture, what the network made of it, and what every block attended to."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import services
from app.components.attention import attention_viewer
from app.components.downloads import downloads
from app.components.prediction import framed_square, prediction
from app.components.strip import Tile, strip
from app.components.uploads import Upload, choose_fit, overview, say, square_key, uploads
from cbam_core.classifier import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.samples import SHEET
from cbam_core.errors import CbamError

SAMPLES, UPLOAD = "Samples", "Upload"


@st.fragment
def inspect(classifier: Classifier) -> None:
    """The page below the sidebar; a choice on it runs this part alone."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.header("Inspect", anchor=False, width="content")
        source = st.segmented_control(
            "Picture from", [SAMPLES, UPLOAD], default=SAMPLES, required=True, label_visibility="collapsed"
        )
        st.space("stretch")
        tools = st.container(width="content")
    # Both sources stay on the page, one of them hidden, so that going back and forth loses neither choice.
    with st.container(key="samples"):
        index = _sample()
    with st.container(key="uploads"):
        chosen = uploads()
    _hide("uploads" if source == SAMPLES else "samples")
    if source == SAMPLES:
        _show_sample(classifier, index, tools)
    elif chosen:
        _show_uploads(classifier, chosen, tools)


def _sample() -> int:
    sheet = services.samples()
    tiles = tuple(
        Tile(place, f"{CLASSES[label]}, test image {index}", CLASSES[label])
        for place, (label, index) in enumerate(
            zip(sheet.labels.tolist(), sheet.indices.tolist(), strict=True)
        )
    )
    # A cat to begin with: an animal with eyes and ears shows best that masks have places.
    first = next(tile.index for tile in tiles if tile.class_ == "cat")
    return strip(SHEET.read_bytes(), tiles, columns=10, chosen=first, key="sample")


def _show_sample(classifier: Classifier, index: int, tools: DeltaGenerator) -> None:
    sheet = services.samples()
    shown = services.show_sample(classifier, index)
    prediction(
        shown.explanation,
        caption=f"CIFAR-10 test image {int(sheet.indices[index])}, as the network saw it",
        truth=CLASSES[int(sheet.labels[index])],
        key="sample-prediction",
    )
    settings = attention_viewer(shown.view, key="viewer")
    with tools:
        downloads({f"cifar10-test-{int(sheet.indices[index])}": shown.explanation}, settings)
    _say_what_gates_are()


def _show_uploads(classifier: Classifier, chosen: tuple[Upload, ...], tools: DeltaGenerator) -> None:
    fit = choose_fit()
    shown, refused = {}, {}
    for upload in chosen:
        try:
            square = framed_square(square_key(upload)) if fit == "square" else None
            shown[upload.digest] = services.show_upload(classifier, upload.digest, upload.content, fit, square)
        except CbamError as error:
            refused[upload.digest] = error
    opened = overview(chosen, shown, refused) if len(chosen) > 1 else chosen[0]
    if opened.digest in refused:
        say(refused[opened.digest], opened.name)
        return
    this = shown[opened.digest]
    prediction(
        this.explanation,
        caption=opened.name,
        preview=this.preview,
        movable=fit == "square",
        key=square_key(opened),
    )
    settings = attention_viewer(this.view, key="viewer")
    with tools:
        downloads(
            {upload.name: shown[upload.digest].explanation for upload in chosen if upload.digest in shown},
            settings,
            opened=opened.name,
        )
    _say_what_gates_are()


def _say_what_gates_are() -> None:
    st.caption(
        "Channel weights are what the block multiplied each feature channel by, a spatial mask what it multiplied each "
        "place by: near 1 passes, near 0 blocks. They say what the network let through in this forward, and they are "
        "not a reason for the class that it chose."
    )


def _hide(key: str) -> None:
    st.html(f"<style>.st-key-{key} {{ display: none }}</style>")


inspect(st.session_state["network"])
