"""Optimiser, learning rate schedule and weight decay."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from cbam_core.gates.finders import find_sites
from cbam_core.training.muon import Muon
from cbam_core.training.recipes import Recipe

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


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the recipe's optimiser for the network's parameters."""
    groups = parameter_groups(model, recipe.weight_decay)
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
    if recipe.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, mode="min", factor=0.5, patience=3)
    second = steps * recipe.second // recipe.epochs
    first = steps - second

    def share(step: int) -> float:
        if step < first:
            return one_cycle(step, first, recipe.warmup)
        return recipe.second_rate * one_cycle(step - first, max(second, 1), recipe.warmup)

    return LambdaLR(optimiser, share)


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
