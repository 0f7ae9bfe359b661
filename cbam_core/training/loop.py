"""The training loop: one epoch after another, stored after each, so that a stopped run goes on where it was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.nn import functional

from cbam_core.errors import TrainingError
from cbam_core.files import write_atomically
from cbam_core.nn.cbam import ChannelAttention, SpatialAttention
from cbam_core.training.batches import random_crop, random_flip, shuffled
from cbam_core.training.recipes import Recipe

SPLIT_SEED = 20181008
"""Seed of the shuffle that decides which training images are held out; the same for every run."""


Prepare = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Attributes:
        number: counted from 1.
        seconds: time spent training, validation left out.
        train_loss: mean smoothed cross-entropy over the training batches, in training mode.
        train_accuracy: share of training images right, in training mode, transforms applied.
        validation_loss: mean cross-entropy on the held-out images.
        validation_accuracy: share of held-out images right.
    """

    number: int
    seconds: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Images:
    """Labelled images as the loop keeps them.

    Attributes:
        pixels: uint8 (N, 3, H, W).
        labels: int64 (N,).
    """

    pixels: Tensor
    labels: Tensor

    @classmethod
    def from_arrays(cls, images: UInt8[np.ndarray, "n h w 3"], labels: UInt8[np.ndarray, " n"]) -> Images:
        """Copy arrays as the data set stores them into tensors."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return cls(pixels, torch.from_numpy(labels.astype(np.int64)))

    def held_out(self, count: int) -> tuple[Images, Images]:
        """Split into a training part and `count` validation images, the same ones for every run."""
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
        kept, held = order[: len(order) - count], order[len(order) - count :]
        return Images(self.pixels[kept], self.labels[kept]), Images(self.pixels[held], self.labels[held])


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with and without decay.

    Weights of convolutions and linear layers decay. Biases and normalisations do not, as is usual; nor do the gates:
    decay pulls their two-layer perceptron to zero, where its gradient vanishes and every channel weight stays at 0.5.
    """
    gates = [m for m in model.modules() if isinstance(m, ChannelAttention | SpatialAttention)]
    free = {parameter for gate in gates for parameter in gate.parameters()}
    free |= {parameter for parameter in model.parameters() if parameter.ndim < 2}
    return [
        {"params": [p for p in model.parameters() if p not in free], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p in free], "weight_decay": 0.0},
    ]


def one_cycle(step: int, steps: int, recipe: Recipe) -> float:
    """Learning rate of a step: a straight climb to the peak, then a half cosine down to zero.

    Source: L. N. Smith and N. Topin, *Super-Convergence*, 2018, https://arxiv.org/abs/1708.07120.
    """
    peak = recipe.warmup * steps
    if step < peak:
        return recipe.learning_rate * (step + 1) / peak
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - peak) / (steps - peak)))


def fit(
    model: nn.Module,
    images: Images,
    recipe: Recipe,
    *,
    prepare: Prepare,
    folder: Path,
    resume: bool = False,
    report: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Train a network in place, and store the run's whole state in `folder` after every epoch.

    Args:
        model: the network, freshly initialised under the recipe's seed.
        images: the training set; the recipe's share of it is held out for validation.
        recipe: every number of the run.
        prepare: makes a batch of uint8 images the network's input, such as `normalise` with mean and deviation.
        folder: where ``state.pt`` is kept.
        resume: go on from ``state.pt``, when there is one.
        report: called after each epoch.

    Returns:
        One record an epoch, those before a resume included.

    Raises:
        TrainingError: the stored run has another recipe, or the loss is no longer a number.
    """
    train, validation = images.held_out(recipe.validation)
    optimiser = torch.optim.SGD(
        parameter_groups(model, recipe.weight_decay),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
    )
    model.to(memory_format=torch.channels_last)
    state_file = folder / "state.pt"
    history = _restore(state_file, model, optimiser, recipe) if resume and state_file.exists() else []
    for number in range(len(history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        loss, accuracy = _train_epoch(model, optimiser, train, recipe, number, prepare)
        seconds = time.perf_counter() - started
        history.append(Epoch(number, seconds, loss, accuracy, *evaluate(model, validation, prepare)))
        state = {
            "recipe": recipe.as_dict(),
            "history": [asdict(epoch) for epoch in history],
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
        }
        write_atomically(state_file, partial(torch.save, state))
        if report is not None:
            report(history[-1])
    return history


def evaluate(model: nn.Module, images: Images, prepare: Prepare) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in [0, 1] over images, in eval mode, float32."""
    model.eval()
    loss, right = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(images.labels), 500):
            labels = images.labels[start : start + 500]
            logits = model(prepare(images.pixels[start : start + 500]))
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
    return loss / len(images.labels), right / len(images.labels)


def _train_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Images,
    recipe: Recipe,
    number: int,
    prepare: Prepare,
) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
    torch.manual_seed(recipe.seed * 100_003 + number)  # dropout draws from the global generator
    model.train()
    count = len(images.labels)
    per_epoch = count // recipe.batch_size
    losses, right = torch.zeros(per_epoch), 0
    for index, batch in enumerate(shuffled(count, recipe.batch_size, generator)):
        rate = one_cycle((number - 1) * per_epoch + index, recipe.epochs * per_epoch, recipe)
        for group in optimiser.param_groups:
            group["lr"] = rate
        pixels, labels = images.pixels[batch], images.labels[batch]
        if recipe.crop_padding:
            pixels = random_crop(pixels, recipe.crop_padding, generator)
        if recipe.flip:
            pixels = random_flip(pixels, generator)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bfloat16):
            logits = model(prepare(pixels))
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses[index] = loss.detach()
        right += int((logits.argmax(1) == labels).sum())
    mean_loss = float(losses.mean())
    if not math.isfinite(mean_loss):
        raise TrainingError(
            "training.loss-not-finite",
            "the training loss is no longer a number in epoch {epoch}; "
            "start again with a smaller learning rate (now {rate})",
            epoch=number,
            rate=recipe.learning_rate,
        )
    return mean_loss, right / (per_epoch * recipe.batch_size)


def _restore(file: Path, model: nn.Module, optimiser: torch.optim.Optimizer, recipe: Recipe) -> list[Epoch]:
    state: dict[str, Any] = torch.load(file, weights_only=True)
    if state["recipe"] != recipe.as_dict():
        raise TrainingError(
            "training.other-recipe",
            "the run in {folder} was started with another recipe; use the same one, or another folder",
            folder=str(file.parent),
        )
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return [Epoch(**epoch) for epoch in state["history"]]
