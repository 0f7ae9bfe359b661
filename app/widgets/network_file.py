"""A file with a network of the visitor's own: taken for what it is, wherever it is dropped, and what is said of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import PurePath

import streamlit as st

from app import services
from app.session import own_networks
from app.session.words import Words, plain_name, plain_text, say
from cbam_core.data.headers import sniff
from cbam_core.data.other_pictures import holds_weights
from cbam_core.errors import CbamError, CheckpointError
from cbam_core.weights import file as weights_file

ENDINGS = tuple(ending.removeprefix(".") for ending in weights_file.ENDINGS)

WORDS = Words(
    {
        "loaded": "Loaded: {name}",
        "same": "{file} is the same file as {name}, so {name} was selected.",
        "refused": "{file} was not accepted: {reason}.",
        "network": "{file} is a network, not an image. It is loaded, and selected in the sidebar.",
    }
)


@dataclass(frozen=True)
class TakenFile:
    """What became of a file.

    Attributes:
        file: its name.
        network: name of the network that it is; "" where it was refused.
        is_known: whether that network was here before.
        refusal: why it was refused; None where it was not.
    """

    file: str
    network: str = ""
    is_known: bool = False
    refusal: CbamError | None = None


def is_network_file(name: str, content: bytes) -> bool:
    """Whether a file is a network, by its content; by the ending of its name where the content says nothing."""
    if holds_weights(content):
        return True
    return sniff(content) is None and PurePath(name).suffix.lower().removeprefix(".") in ENDINGS


def take_network(name: str, content: bytes) -> TakenFile:
    """Open a file as a network of the visitor's own, and select it; it may be one that is here already.

    Args:
        name: of the file; never trusted.
        content: the file's bytes.
    """
    known = services.networks()
    try:
        network = services.shipped_as(content) or own_networks.take(name, content, services.with_usual)
    except CbamError as error:
        logging.getLogger("cbam_lens").info("checkpoint refused: %s", error.code)
        return TakenFile(name, refusal=_as_visitors_can(error))
    own_networks.NETWORK.set(network)
    return TakenFile(name, network, is_known=network in known)


def _as_visitors_can(error: CbamError) -> CbamError:
    """Say of a network that needs code what a visitor can do, which is not what its owner can do without the page."""
    if error.code != "checkpoint.unknown-network":
        return error
    return CheckpointError(
        error.code,
        "the file's tensors ({given}) do not match any network that can be opened here ({known}); a network of other "
        "code is shown by the operator: cbam app --model package.module:factory --weights best.pth",
        **error.message.values,
    )


def say_taken(taken: TakenFile, *, among_images: bool = False) -> None:
    """Say what became of a file, in one sentence.

    Args:
        taken: the file.
        among_images: whether it was dropped where images belong.
    """
    file, name = plain_name(taken.file), plain_name(taken.network)
    if taken.refusal is not None:
        st.error(WORDS["refused"].format(file=file, reason=plain_text(say(taken.refusal))), icon=":material/error:")
    elif among_images:
        if taken.network == own_networks.NETWORK.get():  # not removed since, and no other one selected
            st.info(WORDS["network"].format(file=file), icon=":material/info:")
    elif taken.is_known:
        st.info(WORDS["same"].format(file=file, name=name), icon=":material/info:")
    else:
        st.success(WORDS["loaded"].format(name=name), icon=":material/check:")
