"""A visitor's own networks: opened from files that they upload, kept to that visitor, gone with the session.

They lie in the session's state beside what was made with them, so that dropping one frees both; what they made of the
visitor's own images lies with those, in caches of the session that hold a few tens each. Results of networks that
ship are remembered for all visitors, elsewhere; see `app.services`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final, TypeVar

import numpy as np

from app.session.choices import Choice, Remembered
from app.session.scheduling import slot
from app.streamlit_internals import this_session
from cbam_core.errors import CheckpointError
from cbam_core.explanation import explain
from cbam_core.network import Classifier, load_checkpoint, state
from cbam_core.nn.registry import find as architecture
from cbam_core.places import shipped_checkpoints
from cbam_core.weights import MAX_FILE_BYTES

MOST = 3
"""Networks that one visitor may keep; with `MOST_BYTES` a file, what a session can hold is bounded."""

MOST_BYTES = MAX_FILE_BYTES
"""Of one file: many hold an optimiser's state, which is several times as large as the weights."""

MOST_WEIGHTS = 4
"""Weights that are kept of one file, such as plain and averaged ones."""

MOST_MEGABYTES_TOGETHER: Final = 1000
"""Of the weights that all visitors keep; the environment's ``CBAM_NETWORKS_MEGABYTES`` decides otherwise."""

TOGETHER_VARIABLE: Final = "CBAM_NETWORKS_MEGABYTES"

SMALL = 64 * 64
"""Pixels of an input of which results are small: 50 KB each at most."""

REMEMBERED, FEWEST = 300, 4
"""Results that are kept of each network with small ones, and of any other; between, so many as 30 MB hold."""

NETWORK = Choice("network_name")
"""The widget by which the network of all pages is selected."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Statement:
    """What the owner of a network states about it; None leaves what its file says, or what is assumed.

    Attributes:
        weights: name of the weights in the file.
        classes: names of the classes, in the order of the outputs.
        normalisation: name of a usual pair of mean and deviation, or the pair.
        input_size: side in pixels.
    """

    weights: str | None = None
    classes: tuple[str, ...] | None = None
    normalisation: str | tuple[tuple[float, ...], tuple[float, ...]] | None = None
    input_size: int | None = None

    def about(self, classifier: Classifier) -> Classifier:
        """Make the network of which all this is so.

        Raises:
            CheckpointError: it does not fit the network.
        """
        return state(classifier, classes=self.classes, normalisation=self.normalisation, input_size=self.input_size)


NOTHING = Statement()


@dataclass(eq=False)
class _Own:
    """One network, the weights that its file has, what its owner states, and what was made with it."""

    classifier: Classifier
    in_file: Mapping[str, Classifier]
    statement: Statement = NOTHING
    results: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    means: dict[str, Any] = field(default_factory=dict)

    @property
    def megabytes(self) -> float:
        """Of all its weights."""
        tensors = (tensor for each in self.in_file.values() for tensor in each.model.state_dict().values())
        return sum(int(tensor.nbytes) for tensor in tensors) / 2**20


@dataclass
class _Shelf:
    """All networks of a visitor by name, and the one that was dropped last."""

    kept: dict[str, _Own] = field(default_factory=dict)
    dropped: tuple[str, _Own] | None = None


_SHELF = Remembered("own-networks", _Shelf)

_OF_ALL: weakref.WeakSet[_Own] = weakref.WeakSet()
_LOCK = threading.Lock()
# What all visitors keep, to bound the sum.


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
    with slot():
        opened = _open(content, _free_name(file_name))
    classifier = next(iter(opened.values()))
    for name, kept in shelf.kept.items():
        if next(iter(kept.in_file.values())).digest == classifier.digest:
            return name
    if len(shelf.kept) >= MOST:
        raise CheckpointError(
            "own.too-many",
            "at most {most} uploaded networks are kept at a time; remove one of {names} first",
            most=MOST,
            names=", ".join(shelf.kept),
        )
    own = _Own(classifier, opened)
    _count(own)
    own.classifier = complete(classifier)
    shelf.kept[classifier.name] = own
    return classifier.name


def _open(content: bytes, name: str) -> dict[str, Classifier]:
    """Open a file with each of the weights in it, those that are taken by default first."""
    first = load_checkpoint(content, name=name)
    _check_answer(first)
    known = ("",) if first.source is None else first.source.known[:MOST_WEIGHTS] or ("",)
    return {known[0]: first} | {each: load_checkpoint(content, name=name, weights=each) for each in known[1:]}


def _check_answer(classifier: Classifier) -> None:
    """Have a network explain an image: one that cannot answer is of no use here."""
    width, height = classifier.input_size
    explain(classifier, np.full((height, width, 3), 128, np.uint8))


def _count(own: _Own) -> None:
    """Count a network among those of all visitors, where there is room for it."""
    asked = os.environ.get(TOGETHER_VARIABLE, "")
    most = int(asked) if asked.isdecimal() and int(asked) else MOST_MEGABYTES_TOGETHER
    with _LOCK:
        if sum(each.megabytes for each in _OF_ALL) + own.megabytes > most:
            raise CheckpointError(
                "own.server-full",
                "the memory that this server reserves for uploaded networks is full; try again in a few minutes",
            )
        _OF_ALL.add(own)


def make_statement(
    name: str, statement: Statement, complete: Callable[[Classifier], Classifier] = lambda it: it
) -> None:
    """State something about a network; results that were made before are forgotten.

    Args:
        name: of one of the visitor's own.
        statement: all that is stated; `NOTHING` goes back to what the file says.
        complete: adds what is known of a network to one that is kept.

    Raises:
        CheckpointError: the statement does not fit the network, or the network is not there any more.
        ModelError: the network does not answer with numbers.
    """
    own = _shelf().kept.get(name)
    if own is None:
        raise CheckpointError("checkpoint.gone", "the network {name} is no longer there", name=name)
    first = next(iter(own.in_file))
    classifier = statement.about(own.in_file.get(statement.weights or first, own.in_file[first]))
    with slot():
        _check_answer(classifier)
    own.classifier, own.statement = complete(classifier), statement
    own.results.clear()
    own.means.clear()


def statement_about(name: str) -> Statement:
    """What the visitor states about a network; `NOTHING` of one that is not their own."""
    own = _shelf().kept.get(name)
    return NOTHING if own is None else own.statement


def sides_of(classifier: Classifier) -> range:
    """Sides in pixels of images that a network of a registered architecture takes."""
    return architecture(classifier.architecture).sides_with(classifier.arguments)


def in_file(name: str) -> Mapping[str, Classifier]:
    """A network as its file says it, by the names of the weights in it, those that are taken by default first."""
    own = _shelf().kept.get(name)
    return {} if own is None else own.in_file


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
