"""Images whose gates are nearest to those of one image, in all gates or in one block."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.atlas import pairs
from app.atlas.chosen_image import GENERATION, IMAGE, first_image, take_image
from app.atlas.extremes import pictures_of, tile_of
from app.atlas.image_line import described, inspect_button
from app.atlas.link import usual_if
from app.atlas.slices import Slice
from app.session import links
from app.session.choices import Choice
from app.session.words import Words, listed, paragraph, plain_text
from app.widgets.choices import keep_listed
from app.widgets.figures import figure, figure_style, scale_bar
from app.widgets.image_tiles import Target, address_of, image_tiles
from cbam_core.atlas.finite import comparable
from cbam_core.network import Classifier
from cbam_core.render.colours import table
from cbam_core.results.look import DEFAULT_COLOURS

if TYPE_CHECKING:
    from cbam_core.atlas.answers import Neighbours
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "image": "Image",
        "image_help": "Its number in the set, from 0 to {last}",
        "compared": "Compared",
        "all": "all gates",
        "random": "Random",
        "here": "The image",
        "mask": "Its mask",
        "nearest": "The {count} nearest of all {total} images",
        "opens": "{label}. Shows its neighbours.",
        "same_one": "{same} of its {count} nearest have its label.",
        "approximate": "Looked for among those that are near in the principal components of the gates.",
        "alone": "This atlas has no other image that could be near.",
        "distance": "The number below an image is its Euclidean distance in these gates; 0 is the same.",
        "mask_of": "Mask",
        "masks": "Below each image is its mask, {gate}, all in the colours of one scale. A click goes on to the "
        "neighbours of an image.",
        "most_varied": "Of the masks to choose from, this one varies most from image to image.",
        "no_masks": "A click goes on to the neighbours of an image.",
        "unreadable": "This image could not be read when the atlas was built, so it has no gates.",
        "not_finite": "Values of this image's gates are not finite, so it has no distance to other images.",
    }
)

COUNT = 14
"""Neighbours that are shown."""

ALL = ""
"""Stands for all gates."""

_BLOCK, _MASK = Choice("atlas-neighbours-block"), Choice("atlas-neighbours-mask")

_STYLE = """<style>
.atlas-one .cbam-maps { grid-template-columns: repeat(2, minmax(0, 11rem)); gap: 0.7rem; }
.atlas-one .cbam-maps figcaption { font-weight: 400; min-height: 1.5rem; overflow-wrap: anywhere; }
.atlas-one .cbam-under { overflow-wrap: anywhere; text-align: left; }
</style>"""


def open_neighbours(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asks for, or with the last choice."""
    if asked:
        _BLOCK.set(asked.get("block", ALL))
        _MASK.set(asked.get("mask"))
    _BLOCK.resume(ALL)
    _MASK.resume(None)


