"""Choosing what is compared: an image, a network or a class on either side."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.compare.state import Selected, Source, begin_anew, choice_of, keep, key_of, side_of, swap
from app.session.choices import Choice, Remembered
from app.session.tiles import Tile
from app.session.uploads import Fitted, Upload, uploaded
from app.session.words import Words, class_name, plain_name
from app.streamlit_internals import files_in
from app.widgets.camera import camera
from app.widgets.choices import choose_one
from app.widgets.figures import Side
from app.widgets.gallery import Sheet, choose_from_gallery, say_unreadable
from app.widgets.network_file import ENDINGS as NETWORK_ENDINGS
from app.widgets.network_file import TakenFile, is_network_file, say_taken, take_network
from app.widgets.strip import PageChoice, strip
from app.widgets.uploads import ENDINGS, MOST_MEGABYTES
from cbam_core.errors import CbamError

if TYPE_CHECKING:
    from app.streamlit_internals import Container

_NETWORK_AT: Remembered[Mapping[Side, TakenFile]] = Remembered("compare-network-at", dict)
# Networks that were dropped where an image belongs, by side.

LABELS: dict[Side, str] = {"left": "A", "right": "B"}
"""Short names of the two sides."""

WORDS = Words(
    {
        "sample": "Samples",
        "test": "Test set",
        "upload": "Upload",
        "camera": "Camera",
        "folder": "Folder",
        "source": "Source of image {label}",
        "file": "Drop image {label} here, or choose a file",
        "held": "Shown: {name}. Choose another file to replace it.",
        "remove": "Remove",
        "number": "Number of test image {label}",
        "random": "Random",
        "swap": "Swap",
        "swap_help": "Swap A and B",
        "inspect": "From Inspect",
        "inspect_help": "Use the image last shown on Inspect as image {label}",
        "network": "Network {label}",
        "class": "Class {label}",
    }
)


@dataclass(frozen=True)
class Gallery:
    """Images that the operator has provided.

    Attributes:
        names: of their files.
        sheet: gives their thumbnails.
    """

    names: Sequence[str]
    sheet: Sheet


@dataclass(frozen=True)
class Sources:
    """Where images can come from.

    Attributes:
        sheet: PNG with the sample images, see `strip`.
        tiles: what each of them is.
        columns: images in a row of the sheet.
        count: images of the test set; None where it is not there.
        gallery: opens the folder of the operator; None where there is none.
        inspected: gives a side the image that the visitor looked at last on Inspect; None before they did.
        has_samples: whether there are samples besides the test set.
    """

    sheet: bytes
    tiles: Sequence[Tile]
    columns: int
    count: int | None = None
    gallery: Callable[[], Gallery] | None = None
    inspected: Callable[[Selected], Selected] | None = None
    has_samples: bool = True

    @property
    def known(self) -> list[Source]:
        """Those that there are."""
        return [
            *(("sample",) if self.has_samples else ()),
            *(("test",) if self.count is not None else ()),
            "upload",
            "camera",
            *(("folder",) if self.gallery is not None else ()),
        ]


def side_columns() -> Iterator[tuple[Side, Container]]:
    """Both sides and their columns; narrow windows stack them."""
    return zip(LABELS, st.columns(2, gap="large"), strict=True)


def swap_button(what: str) -> None:
    """Exchange what differs between the sides: ``"pictures"``, ``"networks"`` or ``"classes"``."""
    st.button(
        WORDS["swap"],
        icon=":material/swap_horiz:",
        help=WORDS["swap_help"],
        on_click=swap,
        args=(what,),
        key="compare-swap",
    )


def choose_image(side: Side, sources: Sources, *, title: Callable[[], None] | None = None) -> Selected:
    """Let the visitor choose an image for one side.

    Args:
        side: which side.
        sources: what there is.
        title: draws what stands before the choice.
    """
    label, kept = LABELS[side], side_of(side)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if title is not None:
            title()
        source = choose_one(
            WORDS["source"].format(label=label),
            sources.known,
            WORDS,
            first=kept.source if kept.source in sources.known else sources.known[0],
            key=key_of("source", side),
        )
        if sources.inspected is not None:
            st.button(
                WORDS["inspect"],
                icon=":material/content_copy:",
                help=WORDS["inspect_help"].format(label=label),
                on_click=_take,
                args=(side, sources.inspected),
                key=f"compare-inspect-{side}",
            )
    kept = keep(side, replace(kept, source=source))
    if kept.source == "sample":
        first = choice_of("strip", side).start(kept.sample)
        key = key_of("strip", side)
        chosen = strip(sources.sheet, sources.tiles, columns=sources.columns, chosen=PageChoice(first), key=key)
        return keep(side, replace(kept, sample=chosen))
    if kept.source == "test" and sources.count is not None:
        return keep(side, replace(kept, test=_choose_test_image(side, kept.test, sources.count)))
    if kept.source == "camera":
        camera(key_of("camera", side), partial(_receive_photo, side))
        return side_of(side)
    if kept.source == "folder" and sources.gallery is not None:
        return keep(side, _choose_laid_out(side, kept, sources.gallery))
    _take_file(side, kept)
    return kept


def _take_file(side: Side, kept: Selected) -> None:
    key = key_of("file", side)
    given = st.file_uploader(
        WORDS["file"].format(label=LABELS[side]),
        type=[*ENDINGS, *NETWORK_ENDINGS],
        max_upload_size=MOST_MEGABYTES,
        key=key,
        on_change=_receive,
        args=(side, key),
    )
    if (taken := _NETWORK_AT.get().get(side)) is not None:
        say_taken(taken, among_images=True)
    if given is None and kept.upload is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"kept-{side}"):
            st.caption(WORDS["held"].format(name=plain_name(kept.upload.name)), width="content")
            st.button(WORDS["remove"], type="tertiary", on_click=_forget, args=(side,), key=key_of("forget", side))


def _forget(side: Side) -> None:
    """Forget a side's upload."""
    keep(side, replace(side_of(side), upload=None, upload_fit=Fitted()))


