"""Images to look at: far from all others in gates, or with labels that the network and the nearest images doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import services
from app.atlas.extremes import pictures_of, tile_of
from app.atlas.slices import Slice
from app.session import links
from app.session.words import Words, class_name, paragraph, plain_text
from app.widgets.image_tiles import ImageTile, image_tiles
from app.widgets.waiting import waiting_shown
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.answers import DoubtfulLabels, Outliers
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "doubtful": "Labels to look at",
        "about_doubtful": "The network answers another class, and that class is more frequent than the label among the "
        "{k} nearest images in gates. Below each image: its label and the answer; the probability of the label and of "
        "the answer; how many of the {k} nearest have the one and the other. First are those whose label has least of "
        "both.",
        "not": "This is no list of wrong labels. The network may be wrong, and its gates are not a second opinion: "
        "they were learnt with the answer. It says where a look pays most.",
        "count": "{shown} of {count} in this slice.",
        "none": "No label of this slice is doubted by both.",
        "without": "There are no labels, or no answers, that could be doubted.",
        "pair": "{label} or {answer}?",
        "chances": "{label} % : {answer} %",
        "near": "{label} : {answer} near",
        "outliers": "Far from all others",
        "about_outliers": "Below each image: the distance to the last of its {k} nearest images in all gates; the "
        "median of all is {usual}. An image can be far because it is unlike the others, or because its gates are near "
        "their ends.",
        "alone": "This atlas has no other image to be far from.",
        "sampled": "Nearest images were looked for among {count} of the set.",
    }
)

SHOWN = 21
"""Images of each kind on the page."""

WIDE = 92
"""Pixels of a tile with two names of classes in a line."""

ALL = 10**9
"""More than there are suspects."""


def suspects_section(classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw doubtful labels and outliers of the slice."""
    with waiting_shown():
        found = services.computed_once(atlas, "suspects", partial(atlas.suspects, ALL))
    network = links.network_of(classifier)
    st.markdown(f"**{plain_text(WORDS['doubtful'])}**")
    if found.doubtful is None:
        st.caption(WORDS["without"])
    else:
        _doubtful(atlas, found.doubtful, chosen, network)
    st.markdown(f"**{plain_text(WORDS['outliers'])}**")
    _outliers(atlas, found.outliers, chosen, network)
    if found.compared_with < int(atlas.ok.sum()):
        st.caption(plain_text(WORDS["sampled"].format(count=f"{found.compared_with:,}")))
    return {}


def _doubtful(atlas: Atlas, found: DoubtfulLabels, chosen: Slice, network: str | None) -> None:
    here = np.flatnonzero(np.isin(found.images, chosen.images))
    if not len(here):
        st.caption(WORDS["none"])
        return
    st.caption(plain_text(WORDS["about_doubtful"].format(k=found.k)))
    shown = here[:SHOWN]
    tiles = [_doubtful_tile(atlas, found, int(place)) for place in shown]
    image_tiles(pictures_of(atlas, found.images[shown]), tiles, network=network, key="atlas-doubtful", side=WIDE)
    count = WORDS["count"].format(shown=len(shown), count=f"{len(here):,}")
    st.caption(plain_text(paragraph(count, WORDS["not"])))


def _doubtful_tile(atlas: Atlas, found: DoubtfulLabels, place: int) -> ImageTile:
    label = class_name(atlas.label_classes[int(found.labels[place])])
    answer = class_name(atlas.classes[int(found.suggested[place])])
    near = [round(share[place] * found.k) for share in (found.neighbours, found.suggested_neighbours)]
    own, other = (100 * chance[place] for chance in (found.probability, found.suggested_probability))
    lines = (
        WORDS["pair"].format(label=label, answer=answer),
        WORDS["chances"].format(label=f"{own:.0f}", answer=f"{other:.0f}"),
        WORDS["near"].format(label=near[0], answer=near[1]),
    )
    return replace(tile_of(atlas, int(found.images[place]), ", ".join(lines)), lines=lines, wrong=False)


def _outliers(atlas: Atlas, found: Outliers, chosen: Slice, network: str | None) -> None:
    shown = np.flatnonzero(np.isin(found.images, chosen.images))[:SHOWN]
    if not len(shown):
        st.caption(WORDS["alone"])
        return
    images = found.images[shown]
    far = zip(images, found.distances[shown], strict=True)
    tiles = [tile_of(atlas, int(image), f"{distance:.2f}") for image, distance in far]
    image_tiles(pictures_of(atlas, images), tiles, network=network, key="atlas-outliers")
    st.caption(plain_text(WORDS["about_outliers"].format(k=found.k, usual=f"{found.usual:.2f}")))
