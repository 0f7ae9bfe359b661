"""Images that a visitor uploads: taking them in, fitting them, and a table when there are several."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.server.options import MAX_UPLOAD_MEGABYTES
from app.services.prediction import percent
from app.session import own_networks
from app.session.choices import Choice, Generation, Remembered
from app.session.uploads import Upload, any_kept, note_kept, numbered, this_visit, uploaded
from app.session.words import Words, class_name, plain_name, plain_text, say
from app.streamlit_internals import files_in, in_fragment
from app.widgets.choices import choose_one
from app.widgets.component import component
from app.widgets.network_file import ENDINGS as NETWORK_ENDINGS
from app.widgets.network_file import TakenFile, is_network_file, say_taken, take_network
from cbam_core.data import folder
from cbam_core.data.images import MAX_BYTES
from cbam_core.errors import CbamError
from cbam_core.render.overlay import raw_mask
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import FITS, Fit
from cbam_core.viewer.payload import png

if TYPE_CHECKING:
    from app.streamlit_internals import Container

ENDINGS = [ending.removeprefix(".") for ending in folder.endings()]

MOST_MEGABYTES = min(MAX_BYTES // 2**20, MAX_UPLOAD_MEGABYTES)
"""Of one image."""

MOST = 24
"""Images that are looked at together."""

PATIENCE = 0.5
"""Seconds after which the page says how far it is."""

ROW_HEIGHT = 48
"""Of the table, pixels."""

WORDS = Words(
    {
        "crop": "Centre square",
        "square": "Chosen square",
        "pad": "Whole, with borders",
        "squash": "Whole, stretched",
        "drop": "Drop images here, choose files, or paste one",
        "many": "You uploaded {count} images; the first {most} are shown.",
        "memory": "An uploaded image stays in this server's memory during your visit only. It is not written to "
        "disk, not shown to anyone else, and deleted within minutes after you close the page.",
        "server": "An uploaded image stays on this server during your visit only. It is not shown to anyone else, "
        "and is deleted after you close the page.",
        "fit": "Fit to the network's input",
        "input": "Input",
        "file": "File",
        "prediction": "Prediction",
        "probability": "Probability",
        "refused": "{file}: {reason}.",
        "unread": "Not read: see below",
        "progress": "Image {number} of {count}: {file}",
        "cancel": "Cancel",
        "left_out": "Images not opened: {count}.",
        "go_on": "Open them too",
    }
)

FIT = Choice("fit")
"""How an image of any size is fitted to the network's input."""

_FILES = Choice("files", Generation("files-generation"))
_NETWORKS: Remembered[Mapping[str, TakenFile]] = Remembered("uploads-networks", dict)
# Networks among the files that are given, by Streamlit's names of the files.
_IS_NEW: Remembered[bool] = Remembered("uploads-networks-new", bool)

_OPENED = Remembered("uploads-opened", int)
_LOGGED: Remembered[frozenset[tuple[str, str]]] = Remembered("uploads-logged", frozenset)
# Refused files of which the log has a line, by digest or name and by what is wrong.
_LEFT_OUT: Remembered[frozenset[str]] = Remembered("uploads-left-out", frozenset)


def uploads(kept: bool = False) -> tuple[Upload, ...]:
    """Take files in; a file given twice counts once, and different ones of one name get numbers.

    A network among them is taken for one, and selected.

    Args:
        kept: whether an earlier upload is kept, beside those that are given here.
    """
    given = st.file_uploader(
        WORDS["drop"],
        type=[*ENDINGS, *NETWORK_ENDINGS],
        accept_multiple_files=True,
        max_upload_size=MOST_MEGABYTES,
        key=_FILES.key,
        on_change=_take_networks,
    )
    if _IS_NEW.get():
        _IS_NEW.forget()
        if in_fragment():
            st.rerun()  # the sidebar shows which network is selected
    images = [file for file in given if not is_network_file(file.name, file.getvalue())]
    note_kept("inspect", kept or bool(images))
    _paste()(key="paste", data=told_of_kept())
    for file in given:
        if (taken := _NETWORKS.get().get(file.file_id)) is not None:
            say_taken(taken, among_images=True)
    chosen = {upload.digest: upload for upload in (uploaded(file.name, file.getvalue()) for file in images[:MOST])}
    if len(images) > MOST:
        st.warning(WORDS["many"].format(count=len(images), most=MOST), icon=":material/info:")
    return tuple(numbered(chosen.values()))


def told_of_kept() -> dict[str, Any]:
    """What the browser is told: whether the server keeps anything of the visitor's own, and for which visit.

    A reload would drop it, and so does a server that starts anew.
    """
    return {"kept": any_upload_kept(), "visit": this_visit()}


def any_upload_kept() -> bool:
    """Whether the server keeps anything of the visitor's own."""
    return any_kept() or bool(own_networks.names())


def forget_given() -> None:
    """Show no files as given, where the browser still shows some that are not here."""
    _FILES.restart()


def _take_networks() -> None:
    """Take the networks among the files that are given now, each once."""
    networks = [file for file in files_in(_FILES.get()) if is_network_file(file.name, file.getvalue())]
    known = _NETWORKS.get()
    taken = {file.file_id: known.get(file.file_id) or take_network(file.name, file.getvalue()) for file in networks}
    _IS_NEW.set(bool(taken.keys() - known.keys()))
    _NETWORKS.set(taken)