def _choose_laid_out(side: Side, kept: Selected, gallery: Callable[[], Gallery]) -> Selected:
    """An image of the operator; one that is chosen here is fitted as all are at first."""
    try:
        images = gallery()
    except CbamError as error:
        say_unreadable(error)
        return replace(kept, folder="")
    names = images.names
    at = choose_from_gallery(names, images.sheet, first=kept.folder, key=key_of("folder", side))
    name = "" if at is None else names[at]
    return kept if name == kept.folder else replace(kept, folder=name, folder_fit=Fitted())


def _choose_test_image(side: Side, kept: int, count: int) -> int:
    choice = choice_of("test", side)
    choice.begin(kept if kept < count else 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        number = st.number_input(
            WORDS["number"].format(label=LABELS[side]),
            min_value=0,
            max_value=count - 1,
            icon=":material/tag:",
            label_visibility="collapsed",
            width=170,
            key=choice.key,
        )
        st.button(
            WORDS["random"],
            icon=":material/casino:",
            on_click=_draw,
            args=(choice, count),
            key=key_of("random", side),
        )
    return number if 0 <= number < count else 0  # bounds hold in the browser only


def _draw(choice: Choice, count: int) -> None:
    choice.set(secrets.randbelow(count))


def choose_network(side: Side, labels: Mapping[str, str]) -> str:
    """Let the visitor choose a network for one side.

    Args:
        side: which side.
        labels: what the list calls each network, by its name.
    """
    kept, names = side_of(side), [*labels]
    at = names.index(kept.network) if kept.network in names else 0
    name = st.selectbox(
        WORDS["network"].format(label=LABELS[side]),
        names,
        index=at,
        format_func=labels.__getitem__,
        key=key_of("network", side),
    )
    return keep(side, replace(kept, network=name)).network


def choose_class(side: Side, names: Sequence[str]) -> str:
    """Let the visitor choose a class for one side."""
    kept = side_of(side)
    other = min(1, len(names) - 1) if side == "right" else 0  # two classes at first, where there are two
    at = names.index(kept.class_) if kept.class_ in names else other
    label = WORDS["class"].format(label=LABELS[side])
    name = st.selectbox(label, list(names), index=at, format_func=class_name, key=key_of("class", side))
    return keep(side, replace(kept, class_=name)).class_


def _take(side: Side, inspected: Callable[[Selected], Selected]) -> None:
    keep(side, inspected(side_of(side)))
    begin_anew()


def _receive_photo(side: Side, photo: Upload | None) -> None:
    keep(side, replace(side_of(side), photo=photo))


def _receive(side: Side, key: str) -> None:
    """Keep an image; a network is taken for one, and leaves the side as it was."""
    others = {other: taken for other, taken in _NETWORK_AT.get().items() if other != side}
    _NETWORK_AT.set(others)
    upload = None
    for given in files_in(Choice(key).get()):
        if is_network_file(given.name, given.getvalue()):
            _NETWORK_AT.set({**others, side: take_network(given.name, given.getvalue())})
            begin_anew()
            return
        upload = uploaded(given.name, given.getvalue())
    kept = side_of(side)
    is_same = upload is not None and kept.upload is not None and upload.digest == kept.upload.digest
    keep(side, replace(kept, upload=upload, upload_fit=kept.upload_fit if is_same else Fitted()))
