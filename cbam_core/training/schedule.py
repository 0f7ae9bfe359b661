"""Optimiser, learning rate schedule and weight decay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from cbam_core.gates.finders import find_sites
from cbam_core.training.muon import Muon
from cbam_core.training.recipes import Recipe
from cbam_core.training.stages import parse_stages, shares_of

Plateau = ReduceLROnPlateau
Schedule = LambdaLR | ReduceLROnPlateau


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Group parameters into those with and without weight decay.

    Weights of convolutions and linear layers decay. Biases and normalisations do not, as usual. Neither do the gates:
    decay moves their two-layer perceptron to zero, where its gradient vanishes and every channel weight stays at 0.5.
    """
    free = {parameter for site in find_sites(model) for parameter in site.gated.parameters()}
    free |= {parameter for parameter in model.parameters() if parameter.ndim < 2}
    return [
        {"params": [p for p in model.parameters() if p not in free], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p in free], "weight_decay": 0.0},
    ]


def staged_groups(groups: list[dict[str, Any]], shares: dict[nn.Parameter, tuple[float, ...]]) -> list[dict[str, Any]]:
    """Divide groups of parameters by the shares of the rate at which they learn in each stage, kept as ``shares``."""
    divided = []
    for group in groups:
        by_shares: dict[tuple[float, ...], list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_shares.setdefault(shares[parameter], []).append(parameter)
        divided += [{**group, "params": own, "shares": each} for each, own in by_shares.items()]
    return divided


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the recipe's optimiser for the network's parameters.

    Raises:
        TrainingError: a stage names a part that is not in the network.
    """
    groups = parameter_groups(model, recipe.weight_decay)
    stages = parse_stages(recipe.stages)
    if stages:
        groups = staged_groups(groups, shares_of(model, stages))
    if recipe.optimiser == "muon":
        return _muon(model, groups, recipe)
    if recipe.optimiser == "adam":
        return torch.optim.Adam(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _muon(model: nn.Module, groups: list[dict[str, Any]], recipe: Recipe) -> Muon:
    """Make Muon: orthogonal steps for hidden convolutions and linear layers, but not for the first and last layer."""
    decaying = groups[0]["params"]
    layers = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    ends = {layers[0], layers[-1]}
    hidden = [parameter for parameter in decaying if parameter not in ends]
    return Muon(
        [
            {"params": hidden, "orthogonal": True, "weight_decay": recipe.hidden_decay},
            {
                "params": [parameter for parameter in decaying if parameter in ends],
                "lr": recipe.other_rate,
                "weight_decay": recipe.weight_decay,
            },
            {**groups[1], "lr": recipe.other_rate},
        ],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
    )


def make_schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> Schedule:
    """Make the recipe's learning rate schedule.

    Args:
        optimiser: optimiser whose learning rate it sets.
        recipe: recipe of the run.
        steps: number of steps of the whole run.
    """
    stages = parse_stages(recipe.stages)
    if stages:
        first = [(stage.first - 1) * steps // recipe.epochs for stage in stages]
        cycles = Cycles((*first, steps), None if recipe.schedule == "constant" else recipe.warmup)
        return LambdaLR(optimiser, [partial(cycles.share, group["shares"]) for group in optimiser.param_groups])
    if recipe.schedule == "constant":
        return LambdaLR(optimiser, lambda _step: 1.0)
    if recipe.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, mode="min", factor=0.5, patience=3)
    second = steps * recipe.second // recipe.epochs
    beginning = steps - second

    def share(step: int) -> float:
        if step < beginning:
            return one_cycle(step, beginning, recipe.warmup)
        return recipe.second_rate * one_cycle(step - beginning, max(second, 1), recipe.warmup)

    return LambdaLR(optimiser, share)


@dataclass(frozen=True)
class Cycles:
    """Rates of a run in stages, each with a cycle of its own.

    Attributes:
        bounds: first step of each stage, and the number of all steps.
        warmup: share of a stage's steps in which the rate climbs; None for a constant rate.
    """

    bounds: tuple[int, ...]
    warmup: float | None

    def share(self, shares: Sequence[float], step: int) -> float:
        """Return the share of the recipe's rate at a step, for parameters with some share in each stage."""
        stage = min(sum(first <= step for first in self.bounds), len(shares)) - 1
        if self.warmup is None:
            return shares[stage]
        first, after = self.bounds[stage : stage + 2]
        return shares[stage] * one_cycle(step - first, max(after - first, 1), self.warmup)


def one_cycle(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a half cosine down to zero.

    Source: L. N. Smith and N. Topin, *Super-Convergence*, 2018, https://arxiv.org/abs/1708.07120.

    Args:
        step: index of the step, from 0.
        steps: number of steps of the cycle.
        warmup: share of the steps that are warm-up, in (0, 1).
    """
    peak = warmup * steps
    if step < peak:
        return (step + 1) / (peak + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - peak) / (steps - peak)))
