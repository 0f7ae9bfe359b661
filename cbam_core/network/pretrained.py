"""Weights of a pretrained network in one that has other classes, and new layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torch import nn

from cbam_core.errors import CheckpointError
from cbam_core.network.building import LARGEST
from cbam_core.nn.head import new_layers
from cbam_core.nn.registry import TensorSpec
from cbam_core.weights import open_weights
from cbam_core.weights.finding import choose_copy, find_copies, is_bookkeeping, listed


def load_pretrained(model: nn.Module, path: Path) -> tuple[str, ...]:
    """Load weights into a network, in place, apart from layers that are new.

    Names are matched one by one under any prefix. The head, inserted blocks and a small stem keep their random weights
    where the file has none of their shape; anything else must be there.

    Args:
        model: the network.
        path: file of weights, read as data.

    Returns:
        Names of the tensors that keep their random weights.

    Raises:
        CheckpointError: the file is refused, or a tensor that is not new is missing or has another shape.
    """
    file = open_weights(path, largest=LARGEST)
    own = model.state_dict()
    copies = find_copies(file.tensors, own.keys())
    copy = choose_copy(copies, None) if copies else None
    names = {} if copy is None else dict(copy.names)
    fitting = {
        name for name, tensor in own.items() if name in names and file.tensors[names[name]].shape == tuple(tensor.shape)
    }
    lacking = [name for name in own if name not in fitting and not is_bookkeeping(name)]
    new = tuple(f"{path}." for path in new_layers(model))
    wrong = [name for name in lacking if not name.startswith(new)]
    if wrong or copy is None:
        raise CheckpointError(
            "checkpoint.not-pretrained",
            "{file} does not fit {kind}: it lacks {names}, or has them in another shape",
            file=path.name,
            kind=type(model).__name__,
            names=listed(wrong or [*own]),
        )
    taken = {name: names[name] for name in own if name in fitting}
    tensors = {given: file.tensors[given] for given in taken.values()}
    part = replace(file, contents=replace(file.contents, tensors=tensors))
    expected = {name: TensorSpec(tuple(own[name].shape), own[name].dtype) for name in taken}
    model.load_state_dict(part.load(type(model).__name__, expected, replace(copy, names=taken)), strict=False)
    return tuple(_short(lacking))


def _short(names: list[str]) -> Iterator[str]:
    """Yield names of modules instead of those of their tensors, each once."""
    yield from dict.fromkeys(name.rpartition(".")[0] for name in names)
