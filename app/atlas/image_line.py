"""What is known of one image of an atlas, and where to go from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.atlas.chosen_image import take_image
from app.atlas.sections import open_section
from app.session import links
from app.session.words import Words, class_name
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "number": "Image {number}, {id}",
        "label": "label {label}",
        "answer": "answered {answer}, {share} %",
        "inspect": "Open in Inspect",
    }
)


def inspect_button(classifier: Classifier, atlas: Atlas, image: int, *, key: str) -> None:
    """Offer to open an image in Inspect, where that can show it."""
    if services.image_in_pages(atlas, image) is None:
        return
    name, arguments = WORDS["inspect"], (classifier, atlas, image)
    st.button(name, icon=":material/visibility:", key=key, on_click=open_in_inspect, args=arguments)


def open_in_inspect(classifier: Classifier, atlas: Atlas, image: int) -> None:
    """Open an image in Inspect, where that can show it; for what a click calls."""
    link = services.image_in_pages(atlas, image)
    if link is not None:
        links.go("inspect", network=links.network_of(classifier), image=link)


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
