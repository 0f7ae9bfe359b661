"""What is compared: a picture, a network or a class on either side, kept for the visit, and exchanged by one press.

Widgets forget their values when their page is left, and cannot be given one afterwards. So the choices lie in the
session, and the widgets get new keys, and begin with what was chosen, whenever the sides are exchanged.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components.figures import Place
from app.components.one_of import choose_one
from app.components.strip import Tile, strip
from app.components.uploads import ENDINGS, Upload
from app.picked import Picked, Source
from app.words import Words, class_name
from cbam_core.data.fitting import Fit
from cbam_core.data.images import MAX_BYTES

LABELS: dict[Place, str] = {"left": "A", "right": "B"}
"""Short names of the two sides."""

WORDS = Words(
    {
        "sample": "Samples",
        "test": "Test set",
        "upload": "Upload",
        "source": "Picture {label} from",
        "file": "Drop picture {label} here, or choose it",
        "held": "Shown: {name}. Choose another one to replace it.",
        "number": "Number of test image {label}",
        "random": "Random",
        "swap": "Swap",
        "swap_help": "Exchange A and B",
        "inspect": "From Inspect",
        "inspect_help": "Make the picture that you looked at last on Inspect picture A",
        "network": "Network {label}",
        "class": "Class {label}",
    }
)

_KEPT = "compare-sides"


@dataclass(frozen=True)
class Choice:
    """What was chosen for one side.

    Attributes:
        source: where the picture comes from.
        sample: place in the sample sheet.
        test: number of an image of the test set.
        upload: the visitor's own picture, if there is one.
        fit: how the upload is brought to the network's input.
        square: for ``fit="square"``: left, top and side in the upload's own pixels; None for a part in its middle.
        network: name of a network; "" before one was chosen.
        class_: name of a class; "" before one was chosen.
    """

    source: Source = "sample"
    sample: int = 0
    test: int = 0
    upload: Upload | None = None
    fit: Fit = "crop"
    square: tuple[float, float, float] | None = None
    network: str = ""
    class_: str = ""


def side_columns() -> Iterator[tuple[Place, DeltaGenerator]]:
    """Both sides and their columns; narrow windows stack them."""
    return zip(LABELS, st.columns(2, gap="large"), strict=True)


def begin(left: Choice, right: Choice) -> None:
    """Set what a visitor sees first; does nothing once they have been here."""
    st.session_state.setdefault(_KEPT, {"left": left, "right": right, "turn": 0, "starts": {}})


def side_of(place: Place) -> Choice:
    """What was chosen for a side so far."""
    return _kept(place)


def change(left: Choice, right: Choice) -> None:
    """Set both sides, as for a visitor who comes by an address; the widgets begin with them."""
    _keep("left", left)
    _keep("right", right)
    _turn()


def swap_button() -> None:
    """Exchange the sides."""
    st.button(WORDS["swap"], icon=":material/swap_horiz:", help=WORDS["swap_help"], on_click=_swap, key="compare-swap")


def inspect_button(picked: Picked | None) -> None:
    """Take the picture of the page Inspect for the first side.

    Args:
        picked: what the visitor looked at last there; None before they did, then there is no button.
    """
    if picked is not None:
        st.button(
            WORDS["inspect"],
            icon=":material/content_copy:",
            help=WORDS["inspect_help"],
            on_click=_take,
            args=(picked,),
            key="compare-inspect",
        )


def choose_picture(
    place: Place,
    sheet: bytes,
    tiles: Sequence[Tile],
    *,
    columns: int,
    count: int | None = None,
    title: Callable[[], None] | None = None,
) -> Choice:
    """Let the visitor choose a picture for one side.

    Args:
        place: which side.
        sheet: PNG with the sample images, see `strip`.
        tiles: what each of them is.
        columns: images in a row of the sheet.
        count: images of the test set; None where it is not there.
        title: draws what stands before the choice.
    """
    label, kept = LABELS[place], _kept(place)
    sources: list[Source] = ["sample", "upload"] if count is None else ["sample", "test", "upload"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if title is not None:
            title()
        source = choose_one(
            WORDS["source"].format(label=label),
            sources,
            WORDS,
            first=kept.source if kept.source in sources else "sample",
            key=_key("source", place),
        )
    kept = _keep(place, replace(kept, source=source))
    if kept.source == "sample":
        key = _key("strip", place)
        starts = st.session_state[_KEPT]["starts"]
        if key not in st.session_state or key not in starts:
            starts[key] = kept.sample  # it stays while the visitor chooses, so that the sheet is sent once
        chosen = strip(sheet, tiles, columns=columns, chosen=starts[key], key=key)
        return _keep(place, replace(kept, sample=chosen))
    if kept.source == "test" and count is not None:
        return _keep(place, replace(kept, test=_choose_test_image(place, kept.test, count)))
    key = _key("file", place)
    given = st.file_uploader(
        WORDS["file"].format(label=label),
        type=ENDINGS,
        max_upload_size=MAX_BYTES // 2**20,
        key=key,
        on_change=_receive,
        args=(place, key),
    )
    if given is None and kept.upload is not None:
        st.caption(WORDS["held"].format(name=plain(kept.upload.name)))
    return kept


def _choose_test_image(place: Place, kept: int, count: int) -> int:
    key = _key("test", place)
    st.session_state.setdefault(key, kept if kept < count else 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        number = st.number_input(
            WORDS["number"].format(label=LABELS[place]),
            min_value=0,
            max_value=count - 1,
            icon=":material/tag:",
            label_visibility="collapsed",
            width=170,
            key=key,
        )
        st.button(
            WORDS["random"],
            icon=":material/casino:",
            on_click=_draw,
            args=(key, count),
            key=_key("random", place),
        )
    return number if 0 <= number < count else 0  # bounds hold in the browser only


def _draw(key: str, count: int) -> None:
    st.session_state[key] = secrets.randbelow(count)


def choose_network(place: Place, names: Sequence[str]) -> str:
    """Let the visitor choose a network for one side."""
    kept = _kept(place)
    at = names.index(kept.network) if kept.network in names else 0
    name = st.selectbox(WORDS["network"].format(label=LABELS[place]), list(names), index=at, key=_key("network", place))
    return _keep(place, replace(kept, network=name)).network


def choose_class(place: Place, names: Sequence[str]) -> str:
    """Let the visitor choose a class for one side."""
    kept = _kept(place)
    at = names.index(kept.class_) if kept.class_ in names else 0
    label = WORDS["class"].format(label=LABELS[place])
    name = st.selectbox(label, list(names), index=at, format_func=class_name, key=_key("class", place))
    return _keep(place, replace(kept, class_=name)).class_


def plain(name: str) -> str:
    """A file's name with nothing that Markdown would make something of."""
    return "".join(letter if letter.isalnum() or letter in " .-" else "_" for letter in name)[:80].replace("_", r"\_")


