"""Bringing a network of one's own: the way in, what was wrong with a file, and the way out and back."""

from __future__ import annotations

import streamlit as st

from app.session import own_networks
from app.session.choices import Choice, Generation, Remembered
from app.session.own_networks import NETWORK
from app.session.words import Words, listed, plain_name
from app.streamlit_internals import files_in, forget_uploaded
from app.widgets.network_file import ENDINGS, TakenFile, say_taken, take_network
from app.widgets.stating import offer_stating
from cbam_core.nn.registry import known_names

WORDS = Words(
    {
        "open": "Own checkpoint",
        "drop": "Drop a checkpoint here, or choose a file",
        "kinds": "A .safetensors file written by CBAM Lens, or the .pth state dict of one of {networks}, "
        "such as the one from the course. It stays in this server's memory during your visit only, and "
        "nobody else can use it.",
        "full": "You have uploaded {most} networks, the limit; remove one to upload another.",
        "yours": "Yours: {name}",
        "remove": "Remove {name}",
        "removed": "{name} was removed.",
        "undo": "Undo",
    }
)

_FILE = Choice("own-file", Generation("own-generation"))
_MENU = Choice("own-menu", Generation("own-menu-generation"))
_TAKEN: Remembered[TakenFile | None] = Remembered("own-taken", lambda: None)


def own_network_button(selected: str) -> None:
    """Let the visitor upload a checkpoint, and remove the one that is selected if it is their own.

    Args:
        selected: name of the network that is in use.
    """
    taken = _TAKEN.get()
    if taken is not None and taken.network not in ("", selected):
        _TAKEN.forget()  # another one was selected since
        taken = None
    with st.popover(WORDS["open"], icon=":material/upload_file:", width="stretch", key=_MENU.key):
        if len(own_networks.names()) < own_networks.MOST:
            _way_in(taken)
        else:
            st.caption(WORDS["full"].format(most=own_networks.MOST))
    loaded = taken if taken is not None and taken.network else None
    is_own = selected in own_networks.names()
    if is_own or loaded is not None:
        _selected(selected, loaded, is_own=is_own)
    elif (dropped := own_networks.dropped()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["removed"].format(name=plain_name(dropped)), width="content")
            st.button(WORDS["undo"], icon=":material/undo:", key="own-undo", on_click=_restore)


def _selected(name: str, taken: TakenFile | None, *, is_own: bool) -> None:
    """The whole name of the network in use, which a list may cut, what became of its file, and the way out.

    Args:
        name: of the network.
        taken: the file that it came from just now; None where it was selected otherwise.
        is_own: whether it is the visitor's own, and can be removed.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="own-selected"):
        if taken is not None:
            say_taken(taken)
        else:
            st.caption(WORDS["yours"].format(name=plain_name(name)))
        if is_own:
            st.button(
                said := WORDS["remove"].format(name=plain_name(name)),
                icon=":material/delete:",
                help=said,
                type="tertiary",
                key="own-remove",
                on_click=_drop,
                args=(name,),
            )
    if is_own:
        offer_stating(name, key="own-stating")


def _way_in(taken: TakenFile | None) -> None:
    """Where a file is dropped, and why the last one was refused."""
    with st.container(key="own-way-in"):
        st.file_uploader(
            WORDS["drop"],
            type=list(ENDINGS),
            max_upload_size=own_networks.MOST_BYTES // 2**20,
            key=_FILE.key,
            on_change=_take,
        )
        # Another file that the browser refuses is no longer this one: page.css hides the sentence.
        if taken is not None and taken.refusal is not None:
            with st.container(key="own-became"):
                say_taken(taken)
        st.caption(WORDS["kinds"].format(networks=listed(known_names())))


def _take() -> None:
    files = files_in(_FILE.get())
    _TAKEN.forget()
    if not files:
        return
    given = files[0]
    _FILE.restart()  # a new widget, which holds no file
    content = given.getvalue()
    forget_uploaded(given.file_id)
    taken = take_network(given.name, content)
    _TAKEN.set(taken)
    if taken.refusal is None:
        _MENU.restart()  # a new one, which is closed


def _drop(name: str) -> None:
    _TAKEN.forget()
    own_networks.drop(name)


def _restore() -> None:
    _TAKEN.forget()
    if (name := own_networks.restore()) is not None:
        NETWORK.set(name)
