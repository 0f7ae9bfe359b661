"""What is compared: a picture, a network or a class on either side, kept for the visit, and exchanged by one press.

Widgets forget their values when their page is left, and cannot be given one afterwards. So the choices lie in the
session, and the widgets get new keys, and begin with what was chosen, whenever the sides are exchanged.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.compare.figures import Place
from app.session.choices import Choice, Generation, Remembered
from app.session.tiles import Tile
from app.session.uploads import Fitted, Upload, uploaded
from app.session.words import Words, class_name, plain_name
from app.widgets.camera import camera
from app.widgets.choices import choose_one
from app.widgets.gallery import Sheet, choose_from_gallery, say_unreadable
from app.widgets.strip import PageChoice, strip
from app.widgets.uploads import ENDINGS
from cbam_core.data.images import MAX_BYTES
from cbam_core.errors import CbamError

if TYPE_CHECKING:
    from app.streamlit_internals import Container

Source = Literal["sample", "test", "upload", "camera", "folder"]
"""Where a side's picture comes from."""

LABELS: dict[Place, str] = {"left": "A", "right": "B"}
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
class Selected:
    """What was chosen for one side.

    Attributes:
        source: where the picture comes from.
        sample: place in the sample sheet.
        test: number of an image of the test set.
        upload: the visitor's own picture, if there is one.
        upload_fit: how that is fitted.
        photo: what the visitor took with their camera.
        folder: name of a picture that whoever runs the app has laid out; "" before one was chosen.
        folder_fit: how that is fitted.
        network: name of a network; "" before one was chosen.
        class_: name of a class; "" before one was chosen.
    """

    source: Source = "sample"
    sample: int = 0
    test: int = 0
    upload: Upload | None = None
    upload_fit: Fitted = field(default_factory=Fitted)
    photo: Upload | None = None
    folder: str = ""
    folder_fit: Fitted = field(default_factory=Fitted)
    network: str = ""
    class_: str = ""

    @property
    def fitted(self) -> Fitted:
        """How the picture is fitted."""
        return {"upload": self.upload_fit, "folder": self.folder_fit}.get(self.source, Fitted())


_KEPT: Remembered[dict[Place, Selected]] = Remembered("compare-sides", dict)
_GENERATION = Generation("compare-turn")


@dataclass(frozen=True)
class Gallery:
    """Pictures that whoever runs the app has laid out.

    Attributes:
        names: of their files.
        sheet: gives their thumbnails.
    """

    names: Sequence[str]
    sheet: Sheet


@dataclass(frozen=True)
class Sources:
    """Where pictures can come from.

    Attributes:
        sheet: PNG with the sample images, see `strip`.
        tiles: what each of them is.
        columns: images in a row of the sheet.
        count: images of the test set; None where it is not there.
        gallery: opens the folder of whoever runs the app; None where there is none.
        inspected: gives a side the picture that the visitor looked at last on Inspect; None before they did.
    """

    sheet: bytes
    tiles: Sequence[Tile]
    columns: int
    count: int | None = None
    gallery: Callable[[], Gallery] | None = None
    inspected: Callable[[Selected], Selected] | None = None

    @property
    def known(self) -> list[Source]:
        """Those that there are."""
        return [
            "sample",
            *(("test",) if self.count is not None else ()),
            "upload",
            "camera",
            *(("folder",) if self.gallery is not None else ()),
        ]


def side_columns() -> Iterator[tuple[Place, Container]]:
    """Both sides and their columns; narrow windows stack them."""
    return zip(LABELS, st.columns(2, gap="large"), strict=True)


def begin(left: Selected, right: Selected) -> None:
    """Set what a visitor sees first; does nothing once they have been here."""
    _KEPT.begin({"left": left, "right": right})


def side_of(place: Place) -> Selected:
    """What was chosen for a side so far."""
    return _kept(place)


def change(left: Selected, right: Selected) -> None:
    """Set both sides, as for a visitor who comes by an address; the widgets begin with them."""
    _keep("left", left)
    _keep("right", right)
    _GENERATION.advance()


def swap_button(what: str) -> None:
    """Exchange what differs between the sides: ``"pictures"``, ``"networks"`` or ``"classes"``."""
    st.button(
        WORDS["swap"],
        icon=":material/swap_horiz:",
        help=WORDS["swap_help"],
        on_click=_swap,
        args=(what,),
        key="compare-swap",
    )


