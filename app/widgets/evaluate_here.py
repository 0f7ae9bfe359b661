"""Evaluating a network here: what it costs, a button, and how far it is."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import services
from app.session import own_networks
from app.session.words import Words, plain_text
from app.widgets.duration import duration
from app.widgets.failures import say_last_failure
from app.widgets.progress import counts_of, show_progress
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
    }
)

SETS = Words({name: text for name, text in VIEWER_WORDS.items() if ":" in name})


def evaluate_here(classifier: Classifier, *, key: str, why: str = "") -> None:
    """Offer to evaluate a network, or show how far that is; nothing where all is known.

    Args:
        classifier: the network.
        key: of the buttons.
        why: what it is needed for, where the page does not say so.
    """
    if services.work_on(classifier) is not None:
        show_progress(
            partial(services.work_on, classifier),
            lambda work: WORDS["progress"].format(**counts_of(work)),
            partial(services.cancel_evaluation, classifier),
            key=key,
        )
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


def _offer(classifier: Classifier, offer: services.EvaluationOffer, key: str, why: str) -> None:
    if why and not offer.answers:  # what is offered is something else
        st.caption(why)
    said = WORDS["usual" if not offer.answers else "why" if why else "answers"].format(
        why=why,
        count=f"{offer.count:,}",
        images=set_name(offer.images),
        time=duration(max(1.0, offer.seconds)),
        kept=WORDS["for_visit" if own_networks.is_own(classifier) else "for_all"],
    )
    say_last_failure(services.evaluation_failure(classifier))
    with st.container(gap="xsmall"):
        st.button(
            WORDS["begin" if offer.answers else "begin_usual"],
            icon=":material/play_arrow:",
            key=f"{key}-begin",
            on_click=services.begin_evaluation,
            args=(classifier,),
        )
        st.caption(plain_text(said))
