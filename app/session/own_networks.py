"""A visitor's own networks: opened from files that they upload, kept to that visitor, gone with the session.

They lie in the session's state beside what was made with them, so that dropping one frees both; what they made of the
visitor's own images lies with those, in caches of the session that hold a few tens each. Results of networks that
ship are remembered for all visitors, elsewhere; see `app.services`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np

from app.session.choices import Choice, Remembered
from app.session.scheduling import slot
from app.streamlit_internals import this_session
from cbam_core.errors import CheckpointError
from cbam_core.explanation import explain
from cbam_core.network import Classifier, load_classifier
from cbam_core.places import shipped_checkpoints

MOST = 3
"""Networks that one visitor may keep; with `MOST_BYTES` a file, what a session can hold is bounded."""

MOST_BYTES = 10 * 2**20
"""Of one file: more than the largest registered network needs."""

SMALL = 64 * 64
"""Pixels of an input of which results are small: 50 KB each at most."""

REMEMBERED, FEWEST = 300, 4
"""Results that are kept of each network with small ones, and of any other; between, so many as 30 MB hold."""

NETWORK = Choice("network_name")
"""The widget by which the network of all pages is selected."""

Made = TypeVar("Made")


@dataclass
class _Own:
    """One network, and what was made with it."""

    classifier: Classifier
    results: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    means: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Shelf:
    """All networks of a visitor by name, and the one that was dropped last."""

    kept: dict[str, _Own] = field(default_factory=dict)
    dropped: tuple[str, _Own] | None = None


_SHELF = Remembered("own-networks", _Shelf)


def take(file_name: str, content: bytes, complete: Callable[[Classifier], Classifier] = lambda it: it) -> str:
    """Open a file and keep the network; the same file given twice counts once.

    Args:
        file_name: as the visitor's machine calls it; never trusted.
        content: a ``.safetensors`` checkpoint or a ``.pth`` state dict of a registered network.
        complete: adds what is known of a network to one that is kept.

    Returns:
        The network's name: the file's, with a number where another network has it.

    Raises:
        CheckpointError: the file is refused, or there are as many networks as may be.
        ModelError: the network does not answer with numbers.
    """
    shelf = _shelf()
    if len(content) > MOST_BYTES:
        raise CheckpointError(
            "own.too-large",
            "a checkpoint may have at most {limit} MB here, and this one has {size} MB; save only the weights, "
            "without the optimiser state",
            limit=MOST_BYTES // 2**20,
            size=f"{len(content) / 2**20:.1f}",
        )
    classifier = load_classifier(content, name=_free_name(file_name))
    width, height = classifier.input_size
    with slot():
        explain(classifier, np.full((height, width, 3), 128, np.uint8))  # one that cannot answer is of no use here
    for name, own in shelf.kept.items():
        if own.classifier.digest == classifier.digest:
            return name
    if len(shelf.kept) >= MOST:
        raise CheckpointError(
            "own.too-many",
            "at most {most} uploaded networks are kept at a time; remove one of {names} first",
            most=MOST,
            names=", ".join(shelf.kept),
        )
    shelf.kept[classifier.name] = _Own(complete(classifier))
    return classifier.name


def names() -> tuple[str, ...]:
    """The visitor's networks, in the order in which they came."""
    return tuple(_shelf().kept)


def find(name: str) -> Classifier | None:
    """A network of the visitor's own; None where they have none of that name."""
    own = _shelf().kept.get(name)
    return None if own is None else own.classifier


def is_own(classifier: Classifier) -> bool:
    """Whether a network is one of the visitor's own, also where more is known of that one by now."""
    found = find(classifier.name)
    return found is not None and found.digest == classifier.digest


def exchange(classifier: Classifier) -> Classifier:
    """Keep a network of the visitor's own of which more is known now, in the place of the one of its name; return it.

    Results that were made with the one before are forgotten.
    """
    own = _shelf().kept[classifier.name]
    own.classifier = classifier
    own.results.clear()
    return classifier


def drop(name: str) -> None:
    """Forget a network and all that was made with it; `restore` returns the last one."""
    shelf = _shelf()
    if name in shelf.kept:
        shelf.dropped = name, shelf.kept.pop(name)
        shelf.dropped[1].results.clear()
        shelf.dropped[1].means.clear()


def dropped() -> str | None:
    """Name of the network that `restore` would return."""
    shelf = _shelf()
    return None if shelf.dropped is None or len(shelf.kept) >= MOST else shelf.dropped[0]


def restore() -> str | None:
    """Restore the network that was dropped last; return its name."""
    shelf, name = _shelf(), dropped()
    if name is None or shelf.dropped is None:
        return None
    own = shelf.dropped[1]
    shelf.dropped = None
    shelf.kept[name] = own
    return name


def recall(classifier: Classifier, key: Hashable, make: Callable[[], Made]) -> Made:
    """A result of one of the visitor's own networks; it is made where it is not remembered."""
    results = _shelf().kept[classifier.name].results
    if key not in results:
        results[key] = make()
        while len(results) > _most_results(classifier):
            results.popitem(last=False)
    results.move_to_end(key)
    found: Made = results[key]
    return found


def means_of(classifier: Classifier) -> dict[str, Any]:
    """A place for what takes long to work out: it is not given up for results that are quickly made again."""
    return _shelf().kept[classifier.name].means


def _most_results(classifier: Classifier) -> int:
    width, height = classifier.input_size
    pixels = width * height
    return REMEMBERED if pixels <= SMALL else max(FEWEST, 600_000 // pixels)


def _shelf() -> _Shelf:
    if this_session() is None:
        return _Shelf()  # no visitor: the server is warming up
    return _SHELF.get()


def _free_name(file_name: str) -> str:
    """The file's name without its ending, with nothing in it that pages or files would make something of."""
    stem = PurePath(file_name.replace("\\", "/")).stem
    plain = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in stem)[:60].strip(".-") or "own"
    taken = {*shipped_checkpoints(), *_shelf().kept}
    if (last := _shelf().dropped) is not None:
        taken.add(last[0])
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
