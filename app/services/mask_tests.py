"""Tests of whether masks lie where the object is: at once where that is quick, else in the background of a visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import streamlit as st

from app.services.dataset import samples
from app.services.networks import key_of
from app.services.speed import seconds_an_image
from app.services.what_if import seen
from app.session import background, own_networks
from app.session.background import Work, Works
from app.session.choices import Remembered
from app.session.scheduling import slot
from cbam_core.errors import CbamError
from cbam_core.evidence.deletion import deletion_steps
from cbam_core.evidence.masks import with_masks
from cbam_core.evidence.mosaic import tile_steps, widened
from cbam_core.evidence.randomised import randomised_steps
from cbam_core.evidence.shift import shift_steps
from cbam_core.network import Classifier
from cbam_core.observing import fitted
from cbam_core.results.explanation import Explanation
from cbam_core.steps import Steps, finished

Test = Literal["shift", "tiles", "deletion", "randomised"]
"""One of the tests."""

QUICK = 0.3
"""Seconds up to which a test is made without being asked for."""

KEPT = 24
"""Results that a visit keeps, the newest."""

FORWARDS: Mapping[Test, int] = {"shift": 5, "tiles": 60, "deletion": 1000, "randomised": 90}
"""About how many images of the input's size each test shows the network for one image."""

FORWARDS_OF_MANY: Mapping[Test, int] = {"shift": 5, "tiles": 26, "deletion": 250, "randomised": 90}
"""The same for each of many images."""

_STEPS: Mapping[Test, Callable[..., Steps[Any]]] = {
    "shift": shift_steps,
    "tiles": tile_steps,
    "deletion": deletion_steps,
    "randomised": randomised_steps,
}

Key = tuple[str, ...]
_RESULTS: Remembered[dict[Key, Any]] = Remembered("mask-tests", dict)
_WORKS: Works[Key, Any] = Works("mask-tests-at-work", lambda key: key)


def mask_test(test: Test, classifier: Classifier, explanation: Explanation | None) -> Any:
    """The result of a test; None where it is not known.

    Args:
        test: which test.
        classifier: the network.
        explanation: of the image; None for the bundled images.

    Raises:
        CbamError: the network does not allow the test.
    """
    key = _key(test, classifier, explanation)
    shared = _shared(classifier)
    found = shared.get(key) or _RESULTS.get().get(key)
    if found is None and test == "tiles" and _WORKS.work(key) is None:
        with slot():
            widened(classifier)
    if found is None and explanation is not None and _seconds(test, classifier, 1) < QUICK:
        with slot():
            found = finished(_begin(test, classifier, explanation))
        _keep(key, found)
    return found


def mask_test_seconds(test: Test, classifier: Classifier, explanation: Explanation | None) -> float:
    """About how long a test takes here."""
    return _seconds(test, classifier, 1 if explanation is not None else len(samples()))


def mask_test_at_work(test: Test, classifier: Classifier, explanation: Explanation | None) -> Work[Any] | None:
    """The test that goes on in this visit, or that went wrong; None where there is none."""
    return _WORKS.work(_key(test, classifier, explanation))


def begin_mask_test(test: Test, classifier: Classifier, explanation: Explanation | None) -> None:
    """Begin a test in the background of this visit."""
    _WORKS.keep(_key(test, classifier, explanation), background.begin_shares(_begin(test, classifier, explanation)))


def cancel_mask_test(test: Test, classifier: Classifier, explanation: Explanation | None) -> None:
    """End a test, and forget what it found so far, or why it failed."""
    _WORKS.cancel(_key(test, classifier, explanation))


def take_in_mask_tests(classifier: Classifier) -> None:
    """Keep the results of the tests that have been finished since the page was drawn last."""
    for key, found in _WORKS.take_finished():
        if key[-1] == "set" and not own_networks.is_own(classifier) and key[1:3] == key_of(classifier):
            _shared(classifier)[key] = found
        else:
            _keep(key, found)


def _keep(key: Key, result: Any) -> None:
    kept = [*_RESULTS.get().items()][-(KEPT - 1) :]
    _RESULTS.set(dict([*kept, (key, result)]))


def _key(test: Test, classifier: Classifier, explanation: Explanation | None) -> Key:
    return test, *key_of(classifier), "set" if explanation is None else seen(explanation)


def _begin(test: Test, classifier: Classifier, explanation: Explanation | None) -> Steps[Any]:
    """Make a test in steps, all of which take place in slots; the network's classes are those of its answers."""
    classes = classifier.classes if explanation is None else explanation.classes
    if explanation is not None:
        images = [np.array(explanation.input_image)]
    else:
        images = fitted(classifier, samples().images, slice(0, len(samples())))
    return (yield from _STEPS[test](with_masks(classifier, images, classes), images))


def _seconds(test: Test, classifier: Classifier, count: int) -> float:
    try:
        each = seconds_an_image(classifier)
    except CbamError:  # it does not answer with numbers
        each = 1.0
    return each * count * (FORWARDS if count == 1 else FORWARDS_OF_MANY)[test]


def _shared(classifier: Classifier) -> dict[Key, Any]:
    """Results over the bundled images, for all visitors; those of own networks are kept for the visit alone."""
    return {} if own_networks.is_own(classifier) else _remembered(key_of(classifier))


@st.cache_resource(max_entries=32, show_spinner=False)
def _remembered(network: tuple[str, str]) -> dict[Key, Any]:
    """A place to remember them in."""
    return {}
