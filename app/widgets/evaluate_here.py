"""Evaluating a network here: what it costs, a button, and how far it is."""

from __future__ import annotations

import streamlit as st

from app import services
from app.session import own_networks
from app.session.words import Words, plain_text, sentence
from app.widgets.duration import duration
from cbam_core.network import Classifier
from cbam_core.viewer import WORDS as VIEWER_WORDS

WORDS = Words(
    {
        "answers": "About {time} of this server, in the background: the network's predictions for {count} images "
        "({images}), and what is usual for its gates over them. {kept}",
        "usual": "About {time} of this server, in the background: what is usual for the network's gates over {count} "
        "images ({images}). {kept}",
        "why": "{why} About {time} of this server, in the background, for {count} images ({images}). {kept}",
        "for_visit": "Kept for your visit.",
        "for_all": "Kept for all visitors.",
        "begin": "Evaluate here",
        "begin_usual": "Find what is usual",
        "progress": "{done} of {total} images",
        "cancel": "Cancel",
        "again": "Try again",
    }
)

SETS = Words({name: text for name, text in VIEWER_WORDS.items() if ":" in name})

LOOK_EVERY = 1.0
"""Seconds between two looks at how far it is."""


def evaluate_here(classifier: Classifier, *, key: str, why: str = "") -> None:
    """Offer to evaluate a network, or show how far that is; nothing where all is known.

    Args:
        classifier: the network.
        key: of the buttons.
        why: what it is needed for, where the page does not say so.
    """
    if services.work_on(classifier) is not None:
        st.fragment(_progress, run_every=LOOK_EVERY)(classifier, key)
    elif (offer := services.offer_for(classifier)) is not None:
        _offer(classifier, offer, key, why)
    elif why:
        st.caption(why)


def set_name(images: str) -> str:
    """What a set of images is called, in the session's language.

    Args:
        images: its name, such as ``"cifar10:test"``.
    """
    return SETS.get(images, images)


def _offer(classifier: Classifier, offer: services.Offer, key: str, why: str) -> None:
    if why and not offer.answers:  # what is offered is something else
        st.caption(why)
    said = WORDS["usual" if not offer.answers else "why" if why else "answers"].format(
        why=why,
        count=f"{offer.count:,}",
        images=set_name(offer.images),
        time=duration(max(1.0, offer.seconds)),
        kept=WORDS["for_visit" if own_networks.is_own(classifier) else "for_all"],
    )
    with st.container(gap="xsmall"):
        st.button(
            WORDS["begin" if offer.answers else "begin_usual"],
            icon=":material/play_arrow:",
            key=f"{key}-begin",
            on_click=services.begin_evaluation,
            args=(classifier,),
        )
        st.caption(plain_text(said))


def _progress(classifier: Classifier, key: str) -> None:
    """How far it is; runs by itself again and again until it is over, and then draws the page anew."""
    work = services.work_on(classifier)
    if work is None or work.result is not None:
        st.rerun()
    if work.error is not None:
        st.error(sentence(work.error), icon=":material/error:")
        st.button(WORDS["again"], key=f"{key}-again", on_click=services.cancel_evaluation, args=(classifier,))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        said = WORDS["progress"].format(done=f"{work.done:,}", total=f"{work.total:,}")
        st.progress(min(1.0, work.done / work.total), text=said, width="stretch")
        st.button(WORDS["cancel"], key=f"{key}-cancel", on_click=services.cancel_evaluation, args=(classifier,))