def neighbours_section(classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw an image with its mask, and its neighbours with theirs."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        image = _choose_image(atlas, chosen)
        block = _choose_block(atlas)
        gates = pairs.gates_with_masks(atlas, block)
        first = pairs.most_varied(atlas, gates) if gates else None
        gate = first if first is None or len(gates) == 1 else _choose_mask(gates, first)
    mask = None if gate is None else usual_if(gate is first, gate.name)
    said = {"number": image, "block": block, "mask": mask}
    if not atlas.ok[image]:
        st.info(WORDS["unreadable"], icon=":material/info:")
        return said
    if not comparable(atlas, None if block is None else atlas.gates_of(block))[image]:
        st.info(WORDS["not_finite"], icon=":material/info:")
        return said
    found = atlas.neighbours(image, block, COUNT)
    if not len(found.images):
        st.info(WORDS["alone"], icon=":material/info:")
        return said
    numbers = np.r_[image, found.images]
    pictures = pairs.enlarged(pictures_of(atlas, numbers))
    overlays, limits = (None, (0.0, 1.0)) if gate is None else _masked(atlas, gate, numbers, pictures)
    left, right = st.columns([1.15, 2.6], gap="medium")
    with left:
        _one(classifier, atlas, image, pictures[0], gate, None if overlays is None else (overlays[0], limits))
    with right:
        total = f"{int(atlas.ok.sum()):,}"
        st.markdown(f"**{plain_text(WORDS['nearest'].format(count=len(found.images), total=total))}**")
        chosen_mask = None if gate is None or gate is first else gate.name
        _tiles(classifier, atlas, found, pictures[1:], None if overlays is None else overlays[1:], chosen_mask)
    _say(found, gate, is_most_varied=gate is first and len(gates) > 1)
    return said


def _choose_image(atlas: Atlas, chosen: Slice) -> int:
    """Let the visitor choose an image by its number, or by chance among those of the slice."""
    image = IMAGE.get()
    if image is None or not 0 <= image < len(atlas):
        image = first_image(chosen)
    number = Choice("atlas-image-number", GENERATION)
    number.begin(image)
    last = len(atlas) - 1
    help_ = WORDS["image_help"].format(last=f"{last:,}")
    given = st.number_input(WORDS["image"], 0, last, step=1, key=number.key, width=150, help=help_)
    image = int(np.clip(image if given is None else int(given), 0, last))
    IMAGE.set(image)
    st.button(WORDS["random"], icon=":material/casino:", key="atlas-random", on_click=_random, args=(chosen,))
    return image


def _random(chosen: Slice) -> None:
    take_image(int(np.random.default_rng().choice(chosen.images)))


def _choose_block(atlas: Atlas) -> str | None:
    named = {ALL: WORDS["all"], **{block: block for block in atlas.blocks}, **{g.name: g.name for g in atlas.gates}}
    if _BLOCK.get() not in named:
        _BLOCK.set(ALL)
    keep_listed(_BLOCK.key, [*named.values()])
    chosen = st.selectbox(WORDS["compared"], [*named], format_func=named.__getitem__, key=_BLOCK.key, width=220)
    _BLOCK.remember()
    return chosen or None


def _choose_mask(gates: Sequence[AtlasGate], first: AtlasGate) -> AtlasGate:
    """Let the visitor choose the mask that stands below the images."""
    named = {gate.name: gate for gate in gates}
    if _MASK.get() not in named:
        _MASK.set(first.name)
    keep_listed(_MASK.key, [*named])
    chosen = st.selectbox(WORDS["mask_of"], [*named], key=_MASK.key, width=220)
    _MASK.remember()
    return named[chosen or first.name]


def _masked(
    atlas: Atlas, gate: AtlasGate, images: np.ndarray, pictures: np.ndarray
) -> tuple[np.ndarray, tuple[float, float]]:
    side = pictures.shape[1]
    found = pairs.masks(atlas, gate, images)
    cells = pairs.cells_on_picture(gate, pairs.input_size_of(atlas, side), side)
    limits = pairs.range_of(found)
    return pairs.masked(pictures, found, cells, limits), limits


def _one(
    classifier: Classifier,
    atlas: Atlas,
    image: int,
    picture: np.ndarray,
    gate: AtlasGate | None,
    mask: tuple[np.ndarray, tuple[float, float]] | None,
) -> None:
    """The image itself beside its mask, larger than its neighbours."""
    drawn = [figure(html.escape(WORDS["here"]), picture, "", "")]
    if gate is not None and mask is not None:
        overlay, (low, high) = mask
        scale = scale_bar(table(DEFAULT_COLOURS), (f"{low:.2f}", "", f"{high:.2f}"), (0.0, 1.0))
        drawn.append(figure(html.escape(WORDS["mask"]), overlay, "", scale, under=gate.name))
    st.html(f'{figure_style()}{_STYLE}<div class="atlas-one"><div class="cbam-maps">{"".join(drawn)}</div></div>')
    st.markdown(plain_text(listed(described(atlas, image))))
    inspect_button(classifier, atlas, image, key="atlas-neighbours-inspect")


def _tiles(
    classifier: Classifier,
    atlas: Atlas,
    found: Neighbours,
    pictures: np.ndarray,
    overlays: np.ndarray | None,
    mask: str | None,
) -> None:
    tiles = [
        replace(tile_of(atlas, int(image), f"{distance:.2f}"), link=str(image))
        for image, distance in zip(found.images, found.distances, strict=True)
    ]
    both = pictures if overlays is None else pairs.above(pictures, overlays)
    network = links.network_of(classifier)

    def address(link: str) -> str:
        named = None if atlas.folder is None else atlas.folder.name
        said = {"number": link, "block": found.block, "mask": mask}
        return address_of("atlas", network=network, atlas=named, section="neighbours", **said)

    target = Target(lambda link: take_image(int(link)), address, WORDS["opens"])
    image_tiles(both, tiles, network=network, key="atlas-neighbours", target=target)


def _say(found: Neighbours, gate: AtlasGate | None, *, is_most_varied: bool) -> None:
    said = []
    if found.same_class is not None:
        same = round(found.same_class * len(found.images))
        said.append(WORDS["same_one"].format(same=same, count=len(found.images)))
    if not found.exact:
        said.append(WORDS["approximate"])
    said.append(WORDS["distance"])
    said.append(WORDS["no_masks"] if gate is None else WORDS["masks"].format(gate=gate.name))
    if is_most_varied:
        said.append(WORDS["most_varied"])
    st.caption(plain_text(paragraph(*said)))
