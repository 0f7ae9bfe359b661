"""Stages of a run: which parts of a network learn, at which rate, from which epoch.

Written as text, so that a recipe, a card and a command line hold them alike::

    1: new=1; 6: new=1 layer[34]=0.1; 16: **=0.02 new=0.1

From epoch 1 what is new in a pretrained network learns at the recipe's rate, and nothing else changes; from epoch 6 two
stages of a ResNet learn too, at a tenth of it; from epoch 16 everything learns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from cbam_core.errors import TrainingError
from cbam_core.nn.head import head_of, new_layers
from cbam_core.nn.insertion import inserted_blocks
from cbam_core.nn.layer_names import matches

HEAD, BLOCKS, NEW = "head", "cbam", "new"
"""Words for the last linear layer of any network, for all inserted blocks, and for both and a small stem."""


@dataclass(frozen=True)
class Stage:
    """Part of a run.

    Attributes:
        first: its first epoch, from 1.
        shares: names or patterns of parts that learn, and their share of the recipe's rate; where several match, the
            last one counts.
    """

    first: int
    shares: tuple[tuple[str, float], ...]


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Read stages from text; none from an empty one.

    Raises:
        TrainingError: the text is not as the module describes it, or its epochs do not rise from 1.
    """
    stages = tuple(_stage(part.strip()) for part in text.split(";") if part.strip())
    epochs = [stage.first for stage in stages]
    if stages and (epochs[0] != 1 or sorted(set(epochs)) != epochs):
        raise TrainingError(
            "training.stage-epochs",
            "stages begin at epoch 1, each later than the one before; given {given}",
            given=", ".join(map(str, epochs)),
        )
    return stages


def _stage(text: str) -> Stage:
    found = re.fullmatch(r"(\d{1,6})\s*:\s*(.+)", text)
    parts = [] if found is None else [_share(part) for part in found[2].split()]
    if found is None or None in parts:
        raise TrainingError(
            "training.stage",
            "{given} is not a stage; expected an epoch, and parts with their share of the rate, such as "
            "'1: head=1 layer4=0.1'",
            given=repr(text[:60]),
        )
    return Stage(int(found[1]), tuple(part for part in parts if part is not None))


def _share(text: str) -> tuple[str, float] | None:
    name, _, number = text.partition("=")
    try:
        share = float(number)
    except ValueError:
        return None
    return (name, share) if name and 0 <= share <= 1000 else None


def equal_stages(text: str, epochs: int) -> str:
    """Write stages again so that each takes as many epochs; with fewer epochs than stages, the first ones alone."""
    parts = [part.strip() for part in text.split(";") if part.strip()][:epochs]
    return "; ".join(re.sub(r"^\d+", str(1 + at * epochs // len(parts)), part) for at, part in enumerate(parts))


def index_of(stages: tuple[Stage, ...], epoch: int) -> int:
    """Return the index of the stage of an epoch, counted from 1."""
    return sum(stage.first <= epoch for stage in stages) - 1


def shares_of(model: nn.Module, stages: tuple[Stage, ...]) -> dict[nn.Parameter, tuple[float, ...]]:
    """Return the share of the rate at which each parameter learns in each stage; 0 where it does not.

    Raises:
        TrainingError: a part of a stage is not in the network.
    """
    names = {name for name, _ in model.named_modules()} | {name for name, _ in model.named_parameters()}
    words = {HEAD: [head_of(model)], BLOCKS: [*inserted_blocks(model)], NEW: new_layers(model)}
    known = {part: _named(part, words, names) for stage in stages for part, _ in stage.shares}
    return {
        parameter: tuple(_share_in(stage, name, known) for stage in stages)
        for name, parameter in model.named_parameters()
    }


def _named(part: str, words: dict[str, list[str]], names: set[str]) -> set[str]:
    """Return the names of the modules and parameters that a part means.

    Raises:
        TrainingError: there are none.
    """
    found = {name for name in names if matches(name, part)} | set(words.get(part, ()))
    if not found:
        raise TrainingError(
            "training.stage-part",
            "no part of the network is named {part}; a stage names modules, patterns such as 'layer[34]', or 'head', "
            "'cbam' and 'new'",
            part=repr(part[:60]),
        )
    return found


def _share_in(stage: Stage, name: str, known: dict[str, set[str]]) -> float:
    above = {*_above(name)}
    return next((share for part, share in reversed(stage.shares) if above & known[part]), 0.0)


def _above(name: str) -> Iterator[str]:
    """Yield a dotted name, and those of all that it lies in."""
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ""


def freeze(model: nn.Module, learning: set[nn.Parameter], *, statistics: bool = True) -> None:
    """Let some parameters learn alone.

    Args:
        model: a network in training mode.
        learning: parameters that learn.
        statistics: whether the batch statistics of layers whose parameters rest stay too.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(parameter in learning)
    if statistics:
        keep_statistics(model)


def keep_statistics(model: nn.Module) -> None:
    """Set normalisations by batch to eval mode where no parameter of theirs learns."""
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and own and not any(p.requires_grad for p in own):
            module.eval()
