"""Which of the network's atlases is shown: one that was asked for or chosen, else the first that can be opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import services
from app.atlas.corrupting import change_name
from app.session.choices import Choice
from app.session.words import Words, plain_text
from app.widgets.choices import keep_listed, told_apart
from app.widgets.evaluate_here import set_name
from cbam_core.network import Classifier

WORDS = Words(
    {
        "atlas": "Atlas",
        "one": "{images}, {count} images",
        "single": "{images}, one image",
        "single_changed": "{images}, one image, {changed}",
        "some": "{images}, {read} of {count} images",
        "some_changed": "{images}, {read} of {count} images, {changed}",
        "changed": "{images}, {count} images, {changed}",
        "damaged": "The atlas “{images}” in the folder {name} cannot be opened, so the next one is shown. The operator "
        "can find the reason in the log.",
    }
)

_ATLAS = Choice("atlas-name")


def choose_atlas(classifier: Classifier, asked: Mapping[str, Any]) -> services.AtlasEntry | None:
    """Let the visitor choose one of the network's atlases; None where there is none.

    Args:
        classifier: the network.
        asked: what an address asks for, see `app.session.links.arrive`.
    """
    built = services.take_in_atlas(classifier)
    entries = services.atlases_of(classifier)
    if not entries:
        return None
    usual, _ = services.first_that_opens(entries)
    if asked:
        name = asked.get("atlas")
        _ATLAS.set(name if name in entries else usual)
    if built in entries:
        _ATLAS.set(built)
    _ATLAS.resume(usual)
    if _ATLAS.get() not in entries:
        _ATLAS.set(usual)
    named = told_apart({name: _named(entry) for name, entry in entries.items()})
    keep_listed(_ATLAS.key, [*named.values()])
    label = WORDS["atlas"]
    st.selectbox(
        label, [*named], format_func=named.__getitem__, key=_ATLAS.key, label_visibility="collapsed", width=440
    )
    _ATLAS.remember()
    return entries.get(_ATLAS.get())


def say_damaged(classifier: Classifier, shown: services.AtlasEntry | None) -> None:
    """Say which atlases come before the one that is shown and cannot be opened.

    Args:
        classifier: the network.
        shown: what is shown; nothing is said of the others where it was chosen.
    """
    if shown is None:
        return
    first, damaged = services.first_that_opens(services.atlases_of(classifier))
    for entry in damaged if first == shown.name else ():
        st.warning(
            plain_text(WORDS["damaged"].format(images=_named(entry), name=entry.name)), icon=":material/warning:"
        )


def _named(entry: services.AtlasEntry) -> str:
    keys = ("changed", "one") if entry.count != 1 else ("single_changed", "single")
    if entry.unread:
        keys = ("some_changed", "some")
    return WORDS[keys[0 if entry.changed else 1]].format(
        images=set_name(entry.title),
        count=f"{entry.count:,}",
        read=f"{entry.count - entry.unread:,}",
        changed=change_name(entry.changed),
    )
