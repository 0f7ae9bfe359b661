"""What a network made of samples, test images and uploads, as the page shows it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from app.services.dataset import about_sample, labelled_as, open_test_set, operators_set, samples
from app.services.networks import evaluation_of, key_of, recall
from app.services.prediction import prediction_data, preview_of
from app.session import own_networks
from app.session.scheduling import slot
from app.session.uploads import Fitted, Upload
from app.session.words import language
from cbam_core.data.dataset import Dataset
from cbam_core.data.fitting import decode_to_fit, whole_picture
from cbam_core.data.images import DecodedImage, decode
from cbam_core.data.sequences import ImageFiles, ImageSequence
from cbam_core.errors import TrainingError
from cbam_core.evaluation.selection import is_of
from cbam_core.explanation import explain, explain_block, explain_channel, trace_gate
from cbam_core.network import Classifier
from cbam_core.results.block_trace import BlockTrace
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.explanation import ChannelMap, Explanation
from cbam_core.results.frame import Square
from cbam_core.results.gate_trace import GateTrace
from cbam_core.results.look import Reading
from cbam_core.viewer import Settings, lay_out
from cbam_core.viewer.payload import LONGEST

AHEAD = own_networks.SMALL
"""Pixels of a network's input up to which results are sent ahead: about 3 MB then, of a hundred images."""

FOR_ALL, FOR_ONE = "100MB", "30MB"
"""Of each kind of result at most: of those that all visitors share, and of those of one visitor's own images."""

FIRST_READING: Reading = "relative"
"""Reading of the gates that Inspect opens with; docs/readings.md says why."""

FIRST_SHARE = 0.7
"""Side of the square offered first, as a share of the shorter side: small enough to be seen to be movable."""


@dataclass(frozen=True)
class ImageResult:
    """One image, ready for the page.

    Attributes:
        explanation: what the network did with it.
        view: what the attention viewer is given.
        preview: a photo as a file for the browser; None where the image is the network's input itself.
    """

    explanation: Explanation
    view: dict[str, Any]
    preview: bytes | None


def show_sample(classifier: Classifier, index: int) -> ImageResult:
    """A bundled image, explained.

    Args:
        classifier: the network.
        index: of the image in the sample sheet.
    """
    return recall(_shown_sample, classifier, index)


def samples_ahead(classifier: Classifier) -> str:
    """The results of all bundled images, in the session's language, for `app.widgets.prefetch`.

    None of a network that takes large images: there would be too much to send.
    """
    width, height = classifier.input_size
    if width * height > AHEAD or operators_set() is not None:
        return "[]"
    return recall(_samples_ahead, classifier, language())


def show_test_image(classifier: Classifier, index: int) -> ImageResult:
    """An image of the test set, explained.

    Args:
        classifier: the network.
        index: of the image.

    Raises:
        DataError: the test set is not there.
    """
    return recall(_shown_test_image, classifier, index)


def kept_answers(classifier: Classifier, test: Dataset) -> Evaluation | None:
    """What the network answered for the test images; None where that was not kept, or its classes are others."""
    try:
        found = evaluation_of(classifier)
    except TrainingError:
        return None
    told = labelled_as(classifier, test)
    return found if found.classes == told.classes and is_of(found, told.known_labels) else None


def show_upload(classifier: Classifier, upload: Upload, fitted: Fitted) -> ImageResult:
    """An uploaded image, explained.

    Args:
        classifier: the network.
        upload: the file; results are kept under its digest.
        fitted: how it is fitted to the network's input.

    Raises:
        ImageError: the file is no image, or cannot be fitted.
    """
    return _shown_upload(key_of(classifier), upload.digest, fitted, classifier, upload.content)


def channel_map(classifier: Classifier, explanation: Explanation, block: str, channel: int, *, own: bool) -> ChannelMap:
    """One channel's feature map of an image that was explained.

    Args:
        classifier: the network.
        explanation: of the image.
        block: name of a block with channel weights.
        channel: number of the channel.
        own: whether the image is the visitor's own, whose results are kept for them alone.

    Raises:
        CaptureError: there is no such block or channel.
    """
    seen = hashlib.sha256(explanation.input_image.tobytes()).hexdigest()
    remembered = _map_for_one if own or own_networks.is_own(classifier) else _map_for_all
    return remembered(key_of(classifier), seen, block, channel, classifier, explanation)


def block_trace(classifier: Classifier, explanation: Explanation, block: str, *, own: bool) -> BlockTrace:
    """What one block did with an image that was explained; see `channel_map`."""
    seen = hashlib.sha256(explanation.input_image.tobytes()).hexdigest()
    remembered = _block_for_one if own or own_networks.is_own(classifier) else _block_for_all
    return remembered(key_of(classifier), seen, block, classifier, explanation)


def gate_trace(classifier: Classifier, explanation: Explanation, gate: str, *, own: bool) -> GateTrace:
    """How a gate of an image that was explained came about; see `channel_map`."""
    seen = hashlib.sha256(explanation.input_image.tobytes()).hexdigest()
    remembered = _gate_for_one if own or own_networks.is_own(classifier) else _gate_for_all
    return remembered(key_of(classifier), seen, gate, classifier, explanation)


