"""What a file of weights says beside them about a network of one's own: class names, mean, deviation, input size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from cbam_core.errors import Message
from cbam_core.network.statement import MOST_SIDE, Statement
from cbam_core.nn.head import head_of
from cbam_core.weights.facts import find_facts
from cbam_core.weights.file import WeightsFile
from cbam_core.weights.finding import listed


def completed(given: Statement, model: nn.Module, file: WeightsFile) -> tuple[Statement, tuple[Message, ...]]:
    """Complete what an owner states with what the file of the weights says, and return a remark on what was taken.

    Args:
        given: what the owner states, which counts more.
        model: the network; a list of another length than its outputs is about something else.
        file: the file of its weights.
    """
    facts = find_facts(file.contents.facts, _names_of(model))
    said: dict[str, Any] = {
        "classes": facts.classes,
        "normalisation": None if facts.mean is None or facts.std is None else (facts.mean, facts.std),
        "input_size": facts.input_size if _is_size(facts.input_size) else None,
    }
    taken = {name: value for name, value in said.items() if value is not None and getattr(given, name) is None}
    keys = {"classes": ("classes",), "normalisation": ("mean", "std"), "input_size": ("input_size",)}
    sources = dict.fromkeys(facts.sources[key] for name in taken for key in keys[name])
    if not taken:
        return given, ()
    return replace(given, **taken), (
        Message(
            "checkpoint.stated",
            "what the file says about its network beside the weights was used: {names}",
            {"names": listed(sources)},
        ),
    )


def _names_of(model: nn.Module) -> int:
    """Return the number of class names that fit the last layer: two for one output, 0 where no layer is the last."""
    head = model.get_submodule(head_of(model))
    outputs = int(getattr(head, "out_features", 0) or getattr(head, "out_channels", 0))
    return 2 if outputs == 1 else outputs


def _is_size(size: tuple[int, int] | None) -> bool:
    return size is not None and all(0 < side <= MOST_SIDE for side in size)
