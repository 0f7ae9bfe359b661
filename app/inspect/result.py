"""Inspect's result: everything about one image, or about some of any size, and the address that shows it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import streamlit as st

from app import services
from app.inspect.drawing import offer_drawing
from app.inspect.link import all_as_parameters, settings_as_parameters
from app.inspect.state import (
    BLACK,
    STRETCH,
    drop_linked_square,
    frame_key,
    keep_settings,
    keep_square,
    settings_to_begin_with,
    square_of,
    viewer,
)
from app.session import last_image, links, own_networks
from app.session.last_image import Picked
from app.session.uploads import Fitted, Upload
from app.session.words import Words, paragraph, sentence
from app.widgets.attention import attention_viewer, settings_before
from app.widgets.copy_link import copy_link
from app.widgets.downloads import downloads
from app.widgets.prediction import prediction
from app.widgets.prefetch import Ahead
from app.widgets.uploads import choose_fit, not_left_out, one_by_one, overview, say_refused
from app.widgets.waiting import waiting_shown
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Fit
from cbam_core.viewer import Settings
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
        "stretch": "Stretch the values",
        "black": "Transparent areas on black",
        "no_gates": "This network has no gates to show.",
    }
)


@dataclass(frozen=True)
class ShownImage:
    """One image as the page shows it, and as an address names it.

    Attributes:
        result: what the network made of it.
        name: what its files are called.
        caption: what stands beside it.
        truth: its true class; None where that is not known.
        link: how an address names it; None where it cannot.
        fitted: how it was fitted to the network's input.
        own: whether it is the visitor's own, whose results are kept for them alone.
    """

    result: services.ImageResult
    name: str
    caption: str
    truth: str | None = None
    link: str | None = None
    fitted: Fitted = field(default_factory=Fitted)
    own: bool = False


@dataclass(frozen=True)
class Batch:
    """All images that downloads hold, by name.

    Attributes:
        results: what the network made of each.
        files: the original file of each that has one.
        fitted: how each of these was read.
    """

    results: Mapping[str, services.ImageResult]
    files: Mapping[str, bytes]
    fitted: Mapping[str, Fitted] = field(default_factory=dict)


NO_FILTERS: Mapping[str, str | None] = MappingProxyType({})


def show_uploads(classifier: Classifier, given: Sequence[Upload], *, key: str, link: str | None = None) -> None:
    """Images of any size, fitted to the network's input as the visitor wishes."""
    fit = choose_fit()
    given = not_left_out(given)
    results, refused = {}, {}
    wait = st.empty()
    for upload in one_by_one(given):
        try:
            with waiting_shown(wait):
                results[upload.digest] = _explained(classifier, upload, fit)
        except CbamError as error:
            refused[upload.digest] = error
    explained = {digest: one.explanation for digest, one in results.items()}
    opened = overview(given, explained, refused) if len(given) > 1 else given[0]
    if opened.digest in refused:
        say_refused(refused[opened.digest], opened.name)
        write_nothing(classifier)
        return
    fitted = _fitted(opened, fit)
    _offer_readings(opened, results[opened.digest].explanation)
    if fitted.square is not None:
        keep_square(opened, fitted.square)
    last_image.keep(Picked("upload", upload=opened, fitted=fitted))
    read = [one for one in given if one.digest in results]
    shown = ShownImage(results[opened.digest], opened.name, opened.name, link=link, fitted=fitted, own=True)
    how = {one.name: _fitted(one, fit) for one in read}
    batch = Batch({one.name: results[one.digest] for one in read}, {one.name: one.content for one in read}, how)
    show_result(classifier, shown, key=key, frame=frame_key(opened), batch=batch)


def _explained(classifier: Classifier, upload: Upload, fit: Fit) -> services.ImageResult:
    """An image that the network saw; a part that an address names is left where the image has no such part."""
    try:
        return services.show_upload(classifier, upload, _fitted(upload, fit))
    except CbamError as error:
        if error.code != "fit.square-outside" or not drop_linked_square(upload):
            raise
    return services.show_upload(classifier, upload, _fitted(upload, fit))


