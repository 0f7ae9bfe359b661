"""Inspect's result: everything about one image, or about some of any size, and the address that shows it again."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import services
from app.inspect.drawing import offer_drawing
from app.inspect.link import all_as_parameters, settings_as_parameters
from app.inspect.state import keep_settings, settings_to_begin_with, viewer
from app.session import links, own_networks
from app.session.words import Words, paragraph, sentence
from app.widgets.attention import attention_viewer, settings_before
from app.widgets.copy_link import copy_link
from app.widgets.downloads import downloads
from app.widgets.image.address import image_as_parameters, usual_parameters
from app.widgets.image.shown import Batch, ShownImage
from app.widgets.prediction import prediction
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.kinds import as_kind
from cbam_core.viewer import Settings
from cbam_core.viewer.origin import origin_as_dict
from cbam_core.viewer.payload import trace_as_dict

WORDS = Words(
    {
        "values": "A block multiplies each feature channel by its channel weight, and each position by the value of "
        "its spatial mask: values near 1 let features through, values near 0 suppress them.",
        "relative": "A block multiplies each feature channel by its channel weight, and each position by the value of "
        "its spatial mask. Shown are multiples of each gate's mean: orange lets through more than the mean, blue less.",
        "usual": "A block multiplies each feature channel by its channel weight, and each position by the value of "
        "its spatial mask. Shown is how the shape of each gate differs from its usual one: orange lets through more "
        "than usual, blue less.",
        "gates": "Much of a gate can be the same for every image, so compare it with what is usual. Gates do not "
        "explain why the network chose a class.",
        "ask": "Click a mask to pin a place in every block, or a bar to see what gets through.",
        "no_gates": "This network has no gates to show.",
    }
)


def show_result(classifier: Classifier, shown: ShownImage) -> None:
    """Draw everything about one image, and write its address."""
    result, key = shown.result, shown.key
    batch = shown.batch or Batch({shown.name: result}, {})
    main, tools = st.columns([5.4, 1], gap="small")
    with main:
        prediction(
            result.explanation,
            caption=shown.caption,
            truth=shown.truth,
            preview=result.preview,
            movable=bool(shown.frame) and shown.fitted.fit == "square",
            key=shown.frame or f"{key}-prediction",
            ahead=shown.ahead,
        )
    usual = Settings(**result.view["settings"])
    has_gates = bool(result.view["blocks"])
    settings = _viewer(classifier, shown) if has_gates else usual
    linked = shown.link is not None and not own_networks.is_own(classifier)
    links.write(
        {**usual_parameters(shown), **all_as_parameters(settings)},
        network=links.network_of(classifier),
        **image_as_parameters(shown),
        **settings_as_parameters(settings, usual),
    )
    foot = st.container()  # beside the image a sentence would push the viewer off the first screen
    # page.css keeps them as wide as their words.
    with tools.container(horizontal=True, gap="small", key=f"inspect-tools-{key}"):
        explained = {name: one.explanation for name, one in batch.results.items()}
        downloads(
            explained,
            settings,
            files=batch.files,
            fitted=batch.fitted,
            opened=shown.name,
            truth=shown.truth,
            classifier=classifier,
            key=key,
        )
        copy_link(possible=linked, query=links.own_query(), below=foot, key=f"{key}-link")
        if has_gates:
            block = settings.channel[0] if settings.channel else settings.block
            offer_drawing(classifier, result.explanation, block, own=shown.own, key=key)
    if has_gates:
        st.caption(paragraph(WORDS[settings.reading], WORDS["gates"], WORDS["ask"]))
    else:
        st.info(WORDS["no_gates"], icon=":material/info:")


def _viewer(classifier: Classifier, shown: ShownImage) -> Settings:
    """The viewer with the settings that the visitor made on any source, or came with."""
    view = shown.result.view
    usual, choice = Settings(**view["settings"]), viewer(shown.key)
    begun = usual.changed_by(settings_to_begin_with(choice)).known_to(view["blocks"])
    now = settings_before(begun, key=choice.key).known_to(view["blocks"])
    answers = {
        "trace": None if now.channel is None else _trace(classifier, shown, *now.channel),
        "origin": None if now.origin is None else _origin(classifier, shown, *now.origin),
    }
    payload = {**view, "settings": begun.as_dict(), "traces": True, "origins": True, **answers}
    chosen = attention_viewer(payload, key=choice.key, ahead=shown.ahead).known_to(view["blocks"])
    keep_settings(chosen, usual, without=["image"] if len(view["images"]) < 2 else [])
    return chosen


def _trace(classifier: Classifier, shown: ShownImage, block: str, channel: int) -> dict[str, Any]:
    """The feature maps of a channel as the viewer is given them, or why there are none."""
    try:
        return trace_as_dict(services.channel_map(classifier, shown.result.explanation, block, channel, own=shown.own))
    except CbamError as error:
        return {"block": block, "channel": channel, "failed": sentence(error)}


def _origin(classifier: Classifier, shown: ShownImage, block: str, kind: str) -> dict[str, Any]:
    """How a gate came about as the viewer is given it, or why that is not known."""
    explanation = shown.result.explanation
    found = next(one for one in explanation.blocks if one.name == block).gate(as_kind(kind))
    try:
        trace = services.gate_trace(classifier, explanation, "" if found is None else found.name, own=shown.own)
    except CbamError as error:
        return {"block": block, "kind": kind, "failed": sentence(error)}
    return origin_as_dict(trace, "" if trace.why is None else sentence(trace.why))
