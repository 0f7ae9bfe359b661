"""One image of an atlas in a line: its picture, what it is, and where to go from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import services
from app.atlas.chosen_image import take_image
from app.atlas.extremes import pictures_of
from app.atlas.pairs import enlarged
from app.atlas.sections import open_section
from app.session import links
from app.session.words import Words, class_name, plain_text
from app.widgets.figures import image as picture_of
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "number": "Image {number}, {id}",
        "label": "label {label}",
        "answer": "answered {answer}, {share} %",
        "neighbours": "Its neighbours",
        "inspect": "Open in Inspect",
        "leave": "Clear",
    }
)


def image_line(classifier: Classifier, atlas: Atlas, image: int, *, here: bool = False) -> None:
    """Draw an image, what is known of it, and buttons.

    Args:
        classifier: the network.
        atlas: the atlas.
        image: index of the image in it.
        here: whether its neighbours are on the page already.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="atlas-image-line"):
        shown = picture_of(
            enlarged(pictures_of(atlas, np.array([image])), 64)[0], "", style="width: 64px; border-radius: 6px"
        )
        st.html(shown, width="content")
        st.markdown(plain_text(", ".join(described(atlas, image))), width="content")
        if not here:
            name, key = WORDS["neighbours"], "atlas-to-neighbours"
            st.button(name, icon=":material/hub:", key=key, on_click=show_neighbours, args=(image,))
        inspect_button(classifier, atlas, image, key="atlas-to-inspect")
        if not here:
            name, key = WORDS["leave"], "atlas-image-leave"
            st.button(name, icon=":material/close:", type="tertiary", key=key, on_click=take_image, args=(None,))


def inspect_button(classifier: Classifier, atlas: Atlas, image: int, *, key: str) -> None:
    """Offer to open an image in Inspect, where that can show it."""
    link = services.image_in_pages(atlas, image)
    if link is None:
        return
    name, network = WORDS["inspect"], links.network_of(classifier)
    target = {"network": network, "image": link}
    st.button(name, icon=":material/visibility:", key=key, on_click=links.go, args=("inspect",), kwargs=target)


def described(atlas: Atlas, image: int) -> list[str]:
    """What is known of an image, in a few words each."""
    label, answer = int(atlas.labels[image]), int(atlas.answers[image])
    said = [WORDS["number"].format(number=image, id=atlas.ids[image])]
    if label >= 0:
        said.append(WORDS["label"].format(label=class_name(atlas.label_classes[label])))
    if answer >= 0:
        share = f"{100 * float(atlas.confidence[image]):.0f}"
        said.append(WORDS["answer"].format(answer=class_name(atlas.classes[answer]), share=share))
    return said


def show_neighbours(image: int) -> None:
    """Open the section with an image's neighbours; for what a click calls."""
    take_image(image)
    open_section("neighbours")
