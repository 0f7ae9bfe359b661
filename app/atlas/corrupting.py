"""The same images made brighter, noisier or blurred: an atlas of them is built here, or by a command."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.atlas.building import build_button, build_progress, cost_of_build
from app.session import own_networks
from app.session.background import Work
from app.session.choices import Choice
from app.session.words import Words, plain_text
from app.widgets.choices import choose_one
from app.widgets.progress import show_progress
from cbam_core.data.corruption import KINDS, LEVELS
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "offer": "Altered copies",
        "kind": "Kind",
        "level": "Level",
        "brightness": "brighter",
        "noise": "noise",
        "blur": "blurred",
        "plain": "as they are",
        "command": "This command builds the atlas of the altered copies; their names stay, so both can be compared:",
        "there": "This atlas is there: choose it in the list beside.",
        "progress": "{changed}: {said}",
        "named": "{kind}, level {level}",
    }
)

_KIND, _LEVEL = Choice("atlas-corruption"), Choice("atlas-corruption-level")


def change_name(changed: str) -> str:
    """What was done to images in words: ``"blur:3"`` is blurred, level 3."""
    kind, _, level = changed.partition(":")
    if kind not in KINDS:
        return changed or WORDS["plain"]
    return WORDS["named"].format(kind=WORDS[kind], level=level)


def offer_corrupted(classifier: Classifier, atlas: Atlas) -> None:
    """Offer an atlas of the same images, changed at one of five levels."""
    with st.popover(WORDS["offer"], icon=":material/blur_on:", key="atlas-corrupted"):
        for choice, first in ((_KIND, "blur"), (_LEVEL, 3)):
            choice.resume(first)
        kind = choose_one(WORDS["kind"], KINDS, WORDS, key=_KIND.key)
        level = st.slider(WORDS["level"], LEVELS[0], LEVELS[-1], key=_LEVEL.key)
        for choice in (_KIND, _LEVEL):
            choice.remember()
        changed = f"{kind}:{level}"
        if services.has_changed(classifier, atlas, changed):
            st.caption(plain_text(WORDS["there"]))
            return
        _offer(classifier, atlas, changed)
        st.caption(WORDS["command"])
        st.code(command(classifier, atlas, changed), language="bash", wrap_lines=True)


def _offer(classifier: Classifier, atlas: Atlas, changed: str) -> None:
    offer = services.changed_offer(classifier, atlas, changed)
    if offer is not None and services.changed_work(classifier, atlas) is None:
        build_button(offer, partial(services.begin_changed, classifier, atlas, changed), key="atlas-change-begin")
        st.caption(plain_text(cost_of_build(offer)))


def command(classifier: Classifier, atlas: Atlas, changed: str) -> str:
    """The command that builds the atlas of changed images; where a network lies on the server is not said."""
    if own_networks.is_own(classifier) or services.is_operators(classifier.name):
        network = "NETWORK"
    else:
        network = services.checkpoint_in_command(classifier.name)
    return shlex.join(["cbam", "atlas", "build", network, "--set", atlas.title, "--corrupt", changed])


def show_building(classifier: Classifier, atlas: Atlas) -> None:
    """Draw how far the build of changed images is, where one goes on."""
    known = services.changed_work(classifier, atlas)
    if known is not None:
        name = change_name(known[0])
        show_progress(
            partial(_work, classifier, atlas),
            lambda work: WORDS["progress"].format(changed=name, said=build_progress(work)),
            partial(services.cancel_changed, classifier, atlas),
            key="atlas-change",
        )


def _work(classifier: Classifier, atlas: Atlas) -> Work[Path] | None:
    known = services.changed_work(classifier, atlas)
    return None if known is None else known[1]
