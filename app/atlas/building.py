"""Building an atlas here: what it costs, a button, how far it is, and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable
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
        "begun": "{done} of {count} images ({images}) are done; the rest takes about {time} of this server, in the "
        "background. Kept for all visitors.",
        "begin": "Build it here",
        "go_on": "Continue the build",
        "command": "Command",
        "about_command": "This command does the same. A build that was interrupted goes on where it was.",
        "only_command": "This command builds it, of the test set of CIFAR-10 if that was downloaded, else of the "
        "samples. A build that was interrupted goes on where it was.",
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
            build_progress,
            partial(services.cancel_atlas, classifier),
            key="atlas-build",
            remark=WORDS["kept"],
        )
    elif (offer := services.atlas_offer(classifier)) is not None:
        _offer(classifier, offer)
    elif is_empty:
        _say_command(classifier, "only_command")


def _offer(classifier: Classifier, offer: services.Offer) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="atlas-offer"):
        build_button(offer, partial(services.begin_atlas, classifier), key="atlas-build-begin")
        with st.popover(WORDS["command"], icon=":material/terminal:"):
            _say_command(classifier, "about_command")
        st.caption(plain_text(cost_of_build(offer)), width="stretch")


def build_button(offer: services.Offer, begin: Callable[[], None], *, key: str) -> None:
    """A button that begins a build, or goes on with one that was cancelled or interrupted."""
    st.button(WORDS["go_on" if offer.done else "begin"], icon=":material/play_arrow:", key=key, on_click=begin)


def cost_of_build(offer: services.Offer) -> str:
    """What a build costs, and how much of it was done before."""
    time, count, done = duration(max(1.0, offer.seconds)), f"{offer.count:,}", f"{offer.done:,}"
    return WORDS["begun" if offer.done else "offer"].format(
        time=time, count=count, done=done, images=set_name(offer.images)
    )


def _say_command(classifier: Classifier, about: str) -> None:
    """The command that builds an atlas; where the operator's own network is on the server is not said.

    Args:
        classifier: the network.
        about: which of `WORDS` is above it, unless the network is the visitor's own.
    """
    if own_networks.is_own(classifier):
        st.markdown(WORDS["own"])
        arguments = ["FILE"]
    else:
        st.markdown(WORDS[about])
        own = services.is_operators(classifier.name)
        arguments = ["NETWORK"] if own else [services.checkpoint_in_command(classifier.name)]
    st.code(shlex.join(["cbam", "atlas", "build", *arguments]), language="bash", wrap_lines=True)


def build_progress(work: Work[Path]) -> str:
    """How far a build is."""
    return WORDS["progress" if work.done < work.total else "tables"].format(**counts_of(work))