def choose_picture(place: Place, sources: Sources, *, title: Callable[[], None] | None = None) -> Selected:
    """Let the visitor choose a picture for one side.

    Args:
        place: which side.
        sources: what there is.
        title: draws what stands before the choice.
    """
    label, kept = LABELS[place], _kept(place)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if title is not None:
            title()
        source = choose_one(
            WORDS["source"].format(label=label),
            sources.known,
            WORDS,
            first=kept.source if kept.source in sources.known else "sample",
            key=_key("source", place),
        )
        if sources.inspected is not None:
            st.button(
                WORDS["inspect"],
                icon=":material/content_copy:",
                help=WORDS["inspect_help"].format(label=label),
                on_click=_take,
                args=(place, sources.inspected),
                key=f"compare-inspect-{place}",
            )
    kept = _keep(place, replace(kept, source=source))
    if kept.source == "sample":
        first = _choice("strip", place).start(kept.sample)
        key = _key("strip", place)
        chosen = strip(sources.sheet, sources.tiles, columns=sources.columns, chosen=PageChoice(first), key=key)
        return _keep(place, replace(kept, sample=chosen))
    if kept.source == "test" and sources.count is not None:
        return _keep(place, replace(kept, test=_choose_test_image(place, kept.test, sources.count)))
    if kept.source == "camera":
        camera(_key("camera", place), partial(_receive_photo, place))
        return _kept(place)
    if kept.source == "folder" and sources.gallery is not None:
        return _keep(place, _choose_laid_out(place, kept, sources.gallery))
    _take_file(place, kept)
    return kept


def _take_file(place: Place, kept: Selected) -> None:
    key = _key("file", place)
    given = st.file_uploader(
        WORDS["file"].format(label=LABELS[place]),
        type=ENDINGS,
        max_upload_size=MAX_BYTES // 2**20,
        key=key,
        on_change=_receive,
        args=(place, key),
    )
    if given is None and kept.upload is not None:
        st.caption(WORDS["held"].format(name=plain_name(kept.upload.name)))


def _choose_laid_out(place: Place, kept: Selected, gallery: Callable[[], Gallery]) -> Selected:
    """A picture of whoever runs the app; one that is chosen here is fitted as all are at first."""
    try:
        pictures = gallery()
    except CbamError as error:
        say_unreadable(error)
        return replace(kept, folder="")
    names = pictures.names
    at = choose_from_gallery(names, pictures.sheet, first=kept.folder, key=_key("folder", place))
    name = "" if at is None else names[at]
    return kept if name == kept.folder else replace(kept, folder=name, folder_fit=Fitted())


def _choose_test_image(place: Place, kept: int, count: int) -> int:
    choice = _choice("test", place)
    choice.begin(kept if kept < count else 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        number = st.number_input(
            WORDS["number"].format(label=LABELS[place]),
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
            key=_key("random", place),
        )
    return number if 0 <= number < count else 0  # bounds hold in the browser only


def _draw(choice: Choice, count: int) -> None:
    choice.set(secrets.randbelow(count))


def choose_network(place: Place, labels: Mapping[str, str]) -> str:
    """Let the visitor choose a network for one side.

    Args:
        place: of the side.
        labels: what the list calls each network, by its name.
    """
    kept, names = _kept(place), [*labels]
    at = names.index(kept.network) if kept.network in names else 0
    name = st.selectbox(
        WORDS["network"].format(label=LABELS[place]),
        names,
        index=at,
        format_func=labels.__getitem__,
        key=_key("network", place),
    )
    return _keep(place, replace(kept, network=name)).network


def choose_class(place: Place, names: Sequence[str]) -> str:
    """Let the visitor choose a class for one side."""
    kept = _kept(place)
    at = names.index(kept.class_) if kept.class_ in names else 0
    label = WORDS["class"].format(label=LABELS[place])
    name = st.selectbox(label, list(names), index=at, format_func=class_name, key=_key("class", place))
    return _keep(place, replace(kept, class_=name)).class_


def _kept(place: Place) -> Selected:
    return _KEPT.get()[place]


def _keep(place: Place, choice: Selected) -> Selected:
    _KEPT.set({**_KEPT.get(), place: choice})
    return choice


def _choice(what: str, place: Place) -> Choice:
    return Choice(f"compare-{what}-{place}", _GENERATION)


def _key(what: str, place: Place) -> str:
    return _choice(what, place).key


def _swap(what: str) -> None:
    left, right = _kept("left"), _kept("right")
    if what == "networks":
        swapped = replace(left, network=right.network), replace(right, network=left.network)
    elif what == "classes":
        swapped = replace(left, class_=right.class_), replace(right, class_=left.class_)
    else:
        swapped = (
            replace(right, network=left.network, class_=left.class_),
            replace(left, network=right.network, class_=right.class_),
        )
    change(*swapped)


def _take(place: Place, inspected: Callable[[Selected], Selected]) -> None:
    _keep(place, inspected(_kept(place)))
    _GENERATION.advance()


def _receive_photo(place: Place, photo: Upload | None) -> None:
    _keep(place, replace(_kept(place), photo=photo))


def _receive(place: Place, key: str) -> None:
    given = Choice(key).get()
    content = None if given is None else given.getvalue()
    upload = None if content is None else uploaded(given.name, content)
    _keep(place, replace(_kept(place), upload=upload, upload_fit=Fitted()))
