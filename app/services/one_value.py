"""What one value of a gate is worth for answers: a few images at once, a slice in the background of a visit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Int64

from app.services.atlas import numbers_in_pages
from app.services.dataset import labelled_as, samples, test_set
from app.services.networks import key_of, recall
from app.services.speed import seconds_an_image
from app.session import background
from app.session.background import Work, Works
from app.session.scheduling import slot
from cbam_core.atlas.atlas import Atlas
from cbam_core.data.corruption import corrupted, read_corruption
from cbam_core.data.dataset import Dataset
from cbam_core.evidence.one_value import Replaced, replace_value
from cbam_core.network import Classifier
from cbam_core.steps import finished

SOON = 1.5
"""Seconds up to which a few images are computed while the page is drawn."""


@dataclass(frozen=True)
class OneValue:
    """One value of a gate, and what stands in its place.

    Attributes:
        gate: name of the gate.
        place: index of the value in it.
        constant: what every image has there instead.
    """

    gate: str
    place: int
    constant: float


@dataclass(frozen=True)
class Located:
    """Images of an atlas that are on this server.

    Attributes:
        source: ``"test"`` or ``"sample"``.
        numbers: their numbers there.
        changed: what was done to them, such as ``"blur:3"``; "" for nothing.
    """

    source: str
    numbers: tuple[int, ...]
    changed: str


_WORKS: Works[tuple[str, ...], Replaced] = Works("one-value", lambda about: about, alone=True)


def located(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> Located | None:
    """Where images of an atlas are on this server; None where not all of them are.

    Args:
        atlas: the atlas.
        images: their indices in it.
    """
    source, numbers = numbers_in_pages(atlas)
    if not len(images) or (numbers[images] < 0).any():
        return None
    changed = atlas.facts.get("images", {}).get("corruption", "") if atlas.facts else ""
    return Located(source, tuple(numbers[images].tolist()), str(changed))


def worth_of(classifier: Classifier, value: OneValue, few: Located) -> Replaced | None:
    """What changes for a few images; None where that takes too long to wait for.

    Raises:
        EditError: the network has no such gate, or not so many values.
    """
    if len(few.numbers) * 2 * seconds_an_image(classifier) > SOON:
        return None
    return recall(_worth, classifier, value, few)


@st.cache_data(max_entries=500, show_spinner=False)
def _worth(network: tuple[str, str], value: OneValue, few: Located, _classifier: Classifier) -> Replaced:
    with slot():
        return finished(replace_value(_classifier, *_images(_classifier, few), value.gate, value.place, value.constant))


def worth_work(classifier: Classifier, value: OneValue, many: Located) -> Work[Replaced] | None:
    """What is being worked out, or was, for these images; None where nothing is."""
    return _WORKS.work(_key(classifier, value, many))


def begin_worth(classifier: Classifier, value: OneValue, many: Located) -> None:
    """Begin to work out what changes for many images, in the background of this visit."""
    steps = replace_value(classifier, *_images(classifier, many), value.gate, value.place, value.constant)
    _WORKS.begin(_key(classifier, value, many), lambda: background.begin(steps, len(many.numbers)))


def cancel_worth() -> None:
    """End that work, and forget what it found."""
    _WORKS.end()


def worth_seconds(classifier: Classifier, many: Located) -> float:
    """How long it takes for many images, if nobody else uses this server."""
    return 2 * seconds_an_image(classifier) * len(many.numbers)


def _key(classifier: Classifier, value: OneValue, many: Located) -> tuple[str, ...]:
    return (*key_of(classifier), hashlib.sha256(repr((value, many)).encode()).hexdigest())


def _images(classifier: Classifier, here: Located) -> tuple[Dataset, Int64[np.ndarray, " n"]]:
    """The set that images are in, with what was done to it, and their numbers."""
    images = labelled_as(classifier, (test_set() if here.source == "test" else None) or samples())
    if here.changed:
        done = read_corruption(here.changed)
        images = corrupted(images, done.kind, done.level)
    return images, np.array(here.numbers, np.int64)
