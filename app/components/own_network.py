"""Bringing a network of one's own: the way in, what was wrong with a file, and the way out and back."""

from __future__ import annotations

import logging

import streamlit as st

from app import own_networks
from app.words import Words, say
from cbam_core.errors import CbamError

ENDINGS = ["safetensors", "pth", "pt"]

WORDS = Words(
    {
        "open": "Own checkpoint",
        "drop": "Drop a checkpoint here, or choose it",
        "kinds": "A .safetensors file that CBAM Lens wrote, or the .pth state dict of a CBAM_CNN or CBAM_ResNet, "
        "such as the course's. It stays in this server's memory for your visit only, and nobody else can use it.",
        "full": "You have {most} networks of your own here; remove one to bring another.",
        "remove": "Remove {name}",
        "removed": "{name} was removed.",
        "undo": "Undo",
        "refused": "{file} was refused: {reason}.",
    }
)

_TURN, _REFUSED = "own-turn", "own-refused"


def own_network_button(selected: str, key: str) -> None:
    """Let the visitor bring a checkpoint, and remove the one that is selected if it is their own.

    Args:
        selected: name of the network that is in use.
        key: of the widget by which networks are selected; it is set to a network that comes in.
    """
    with st.popover(WORDS["open"], icon=":material/upload_file:", width="stretch"):
        turn = st.session_state.setdefault(_TURN, 0)
        if len(own_networks.names()) < own_networks.MOST:
            widget = f"own-file-{turn}"
            st.file_uploader(
                WORDS["drop"],
                type=ENDINGS,
                max_upload_size=own_networks.MOST_BYTES // 2**20,
                key=widget,
                on_change=_take,
                args=(widget, key),
            )
            st.caption(WORDS["kinds"])
        else:
            st.caption(WORDS["full"].format(most=own_networks.MOST))
    if (refused := st.session_state.get(_REFUSED)) is not None:
        file_name, error = refused
        said = WORDS["refused"].format(file=_plain(file_name), reason=_plain_text(say(error)))
        st.error(said, icon=":material/error:")
    if selected in own_networks.names():
        name = _plain(selected)
        st.button(
            WORDS["remove"].format(name=name),
            icon=":material/delete:",
            key="own-remove",
            on_click=_drop,
            args=(selected,),
        )
    elif (dropped := own_networks.dropped()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["removed"].format(name=_plain(dropped)), width="content")
            st.button(WORDS["undo"], icon=":material/undo:", key="own-undo", on_click=_restore, args=(key,))


def _take(widget: str, key: str) -> None:
    given = st.session_state.get(widget)
    st.session_state.pop(_REFUSED, None)
    if given is None:
        return
    st.session_state[_TURN] += 1  # a new widget: Streamlit frees its copy of the file
    try:
        st.session_state[key] = own_networks.take(given.name, given.getvalue())
    except CbamError as error:
        logging.getLogger("cbam_lens").info("checkpoint refused: %s", error.code)
        st.session_state[_REFUSED] = given.name, error


def _drop(name: str) -> None:
    st.session_state.pop(_REFUSED, None)
    own_networks.drop(name)


def _restore(key: str) -> None:
    if (name := own_networks.restore()) is not None:
        st.session_state[key] = name


def _plain(name: str) -> str:
    """A file's name with nothing that Markdown would make something of."""
    return _plain_text("".join(letter if letter.isalnum() or letter in " ._-" else "-" for letter in name)[:80])


def _plain_text(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+!|$~:" else letter for letter in text)
