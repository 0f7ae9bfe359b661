"""Inspect: one picture, what the network made of it, and what every block attended to."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import picked, services
from app.components.ahead import Ahead, send_ahead
from app.components.attention import attention_viewer
from app.components.downloads import downloads
from app.components.prediction import framed_square, prediction
from app.components.strip import strip
from app.components.uploads import choose_fit, overview, say, say_where_they_live, square_key, uploads
from app.picked import Picked
from cbam_core.classifier import Classifier
from cbam_core.errors import CbamError

SAMPLES, UPLOAD = "Samples", "Upload"

FIRST = 31
"""Place in the sample sheet of the image to begin with: a cat that faces us shows best that masks have places."""


def inspect(classifier: Classifier) -> None:
    """The page below the sidebar."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.header("Inspect", anchor=False, width="content")
        source = st.segmented_control(
            "Picture from", [SAMPLES, UPLOAD], default=SAMPLES, required=True, label_visibility="collapsed"
        )
    # Both sources stay on the page, one of them hidden, so that going back and forth loses neither choice.
    with st.container(key="samples"):
        _from_samples(classifier, source == SAMPLES)
    with st.container(key="uploads"):
        _from_uploads(classifier, source == UPLOAD)
    # Last, and outside the fragments: it must not delay the first result, nor travel with every choice.
    send_ahead("sample", classifier.digest, services.samples_ahead(classifier))
    st.html(f"<style>.st-key-{'uploads' if source == SAMPLES else 'samples'} {{ display: none }}</style>")


@st.fragment
def _from_samples(classifier: Classifier, shown: bool) -> None:
    """The bundled images; choosing one runs this part of the page alone."""
    sheet = services.samples()
    tiles = services.sample_tiles()
    index = strip(services.sample_png(), tiles, columns=10, chosen=FIRST, key="sample", of=classifier.digest)
    if not shown:
        return
    picked.note(Picked("sample", index))
    picture = services.show_sample(classifier, index)
    name = int(sheet.indices[index])
    ahead = Ahead("sample", classifier.digest, index)
    result, tools = _result_and_tools()
    caption, truth = services.about_sample(index)
    with result:
        prediction(picture.explanation, caption=caption, truth=truth, key="sample-prediction", ahead=ahead)
    settings = attention_viewer(picture.view, key="sample-viewer", ahead=ahead)
    with tools:
        downloads({f"cifar10-test-{name}": picture.explanation}, settings, key="sample")
    _say_what_gates_are()


@st.fragment
def _from_uploads(classifier: Classifier, shown: bool) -> None:
    """The visitor's own pictures, one opened at a time."""
    given = uploads()
    if not shown:
        return
    if not given:
        say_where_they_live()
        st.markdown(f"Any picture will do; the network knows {', '.join(classifier.classes)}.")
        return
    fit = choose_fit()
    pictures, refused = {}, {}
    for upload in given:
        try:
            square = framed_square(square_key(upload)) if fit == "square" else None
            pictures[upload.digest] = services.show_upload(classifier, upload.digest, upload.content, fit, square)
        except CbamError as error:
            refused[upload.digest] = error
    opened = overview(given, pictures, refused) if len(given) > 1 else given[0]
    if opened.digest in refused:
        say(refused[opened.digest], opened.name)
        say_where_they_live()
        return
    picture = pictures[opened.digest]
    square = framed_square(square_key(opened)) if fit == "square" else None
    picked.note(Picked("upload", upload=opened, fit=fit, square=square))
    result, tools = _result_and_tools()
    with result:
        prediction(
            picture.explanation,
            caption=opened.name,
            preview=picture.preview,
            movable=fit == "square",
            key=square_key(opened),
        )
    settings = attention_viewer(picture.view, key="upload-viewer")
    with tools:
        read = [one for one in given if one.digest in pictures]
        downloads(
            {one.name: pictures[one.digest].explanation for one in read},
            settings,
            files={one.name: one.content for one in read},
            opened=opened.name,
            key="upload",
        )
    _say_what_gates_are()
    say_where_they_live()


def _result_and_tools() -> list[DeltaGenerator]:
    return st.columns([6.6, 1], gap="small")


def _say_what_gates_are() -> None:
    st.caption(
        "A block multiplies each feature channel by its channel weight, and each place by the value of its spatial "
        "mask: near 1 lets through, near 0 holds back. They show what this network let through for this picture; they "
        "are not a reason for the class that it chose."
    )


inspect(st.session_state["network"])
