"""Is the mask where the object is? Four tests of the masks of a network, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Unpack

from cbam_core.arguments import COLLECTION, takes
from cbam_core.errors import CbamError, Message, ModelError
from cbam_core.evidence.deletion import deletion_steps
from cbam_core.evidence.masks import AnyImages, Pixels, opened
from cbam_core.evidence.mosaic import tile_steps
from cbam_core.evidence.randomised import randomised_steps
from cbam_core.evidence.shift import shift_steps
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.network import Classifier, Stated
from cbam_core.results.objects import TESTS, ObjectTests
from cbam_core.steps import Steps, finished, told_as

SHARES: Mapping[str, float] = MappingProxyType({"shift": 0.02, "tiles": 0.08, "deletion": 0.65, "randomised": 0.25})
"""Shares of the tests in the time of all."""


@takes(ModelError, tests=COLLECTION)
def object_tests(
    classifier: AnyNetwork,
    images: AnyImages,
    tests: Sequence[str] = TESTS,
    *,
    pixels: int | None = None,
    fill: str = "mean",
    seed: int = 0,
    report: Callable[[float], object] | None = None,
    **stated: Unpack[Stated],
) -> ObjectTests:
    """Test whether the masks of a network are where the object is.

    Args:
        classifier: a network, as `explain` takes it; it is not changed.
        images: an image, as `explain` takes it, several, or a data set.
        tests: codes of the tests: ``"shift"``, ``"tiles"``, ``"deletion"``, ``"randomised"``.
        pixels: how far images are moved, see `cbam_core.evidence.shift.shift_test`.
        fill: what comes in where content moved away, see there.
        seed: seed of everything that is drawn at random.
        report: called with the share of the work that is done, in [0, 1].
        **stated: what is known about the network, as for `explain`.

    Returns:
        The results; a test that a network does not allow is left out, with its reason.

    Raises:
        CaptureError: the network has no spatial mask.
        CbamError: as for `explain`.
    """
    network, found = opened(classifier, images, stated)
    return finished(object_steps(network, found, tests, pixels=pixels, fill=fill, seed=seed), report)


def object_steps(
    network: Classifier,
    images: list[Pixels],
    tests: Sequence[str] = TESTS,
    *,
    pixels: int | None = None,
    fill: str = "mean",
    seed: int = 0,
    workers: int = 1,
) -> Steps[ObjectTests]:
    """Make the tests in steps; arguments as `object_tests`, with images of the network's input size.

    Args:
        network: the network.
        images: the images.
        tests: codes of the tests.
        pixels: how far images are moved.
        fill: what comes in where content moved away.
        seed: seed of everything that is drawn at random.
        workers: number of batches that go through the network side by side.
    """
    works: Mapping[str, Callable[[], Steps[Any]]] = {
        "shift": lambda: shift_steps(network, images, pixels, fill),
        "tiles": lambda: tile_steps(network, images, seed=seed, workers=workers),
        "deletion": lambda: deletion_steps(network, images, seed=seed, workers=workers),
        "randomised": lambda: randomised_steps(network, images, seed=seed, workers=workers),
    }
    _check(tests)
    results: dict[str, Any] = {}
    left_out: dict[str, Message] = {}
    whole, before = sum(SHARES[name] for name in tests), 0.0
    for name in tests:
        try:
            steps = works[name]()
            results[name] = yield from told_as(steps, partial(_of_all, before / whole, SHARES[name] / whole))
        except CbamError as error:
            if name == "shift":  # what is wrong with its settings, the user can correct
                raise
            left_out[name] = error.message
        before += SHARES[name]
    return ObjectTests(network.name, len(images), **results, left_out=left_out)


def _check(tests: Sequence[str]) -> None:
    unknown = [name for name in tests if name not in TESTS]
    if unknown or not tests:
        raise CbamError(
            "objects.unknown-test",
            "unknown test '{test}'; expected some of {known}",
            test=str(next(iter(unknown), ""))[:40],
            known=", ".join(TESTS),
        )


def _of_all(start: float, share: float, done: float) -> float:
    """Return the share of all tests that is done, where one of them is done in part."""
    return start + share * done