def _kept(place: Place) -> Choice:
    choice: Choice = st.session_state[_KEPT][place]
    return choice


def _keep(place: Place, choice: Choice) -> Choice:
    st.session_state[_KEPT][place] = choice
    return choice


def _key(what: str, place: Place) -> str:
    return f"compare-{what}-{place}-{st.session_state[_KEPT]['turn']}"


def _swap() -> None:
    kept = st.session_state[_KEPT]
    kept["left"], kept["right"] = kept["right"], kept["left"]
    _turn()


def _take(picked: Picked) -> None:
    kept = _kept("left")
    if picked.source == "upload":
        kept = replace(kept, source="upload", upload=picked.upload, fit=picked.fit, square=picked.square)
    elif picked.source == "test":
        kept = replace(kept, source="test", test=picked.index or 0)
    else:
        kept = replace(kept, source="sample", sample=picked.index or 0)
    _keep("left", kept)
    _turn()


def _turn() -> None:
    kept = st.session_state[_KEPT]
    kept["turn"] += 1
    kept["starts"].clear()


def _receive(place: Place, key: str) -> None:
    given = st.session_state[key]
    content = None if given is None else given.getvalue()
    upload = None if content is None else Upload(given.name, hashlib.sha256(content).hexdigest(), content)
    _keep(place, replace(_kept(place), upload=upload, fit="crop", square=None))
