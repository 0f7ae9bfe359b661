"""Bringing a network of one's own: the way in, what was wrong with a file, and the way out and back."""

from __future__ import annotations

import logging

import streamlit as st

from app import services
from app.session import own_networks
from app.session.choices import Choice, Generation, Remembered
from app.session.words import Words, listed, plain_name, plain_text, say
from cbam_core.errors import CbamError
from cbam_core.nn.registry import known_names

ENDINGS = ["safetensors", "pth", "pt"]

WORDS = Words(
    {
        "open": "Own checkpoint",
        "drop": "Drop a checkpoint here, or choose a file",
        "kinds": "A .safetensors file written by CBAM Lens, or the .pth state dict of one of {networks}, "
        "such as the one from the course. It stays in this server's memory during your visit only, and "
        "nobody else can use it.",
        "unsent": "A file marked in red was not accepted. At most {most} MB: save only the weights, without the "
        "optimiser state. The name must end in .safetensors, .pth or .pt.",
        "full": "You have uploaded {most} networks, the limit; remove one to upload another.",
        "remove": "Remove {name}",
        "removed": "{name} was removed.",
        "undo": "Undo",
        "refused": "{file} was not accepted: {reason}.",
        "same": "{file} is the same file as {name}, so {name} was selected.",
    }
)

_FILE = Choice("own-file", Generation("own-generation"))
_BECAME: Remembered[tuple[str, CbamError | str] | None] = Remembered("own-became", lambda: None)


def own_network_button(selected: str, selection: Choice) -> None:
    """Let the visitor upload a checkpoint, and remove the one that is selected if it is their own.

    Args:
        selected: name of the network that is in use.
        selection: the widget by which networks are selected; it is set to a network that comes in.
    """
    with st.popover(WORDS["open"], icon=":material/upload_file:", width="stretch"):
        if len(own_networks.names()) < own_networks.MOST:
            _way_in(selection)
        else:
            st.caption(WORDS["full"].format(most=own_networks.MOST))
    if selected in own_networks.names():
        name = plain_name(selected)
        st.button(
            WORDS["remove"].format(name=name),
            icon=":material/delete:",
            key="own-remove",
            on_click=_drop,
            args=(selected,),
        )
    elif (dropped := own_networks.dropped()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["removed"].format(name=plain_name(dropped)), width="content")
            st.button(WORDS["undo"], icon=":material/undo:", key="own-undo", on_click=_restore, args=(selection,))


def _way_in(selection: Choice) -> None:
    """Where a file is dropped, and what became of the last one."""
    with st.container(key="own-way-in"):
        st.file_uploader(
            WORDS["drop"],
            type=ENDINGS,
            max_upload_size=own_networks.MOST_BYTES // 2**20,
            key=_FILE.key,
            on_change=_take,
            args=(selection,),
        )
        # Of files that Streamlit refuses in the browser no script hears: page.css swaps one sentence for the other.
        with st.container(key="own-unsent"):
            st.markdown(WORDS["unsent"].format(most=own_networks.MOST_BYTES // 2**20))
        if (became := _BECAME.get()) is not None:
            with st.container(key="own-became"):
                _say_what_became(*became)
        st.caption(WORDS["kinds"].format(networks=listed(known_names())))


def _say_what_became(file_name: str, of_it: CbamError | str) -> None:
    """Why a file was refused, or the name of the network that it is."""
    if isinstance(of_it, CbamError):
        said = WORDS["refused"].format(file=plain_name(file_name), reason=plain_text(say(of_it)))
        st.error(said, icon=":material/error:")
    else:
        st.info(WORDS["same"].format(file=plain_name(file_name), name=plain_name(of_it)), icon=":material/info:")


def _take(selection: Choice) -> None:
    given = _FILE.get()
    _BECAME.forget()
    if given is None:
        return
    _FILE.restart()  # a new widget: Streamlit frees its copy of the file
    known, content = services.networks(), given.getvalue()
    try:
        name = services.shipped_as(content) or own_networks.take(given.name, content, services.with_usual)
    except CbamError as error:
        logging.getLogger("cbam_lens").info("checkpoint refused: %s", error.code)
        _BECAME.set((given.name, error))
        return
    selection.set(name)
    if name in known:
        _BECAME.set((given.name, name))


def _drop(name: str) -> None:
    _BECAME.forget()
    own_networks.drop(name)


def _restore(selection: Choice) -> None:
    if (name := own_networks.restore()) is not None:
        selection.set(name)