def not_left_out(given: Sequence[Upload]) -> list[Upload]:
    """The images without those that `one_by_one` had not come to when the visitor cancelled; they can be had back.

    Where there are no others, or no others any more, none is left out.
    """
    left_out = _LEFT_OUT.get()
    wanted = [upload for upload in given if upload.digest not in left_out] or [*given]
    if len(wanted) < len(given):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["left_out"].format(count=len(given) - len(wanted)), width="content")
            st.button(WORDS["go_on"], type="tertiary", on_click=_leave_out_none, key="uploads-go-on")
    return wanted


def one_by_one(given: Sequence[Upload]) -> Iterator[Upload]:
    """The images one by one; if they take a while, the page shows progress and a button that cancels the rest.

    What is drawn in between also lets Streamlit end a run that is not wanted any more: the visitor cancelled, chose
    another source, network or page, or left.
    """
    place, begun = st.empty(), monotonic()
    bars: list[Container] = []
    for number, upload in enumerate(given):
        _OPENED.set(number)
        if monotonic() - begun > PATIENCE:
            if not bars:
                digests = [each.digest for each in given]
                with place.container(horizontal=True, vertical_alignment="center", gap="medium"):
                    bars.append(st.progress(0.0, width="stretch"))
                    st.button(WORDS["cancel"], on_click=_leave_out, args=(digests,), key="uploads-cancel")
            said = WORDS["progress"].format(number=number + 1, count=len(given), file=plain_name(upload.name))
            bars[0].progress(number / len(given), said)
        yield upload
    place.empty()


def _leave_out(digests: Sequence[str]) -> None:
    """Leave out the images that were not opened yet."""
    opened = max(_OPENED.get(), 1)
    _LEFT_OUT.set(_LEFT_OUT.get() | set(digests[opened:]))


def _leave_out_none() -> None:
    _LEFT_OUT.forget()


def say_where_they_live(*, in_memory: bool) -> None:
    """Where an upload is kept, and for how long.

    Args:
        in_memory: whether it is never written to a disk, and dropped on time.
    """
    st.caption(WORDS["memory" if in_memory else "server"])


def choose_fit() -> Fit:
    """Let the visitor say how an image comes to the network's square input."""
    FIT.resume("crop")
    chosen = choose_one(WORDS["fit"], FITS, WORDS, key=FIT.key)
    FIT.remember()
    return chosen


def square_key(upload: Upload) -> str:
    """Key of the widget in which the visitor frames a part of this image."""
    return f"frame-{upload.digest[:24]}"


def overview(chosen: Sequence[Upload], shown: Mapping[str, Explanation], refused: Mapping[str, CbamError]) -> Upload:
    """A table of all images with their predictions and masks; return the one that the visitor opened."""
    rows = [_row(upload, shown, refused) for upload in chosen]
    first = next((index for index, upload in enumerate(chosen) if upload.digest not in refused), 0)
    masks = [name for name in dict.fromkeys(key for row in rows for key in row) if name.startswith("mask ")]
    event = st.dataframe(
        rows,
        hide_index=True,
        row_height=ROW_HEIGHT,
        placeholder="",
        column_config={
            WORDS["input"]: st.column_config.ImageColumn(width=60),
            **{name: st.column_config.ImageColumn(name.removeprefix("mask "), width=64) for name in masks},
        },
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        key="overview",
    )
    picked = event["selection"]["rows"]
    return chosen[picked[0]] if picked and picked[0] < len(chosen) else chosen[first]


def say_refused(error: CbamError, file: Upload | str) -> None:
    """Tell the visitor in one sentence what is wrong with their file, see `say_all_refused`."""
    say_all_refused([(error, file)])


def say_all_refused(refused: Sequence[tuple[CbamError, Upload | str]]) -> None:
    """Tell the visitor what is wrong with their files: a sentence for each, all in one box.

    The log has a line for each file, however often the page is drawn.

    Args:
        refused: what is wrong, and the file, or its name if it is not an upload; if there are none, nothing is drawn.
    """
    said = []
    for error, file in refused:
        name, known = (file.name, file.digest) if isinstance(file, Upload) else (file, file)
        if (line := (known, error.code)) not in _LOGGED.get():
            logging.getLogger("cbam_lens").info("upload refused: %s", error.code)
            _LOGGED.set(_LOGGED.get() | {line})
        said.append(WORDS["refused"].format(file=plain_name(name), reason=plain_text(say(error))))
    if said:
        st.error("\n\n".join(said), icon=":material/error:")


@cache
def _paste() -> Any:
    return component("paste", "<span></span>")


def _row(upload: Upload, shown: Mapping[str, Explanation], refused: Mapping[str, CbamError]) -> dict[str, str | None]:
    if upload.digest in refused:
        return {
            WORDS["input"]: None,
            WORDS["file"]: upload.name,
            WORDS["prediction"]: WORDS["unread"],  # why would be cut off in a cell; it is said below
            WORDS["probability"]: "",
        }
    explanation = shown[upload.digest]
    return {
        WORDS["input"]: _as_url(png(explanation.input_image)),
        WORDS["file"]: upload.name,
        WORDS["prediction"]: "" if explanation.predicted is None else class_name(explanation.predicted),
        WORDS["probability"]: "" if explanation.predicted is None else percent(explanation.probability),
        **{
            f"mask {block.name}": _as_url(png(_small(block.spatial_mask)))
            for block in explanation.blocks
            if block.spatial_mask is not None
        },
    }


def _small(mask: np.ndarray) -> np.ndarray:
    """A mask whose cells stay squares when the browser scales it to a row's height."""
    return raw_mask(mask, zoom=max(1, ROW_HEIGHT * 2 // max(mask.shape)))


def _as_url(file: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")
