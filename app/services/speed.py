"""How long a network takes for an image here: as work in the background took lately, else measured on a few images."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from statistics import median
from threading import Lock
from time import perf_counter
from typing import TypeVar

import streamlit as st

from app.services.dataset import samples
from app.services.networks import recall
from app.session.background import Steps
from app.session.scheduling import slot
from cbam_core.evaluation.survey import Survey
from cbam_core.network import Classifier

Result = TypeVar("Result")

SURVEY = "survey"
"""Showing images to a network, with its gates."""

FEW = 16
"""Images of a step that is measured."""

LONGEST = 0.5
"""Seconds after which no further step is measured."""

LATELY = 40
"""Steps of work in the background that are remembered."""


class Speeds:
    """Seconds an image of steps that were done lately, by what was done."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._steps: dict[str, deque[float]] = {}

    def note(self, work: str, seconds: float) -> None:
        """Note how long an image took."""
        with self._lock:
            self._steps.setdefault(work, deque(maxlen=LATELY)).append(seconds)

    def seconds(self, work: str) -> float | None:
        """Median of what was noted lately; None where nothing was."""
        with self._lock:
            known = self._steps.get(work)
            return median(known) if known else None


def seconds_an_image(classifier: Classifier) -> float:
    """How long a network takes for one image here, with its gates.

    Raises:
        CbamError: it does not answer with numbers, or its gates cannot be observed.
    """
    return seconds_lately(classifier, SURVEY) or recall(_seconds_an_image, classifier)


def seconds_lately(classifier: Classifier, work: str) -> float | None:
    """How long an image took in work of this kind; None where none was done since the server began.

    Args:
        classifier: the network.
        work: kind of work, as `timed` was given it.
    """
    return known_speeds().seconds(_key(classifier, work))


def timed(
    classifier: Classifier, work: str, steps: Steps[Result], now: Callable[[], float] = perf_counter
) -> Steps[Result]:
    """Do steps, whose parts are images, and note how long an image takes.

    Args:
        classifier: the network.
        work: kind of work.
        steps: the steps.
        now: gives the time, in seconds.
    """
    before = None
    while True:
        begun = now()
        try:
            done = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        if before is not None and done > before:
            known_speeds().note(_key(classifier, work), (now() - begun) / (done - before))
        before = done
        yield done


@cache
def known_speeds() -> Speeds:
    """What is known of this process, for all visitors."""
    return Speeds()


def _key(classifier: Classifier, work: str) -> str:
    return f"{work} {classifier.digest}"


@st.cache_data(max_entries=64, show_spinner=False)
def _seconds_an_image(network: tuple[str, str], _classifier: Classifier) -> float:
    with slot():
        return shortest_step(Survey(_classifier, replace(samples(), labels=None)))


def shortest_step(survey: Survey, now: Callable[[], float] = perf_counter) -> float:
    """Seconds an image of the fastest among a few steps: others are at work here too, which says nothing of a network.

    Args:
        survey: shows a network a few images at each step, of at least one.
        now: gives the time, in seconds.
    """
    found: list[float] = []
    first = begun = now()
    while not found or (survey.count < survey.total and now() - first < LONGEST):
        known = survey.count
        survey.step(FEW)
        ended = now()
        found.append((ended - begun) / (survey.count - known))
        begun = ended
    return min(found[1:] or found)  # the first forward of so many takes longer
