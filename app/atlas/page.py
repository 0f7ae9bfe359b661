"""Atlas: a whole set of images, and what the gates of the network do over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import services
from app.atlas.building import build_here
from app.atlas.channels import channels_section, open_channels
from app.atlas.choosing import choose_atlas, say_damaged
from app.atlas.chosen_image import open_image_number
from app.atlas.compare import compare_section, open_compare
from app.atlas.export import offer_export
from app.atlas.grouping import open_grouping, short_percent
from app.atlas.link import OF_SECTION, split_usual
from app.atlas.map import map_section, open_map
from app.atlas.masks import masks_section, open_masks
from app.atlas.neighbours import neighbours_section, open_neighbours
from app.atlas.other_atlas import leave, move_to
from app.atlas.sections import SECTION
from app.atlas.slices import Slice, choose_slice, open_slice, say_slice
from app.atlas.suspects import suspects_section
from app.session import links
from app.session.words import Words, paragraph, plain_text, sentence
from app.widgets.choices import choose_one
from app.widgets.failures import fragment
from cbam_core.errors import AtlasError, CbamError
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "title": "Atlas",
        "section": "Section",
        "channels": "Channels",
        "masks": "Masks",
        "neighbours": "Neighbours",
        "map": "Map of images",
        "compare": "Compare",
        "suspects": "Suspects",
        "empty": "No image of this atlas meets all of these conditions.",
        "stored": "Every gate of {count} images, stored as float16, which keeps about three digits.",
        "stored_one": "Every gate of one image, stored as float16, which keeps about three digits.",
        "unread": "{count} more images could not be read.",
        "unread_one": "One more image could not be read.",
        "space": "Near in gates is not alike in class: of the 10 images nearest to one in all gates, {share} % share "
        "its class ({chance} % by chance).",
        "among": "Nearest images were looked for among {count} of the set.",
    }
)

NEAREST = 10
"""Nearest images of which it is said how many share a class."""

Section = Callable[[Classifier, "Atlas", Slice], Mapping[str, Any]]
"""Draws a section about a slice of an atlas; returns parameters of an address, by name: see `app.atlas.link.Usual`."""

SECTIONS: Mapping[str, Section] = {
    "channels": channels_section,
    "masks": masks_section,
    "neighbours": neighbours_section,
    "map": map_section,
    "compare": compare_section,
    "suspects": suspects_section,
}
"""Sections of the page, in order, by their names in an address. Only the one that is open is computed."""

Begin = Callable[[Mapping[str, Any]], None]
"""Begins with what an address asks for, or with the last choices where it asks for nothing."""

OPEN: Mapping[str, tuple[Begin, ...]] = {
    "channels": (open_channels, open_grouping),
    "masks": (open_masks, open_grouping),
    "neighbours": (open_image_number, open_neighbours),
    "map": (open_image_number, open_map),
    "compare": (open_compare,),
}
"""What begins with the parameters of a section, see `app.atlas.link`."""


def page(classifier: Classifier, asked: dict[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    open_slice(asked)
    _open_sections(asked)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="atlas-title"):
        st.title(WORDS["title"], anchor=False, width="content")
        entry = choose_atlas(classifier, asked)
        with st.container(key="shown-network", width="content"):
            st.text(classifier.name, width="content")
    say_damaged(classifier, entry)
    build_here(classifier, is_empty=entry is None)
    if entry is None:
        links.write(network=links.network_of(classifier))
        return
    try:
        atlas = services.atlas_at(entry)
    except CbamError as error:
        st.error(plain_text(sentence(error)), icon=":material/error:")
        links.write(network=links.network_of(classifier), atlas=entry.name)
        return
    if not asked:
        move_to(entry.name, atlas)
    _show(classifier, entry, atlas)


def _open_sections(asked: Mapping[str, Any]) -> None:
    """Open the section that an address asks for, with its parameters; what was chosen in the others stays."""
    first = next(iter(SECTIONS))
    if asked:
        section = asked.get("section")
        SECTION.set(section if section in SECTIONS else first)
    SECTION.resume(first)
    for section, begins in OPEN.items():
        for begin in begins:
            begin(asked if section == SECTION.get() else links.NOTHING)


def _section(
    name: str, classifier: Classifier, entry: services.AtlasEntry, atlas: Atlas, chosen: Slice
) -> Mapping[str, Any]:
    """Draw a section; a file that turns out to be damaged, as one of thumbnails can, ends it with a sentence."""
    try:
        return SECTIONS[name](classifier, atlas, chosen)
    except AtlasError as error:
        st.error(plain_text(sentence(services.unreadable_atlas(entry, error))), icon=":material/error:")
        return {}


def _say(atlas: Atlas) -> None:
    """What holds for all sections: what is stored, and that near images need not be of one class."""
    count = len(atlas.select())
    said = [WORDS["stored" if count != 1 else "stored_one"].format(count=f"{count:,}")]
    if unread := len(atlas) - count:
        said.append(WORDS["unread" if unread > 1 else "unread_one"].format(count=f"{unread:,}"))
    agreement = services.computed_once(atlas, "agreement", atlas.class_agreement)
    if agreement is not None and count > NEAREST:  # fewer images are all near each other
        share, chance = f"{100 * agreement.share:.0f}", short_percent(agreement.chance)
        said.append(WORDS["space"].format(share=share, chance=chance))
        if agreement.compared_with < len(atlas.select()):
            said.append(WORDS["among"].format(count=f"{agreement.compared_with:,}"))
    st.caption(plain_text(paragraph(*said)))


@fragment
def _show(classifier: Classifier, entry: services.AtlasEntry, atlas: Atlas) -> None:
    """Draw the slice and the open section; write the address. A choice in it draws this part of the page alone."""
    if links.is_going():
        st.rerun()
    chosen_slice = choose_slice(atlas)
    first = next(iter(SECTIONS))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="atlas-sections"):
        chosen = choose_one(WORDS["section"], [*SECTIONS], WORDS, key=SECTION.key)
        say_slice(chosen_slice)
        offer_export(atlas, chosen_slice)
    SECTION.remember()
    said: Mapping[str, Any] = {}
    if len(chosen_slice.images):
        said = _section(chosen, classifier, entry, atlas, chosen_slice)
    else:
        st.info(WORDS["empty"], icon=":material/search_off:")
        said = links.said_now(OF_SECTION.get(chosen, {}))
    usual, _ = services.first_that_opens(services.atlases_of(classifier))
    usually, said = split_usual(said)
    network = links.network_of(classifier)
    links.write(
        {"section": chosen, "atlas": entry.name, **usually},
        network=network,
        atlas=None if entry.name == usual else entry.name,
        section=None if chosen == first and network else chosen,  # no address is bare: going back to it asks for it
        **chosen_slice.parameters(),
        **said,
    )
    leave(entry.name, atlas)
    _say(atlas)
