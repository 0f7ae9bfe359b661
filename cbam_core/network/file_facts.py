"""What a file of weights says beside them about a network of one's own: class names, mean, deviation, input size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from cbam_core.errors import Message
from cbam_core.network.statement import MOST_SIDE, Statement
from cbam_core.nn.head import outputs_of_head
from cbam_core.weights.facts import find_facts, unfit_facts
from cbam_core.weights.file import WeightsFile
from cbam_core.weights.finding import listed


def completed(given: Statement, model: nn.Module, file: WeightsFile) -> tuple[Statement, tuple[Message, ...]]:
    """Complete what an owner states with what the file of the weights says; remark on what was taken or is unfit.

    Args:
        given: what the owner states, which counts more.
        model: the network; a list of another length than its outputs is about something else.
        file: the file of its weights.
    """
    count = _names_of(model)
    facts = find_facts(file.contents.facts, count)
    said: dict[str, Any] = {
        "classes": facts.classes,
        "normalisation": None if facts.mean is None or facts.std is None else (facts.mean, facts.std),
        "input_size": facts.input_size if _is_size(facts.input_size) else None,
    }
    taken = {name: value for name, value in said.items() if value is not None and getattr(given, name) is None}
    keys = {"classes": ("classes",), "normalisation": ("mean", "std"), "input_size": ("input_size",)}
    sources = dict.fromkeys(facts.sources[key] for name in taken for key in keys[name])
    unused = (*_unused(given, file, count), *_unused_size(given, facts.input_size))
    if not taken:
        return given, unused
    used = Message(
        "checkpoint.stated",
        "what the file says about its network beside the weights was used: {names}",
        {"names": listed(sources)},
    )
    return replace(given, **taken), (used, *unused)


def _unused(given: Statement, file: WeightsFile, count: int) -> tuple[Message, ...]:
    """Return remarks on what the file says and cannot be so, unless the owner states it or no layer tells."""
    unfit = {message.code: message for message in unfit_facts(file.contents.facts, count).values()}
    about_classes = {code for code in unfit if code != "checkpoint.other-normalisation"}
    known = about_classes if given.classes is not None or not count else set()
    if given.normalisation is not None:
        known = known | {"checkpoint.other-normalisation"}
    return tuple(message for code, message in unfit.items() if code not in known)


def _unused_size(given: Statement, size: tuple[int, int] | None) -> Iterator[Message]:
    if size is not None and given.input_size is None and not _is_size(size):
        yield Message(
            "network.unfit-size",
            "the file's input size ({width}×{height}) is not used, for a side has 1 to {most} pixels: state the right "
            "one",
            {"width": size[0], "height": size[1], "most": MOST_SIDE},
        )


def _names_of(model: nn.Module) -> int:
    """Return the number of class names that fit the last layer: two for one output, 0 where no layer is the last."""
    outputs = outputs_of_head(model)
    return 2 if outputs == 1 else outputs


def _is_size(size: tuple[int, int] | None) -> bool:
    return size is not None and all(0 < side <= MOST_SIDE for side in size)