def _fitted(upload: Upload, fit: Fit) -> Fitted:
    square = square_of(upload) if fit == "square" else None
    return Fitted(fit, square, stretch=STRETCH.of(upload), ground="black" if BLACK.of(upload) else "white")


def _offer_readings(upload: Upload, explanation: Explanation) -> None:
    """Offer to read an image's values in another way, where that changes something."""
    noted = {note.code for note in explanation.notes}
    offered = [
        one
        for one, code in ((STRETCH, "image.narrow"), (BLACK, "image.transparent"))
        if code in noted or one.of(upload)
    ]
    if offered:
        with st.container(horizontal=True, gap="medium"):
            for one in offered:
                one.offer(upload, WORDS[one.name])


def write_nothing(classifier: Classifier) -> None:
    """The address of the page alone: what was there before is no more to be seen."""
    links.write(network=links.network_of(classifier))


def show_result(
    classifier: Classifier,
    shown: ShownImage,
    *,
    key: str,
    frame: str = "",
    batch: Batch | None = None,
    filters: Mapping[str, str | None] = NO_FILTERS,
    ahead: Ahead | None = None,
) -> None:
    """Draw everything about one image, and write its address.

    Args:
        classifier: the network.
        shown: the image.
        key: what the widgets' keys begin with.
        frame: key of the widget in which the visitor frames a part of the image; "" where they cannot.
        batch: all images that downloads hold; None for this one alone.
        filters: more parameters of the address.
        ahead: which of the results sent ahead this one is.
    """
    result = shown.result
    batch = batch or Batch({shown.name: result}, {})
    main, tools = st.columns([5.4, 1], gap="small")
    with main:
        prediction(
            result.explanation,
            caption=shown.caption,
            truth=shown.truth,
            preview=result.preview,
            movable=bool(frame) and shown.fitted.fit == "square",
            key=frame or f"{key}-prediction",
            ahead=ahead,
        )
    usual = Settings(**result.view["settings"])
    has_gates = bool(result.view["blocks"])
    settings = _viewer(classifier, shown, key=key, ahead=ahead) if has_gates else usual
    linked = shown.link is not None and not own_networks.is_own(classifier)
    links.write(
        {"fit": shown.fitted.fit, "stretch": False, "ground": "white", **all_as_parameters(settings)},
        network=links.network_of(classifier),
        **_image_as_parameters(shown),
        **filters,
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


def _image_as_parameters(shown: ShownImage) -> dict[str, Any]:
    """What an address says of an image and how it is fitted; nothing of one that it cannot name."""
    fit, square = shown.fitted.fit, shown.fitted.square
    return (
        {
            "image": shown.link,
            "fit": fit if fit != "crop" else None,
            "square": square,
            "stretch": shown.fitted.stretch or None,
            "ground": "black" if shown.fitted.ground == "black" else None,
        }
        if shown.link
        else {}
    )


def _viewer(classifier: Classifier, shown: ShownImage, *, key: str, ahead: Ahead | None) -> Settings:
    """The viewer with the settings that the visitor made on any source, or came with."""
    view = shown.result.view
    usual, choice = Settings(**view["settings"]), viewer(key)
    begun = usual.changed_by(settings_to_begin_with(choice)).known_to(view["blocks"])
    followed = settings_before(begun, key=choice.key).known_to(view["blocks"]).channel
    trace = None if followed is None else _trace(classifier, shown, *followed)
    payload = {**view, "settings": begun.as_dict(), "traces": True, "trace": trace}
    chosen = attention_viewer(payload, key=choice.key, ahead=ahead).known_to(view["blocks"])
    keep_settings(chosen, usual, without=["image"] if len(view["images"]) < 2 else [])
    return chosen


def _trace(classifier: Classifier, shown: ShownImage, block: str, channel: int) -> dict[str, Any]:
    """The feature maps of a channel as the viewer is given them, or why there are none."""
    try:
        return trace_as_dict(services.channel_map(classifier, shown.result.explanation, block, channel, own=shown.own))
    except CbamError as error:
        return {"block": block, "channel": channel, "failed": sentence(error)}
