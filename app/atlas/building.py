"""Building an atlas here: what it costs, a button, how far it is, and the command that does the same."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

import streamlit as st

from app import services
from app.session import own_networks
from app.session.background import Work
from app.session.words import Words, plain_text
from app.widgets.duration import duration
from app.widgets.evaluate_here import set_name
from app.widgets.progress import counts_of, show_progress
from cbam_core.network import Classifier

WORDS = Words(
    {
        "none": "There is no atlas of this network yet. An atlas keeps what every gate did for every image of a set.",
        "offer": "About {time} of this server, in the background, for {count} images ({images}). Kept for all "
        "visitors.",
        "begin": "Build it here",
        "command": "Command",
        "about_command": "This command does the same. A build that was interrupted goes on where it was.",
        "own": "On your own machine, this command builds it; FILE is the name of the file:",
        "progress": "{done} of {total} images",
        "tables": "{total} images; tables are being made",
        "kept": "What is done is kept, and the next build goes on from there.",
    }
)


def build_here(classifier: Classifier, *, is_empty: bool) -> None:
    """Offer to build the atlas of the test images, or show how far that is; nothing where it is there.

    Args:
        classifier: the network.
        is_empty: whether the network has no atlas at all, which is said then.
    """
    if is_empty:
        st.info(WORDS["none"], icon=":material/info:")
    if services.atlas_work(classifier) is not None:
        show_progress(
            partial(services.atlas_work, classifier),
            _how_far,
            partial(services.cancel_atlas, classifier),
            key="atlas-build",
            remark=WORDS["kept"],
        )
    elif (offer := services.atlas_offer(classifier)) is not None:
        _offer(classifier, offer)
    elif is_empty:
        _say_command(classifier)


def _offer(classifier: Classifier, offer: services.Offer) -> None:
    said = WORDS["offer"].format(
        time=duration(max(1.0, offer.seconds)), count=f"{offer.count:,}", images=set_name(offer.images)
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="atlas-offer"):
        st.button(
            WORDS["begin"],
            icon=":material/play_arrow:",
            key="atlas-build-begin",
            on_click=services.begin_atlas,
            args=(classifier,),
        )
        with st.popover(WORDS["command"], icon=":material/terminal:"):
            _say_command(classifier)
        st.caption(plain_text(said), width="stretch")


def _say_command(classifier: Classifier) -> None:
    """The command that builds an atlas; where the operator's own network is on the server is not said."""
    if own_networks.is_own(classifier):
        st.markdown(WORDS["own"])
        arguments = ["FILE"]
    else:
        st.markdown(WORDS["about_command"])
        own = services.is_operators(classifier.name)
        arguments = ["NETWORK"] if own else [services.checkpoint_in_command(classifier.name)]
    st.code(shlex.join(["cbam", "atlas", "build", *arguments]), language="bash", wrap_lines=True)


def _how_far(work: Work[Path]) -> str:
    return WORDS["progress" if work.done < work.total else "tables"].format(**counts_of(work))
