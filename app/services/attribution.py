"""What mattered for an answer by several methods: quick maps at once, the others in the background of a visit."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from app.services.images import FOR_ALL, FOR_ONE
from app.services.networks import key_of
from app.services.speed import seconds_an_image
from app.session import background, own_networks
from app.session.background import Work, Works
from app.session.choices import Remembered
from app.session.scheduling import slot
from cbam_core.errors import CbamError
from cbam_core.evidence.attributing import attribution_steps
from cbam_core.evidence.by_captum import IG_STEPS
from cbam_core.evidence.gate_attribution import STEPS, is_affordable
from cbam_core.evidence.subject import Subject, subject_of
from cbam_core.network import Classifier
from cbam_core.results.attribution import Attribution
from cbam_core.results.explanation import Explanation
from cbam_core.results.methods import METHODS
from cbam_core.steps import finished

Part = Literal["maps", "gates"]
"""What is computed: all maps, or the attributions of all gates."""

QUICK = ("mask", "mask_gradient")
"""Maps that take one forward and one backward pass."""

BACKWARD = 3.0
"""Time of a forward and a backward pass, over that of a forward."""

SOON = 6.0
"""Seconds of work that is begun without being asked for."""

KEPT = 24
"""Results of one visitor that are kept."""


@dataclass(frozen=True)
class Asked:
    """What is asked about.

    Attributes:
        classifier: the network.
        explanation: explanation of the image by it.
        index: index of the class.
        own: whether the image is the visitor's own, whose results are kept for them alone.
    """

    classifier: Classifier
    explanation: Explanation
    index: int
    own: bool

    @property
    def key(self) -> tuple[tuple[str, str], str, int]:
        """What distinguishes results from those of other images, networks and classes."""
        seen = hashlib.sha256(self.explanation.input_image.tobytes()).hexdigest()
        return key_of(self.classifier), seen, self.index

    @property
    def is_private(self) -> bool:
        """Whether results are kept for this visitor alone."""
        return self.own or own_networks.is_own(self.classifier)

    @property
    def subject(self) -> Subject:
        """What the library asks about."""
        return subject_of(self.classifier, self.explanation, target=self.index, stated={})


_WORKS: Works[tuple[Part, object], Attribution] = Works("attributing", lambda about: about, alone=True)
_OWN: Remembered[dict[object, Attribution]] = Remembered("attributions", dict)


def quick_maps(asked: Asked) -> Attribution:
    """The maps that take one pass through the network, and how much they agree.

    Raises:
        CbamError: the network has no classes, or does not compute with the image.
    """
    return (_quick_for_one if asked.is_private else _quick_for_all)(*asked.key, asked)


def attribution(asked: Asked, part: Part) -> Attribution | None:
    """What was found; None where it is not known yet."""
    work = attributing(asked, part)
    if work is not None and work.result is not None:
        _keep(asked, part, work.result)
        _WORKS.cancel((part, asked.key))
    return _place(asked, part).get((part, asked.key))


def attributing(asked: Asked, part: Part) -> Work[Attribution] | None:
    """The work that goes on, was stopped, or went wrong; None where there is none about this."""
    return _WORKS.work((part, asked.key))


def begin_attributing(asked: Asked, part: Part) -> None:
    """Begin the work in the background of this visit; what went on about anything else is cancelled."""
    methods = METHODS if part == "maps" else ()
    total = len(methods) or max(1, sum(len(block.gates) for block in asked.explanation.blocks))
    steps = _steps(asked, methods, gates=part == "gates")
    _WORKS.begin((part, asked.key), lambda: background.begin(steps, total))


def stop_attributing() -> None:
    """End what goes on, and keep in mind that it is not wanted; forget what failed."""
    for about, work in _WORKS.all():
        work.cancel()
        if work.error is not None:
            _WORKS.cancel(about)


def seconds_of_attributing(asked: Asked, part: Part) -> float:
    """How long the work takes here, about, if nobody else uses this server."""
    try:
        one = seconds_an_image(asked.classifier)
    except CbamError:  # its gates cannot be observed
        return SOON
    with slot():
        subject = asked.subject
    if part == "maps":
        return one * (BACKWARD * (IG_STEPS + 2) + (225 if subject.pixels <= 64 * 64 else 64))
    gates = [gate for block in asked.explanation.blocks for gate in block.gates]
    entries = sum(gate.values.size for gate in gates) if is_affordable(subject) else 0
    return one * (BACKWARD * (STEPS + 2) * len(gates) + entries / 2)


def _steps(asked: Asked, methods: tuple[str, ...], *, gates: bool) -> Generator[int, None, Attribution]:
    return (yield from attribution_steps(asked.subject, methods, gates=gates))


def _keep(asked: Asked, part: Part, found: Attribution) -> None:
    place = _place(asked, part)
    place[part, asked.key] = found
    while len(place) > KEPT:
        del place[next(iter(place))]


def _place(asked: Asked, part: Part) -> dict[object, Attribution]:
    """Where results are kept: those of one image and network for all visitors, or some of a visitor's own."""
    return _OWN.get() if asked.is_private else _remembered(part, *asked.key)


@st.cache_resource(max_entries=400, show_spinner=False)
def _remembered(part: Part, network: tuple[str, str], seen: str, index: int) -> dict[object, Attribution]:
    """A place to remember a result in."""
    return {}


def _quick(network: tuple[str, str], seen: str, index: int, _asked: Asked) -> Attribution:
    with slot():
        return finished(attribution_steps(_asked.subject, QUICK, gates=False))


_quick_for_all = st.cache_data(max_entries=1000, max_size=FOR_ALL, show_spinner=False)(_quick)
_quick_for_one = st.cache_data(max_entries=32, max_size=FOR_ONE, scope="session", show_spinner=False)(_quick)