# Streamlit leaves arguments that start with an underscore out of the key; the digests stand for them.
@st.cache_data(max_entries=2000, max_size=FOR_ALL, show_spinner=False)
def _shown_sample(network: tuple[str, str], index: int, _classifier: Classifier) -> ImageResult:
    with slot():
        return _shown(_classifier, _decoded(_classifier, samples().images, index), Fitted())


def _decoded(classifier: Classifier, images: ImageSequence, index: int) -> DecodedImage:
    """One of many images, in as much detail as its file has and the page needs."""
    if isinstance(images, ImageFiles):
        return decode_to_fit(images.paths[index], classifier.input_size)
    return decode(np.ascontiguousarray(images[index]))


@st.cache_data(max_entries=2000, max_size=FOR_ALL, show_spinner=False)
def _shown_test_image(network: tuple[str, str], index: int, _classifier: Classifier) -> ImageResult:
    images = open_test_set().images
    with slot():
        return _shown(_classifier, _decoded(_classifier, images, index), Fitted())


@st.cache_data(max_entries=8, show_spinner=False)
def _samples_ahead(network: tuple[str, str], language: str, _classifier: Classifier) -> str:
    results = []
    for index in range(len(samples())):
        shown = show_sample(_classifier, index)
        said = about_sample(index)
        about = prediction_data(shown.explanation, caption=said.caption, truth=said.truth)
        rgb = about["picture"].pop("rgb")
        image = {name: shown.view["images"][0][name] for name in ("id", "width", "height", "pixelated", "seen")}
        view = {"blocks": [_without_usual(block) for block in shown.view["blocks"]], "image": image}
        results.append({"prediction": about, "view": view, "rgb": rgb})
    return json.dumps(results, separators=(",", ":"))


def _without_usual(block: dict[str, Any]) -> dict[str, Any]:
    """A block as the viewer is given it, without what is the same for every image; the browser has that already."""
    gates = {part: block[part] for part in ("mask", "weights") if block[part] is not None}
    return block | {part: {name: gate[name] for name in gate if name != "usual"} for part, gate in gates.items()}


@st.cache_data(max_entries=32, max_size=FOR_ONE, scope="session", show_spinner=False)
def _shown_upload(
    network: tuple[str, str],
    digest: str,
    fitted: Fitted,
    _classifier: Classifier,
    _content: bytes,
) -> ImageResult:
    with slot():
        image = decode_to_fit(
            _content,
            _classifier.input_size,
            fitted.fit,
            square=fitted.square or _middle,
            stretch=fitted.stretch,
            ground=fitted.ground,
        )
        if fitted.fit == "square" and fitted.square is None:
            fitted = replace(fitted, square=_middle(*image.grid.size))
        return _shown(_classifier, image, fitted)


def _middle(width: int, height: int) -> Square:
    """The square that is offered first."""
    side = max(1.0, FIRST_SHARE * min(width, height))
    return (width - side) / 2, (height - side) / 2, side


def _shown(classifier: Classifier, image: DecodedImage, fitted: Fitted) -> ImageResult:
    explanation = explain(classifier, image, fitted.fit, square=fitted.square)
    same = np.array_equal(image.pixels, explanation.input_image)
    original = None if same else whole_picture(image, LONGEST)
    view = lay_out(
        explanation.input_image,
        explanation.frame,
        explanation.blocks,
        original=original,
        settings=Settings(image="input" if same else "original", reading=FIRST_READING),
    )
    return ImageResult(explanation, view.as_dict(), None if original is None else preview_of(original))


def _channel_map(
    network: tuple[str, str],
    seen: str,
    block: str,
    channel: int,
    _classifier: Classifier,
    _explanation: Explanation,
) -> ChannelMap:
    with slot():
        return explain_channel(_classifier, _explanation, block, channel)


_map_for_all = st.cache_data(max_entries=2000, max_size=FOR_ALL, show_spinner=False)(_channel_map)
_map_for_one = st.cache_data(max_entries=64, max_size=FOR_ONE, scope="session", show_spinner=False)(_channel_map)


def _block_trace(
    network: tuple[str, str], seen: str, block: str, _classifier: Classifier, _explanation: Explanation
) -> BlockTrace:
    with slot():
        return explain_block(_classifier, _explanation, block)


_block_for_all = st.cache_data(max_entries=500, max_size=FOR_ALL, show_spinner=False)(_block_trace)
_block_for_one = st.cache_data(max_entries=16, max_size=FOR_ONE, scope="session", show_spinner=False)(_block_trace)


def _gate_trace(
    network: tuple[str, str], seen: str, gate: str, _classifier: Classifier, _explanation: Explanation
) -> GateTrace:
    with slot():
        return trace_gate(_classifier, _explanation, gate)


_gate_for_all = st.cache_data(max_entries=500, max_size=FOR_ALL, show_spinner=False)(_gate_trace)
_gate_for_one = st.cache_data(max_entries=16, max_size=FOR_ONE, scope="session", show_spinner=False)(_gate_trace)
