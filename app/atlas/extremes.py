"""The images in which one value of a gate is highest, and lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from jaxtyping import UInt8

from app import services
from app.atlas.slices import Slice
from app.session import links
from app.session.words import Words, class_name, plain_text
from app.widgets.image_tiles import ImageTile, image_tiles
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.answers import Ranking
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "highest": "Highest",
        "lowest": "Lowest",
        "image": "{id}: {value}",
        "truth": "{id}: {value}; {truth}",
        "answer": "{id}: {value}; {truth}, answered {answer}",
        "confused": "{truth} → {answer}",
        "flat": "This value is the same for all of these images, so none of them is special.",
        "tied": "{count} images have the value {value}; these are the first of them in the set, and their order says "
        "nothing.",
    }
)

SHOWN = 14
"""Images at each end."""

SIDE = 32
"""Side of the empty squares that stand for images whose thumbnails are not there."""


def extremes(classifier: Classifier, atlas: Atlas, chosen: Slice, gate: AtlasGate, value: int) -> Ranking:
    """Draw both ends of the order, and return the upper one."""
    top = atlas.top(gate.name, value, SHOWN, chosen.where)
    bottom = atlas.top(gate.name, value, SHOWN, chosen.where, lowest=True)
    if len(top.values) == 1:
        tiles_of(classifier, atlas, top.images, top.values, key="atlas-highest")
        return top
    if len(top.values) > 1 and float(top.values[0]) == float(bottom.values[0]):
        st.caption(WORDS["flat"])
        return top
    for side, name, ranking in zip(
        st.columns([1.15, 1], gap="medium"), ("highest", "lowest"), (top, bottom), strict=True
    ):
        with side:
            st.markdown(f"**{plain_text(WORDS[name])}**")
            tiles_of(classifier, atlas, ranking.images, ranking.values, key=f"atlas-{name}")
            if ranking.undecided:
                last = written(float(ranking.values[-1]))
                st.caption(plain_text(WORDS["tied"].format(count=f"{ranking.tied:,}", value=last)))
    return top


def tiles_of(classifier: Classifier, atlas: Atlas, images: np.ndarray, values: np.ndarray, *, key: str) -> None:
    """Draw images with a number below each; a click opens one in Inspect."""
    tiles = [tile_of(atlas, int(image), written(float(value))) for image, value in zip(images, values, strict=True)]
    image_tiles(pictures_of(atlas, images), tiles, network=links.network_of(classifier), key=key)


def written(value: float) -> str:
    """A value with three decimals; a very small one with one digit, so that it is not taken for 0."""
    return f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 0.0005 else f"{value:.3f}".replace("-", "−")


def pictures_of(atlas: Atlas, images: np.ndarray) -> UInt8[np.ndarray, "n side side 3"]:
    """Thumbnails of some images; grey squares where the atlas has none."""
    if atlas.contents.thumbnails is None:
        return np.full((len(images), SIDE, SIDE, 3), 128, np.uint8)
    return atlas.thumbnails(images)


def tile_of(atlas: Atlas, image: int, value: str) -> ImageTile:
    """What is said of one image of an atlas.

    Args:
        atlas: the atlas.
        image: index of the image in it.
        value: what stands below it.
    """
    truth, answered = _classes_of(atlas, image)
    wrong = int(atlas.right[image]) == 0
    below = WORDS["confused"].format(truth=truth, answer=answered) if wrong else truth or answered
    name = named(atlas, image, value)
    return ImageTile(name, (value, below) if below else (value,), services.image_in_pages(atlas, image), wrong)


def named(atlas: Atlas, image: int, value: str) -> str:
    """What an image is, for its tool tip and those who do not see it.

    Args:
        atlas: the atlas.
        image: index of the image in it.
        value: what stands below it.
    """
    truth, answered = _classes_of(atlas, image)
    template = "answer" if truth and answered else "truth" if truth or answered else "image"
    return WORDS[template].format(id=atlas.ids[image], value=value, truth=truth or answered, answer=answered)


def _classes_of(atlas: Atlas, image: int) -> tuple[str, str]:
    """Names of an image's class and of the answer; "" where there is none."""
    label, answer = int(atlas.labels[image]), int(atlas.answers[image])
    truth = class_name(atlas.label_classes[label]) if label >= 0 else ""
    return truth, class_name(atlas.classes[answer]) if answer >= 0 else ""
