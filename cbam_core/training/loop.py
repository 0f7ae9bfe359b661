"""The training loop: one epoch after another, stored after each, so that a stopped run goes on where it was.

It runs on whatever `accelerate` was started on: one process on a CPU or GPU, or several that share every batch. All
processes draw the same numbers for the whole batch and each takes its own part of it, so the images of a step, and what
is done to them, do not depend on how many there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from cbam_core.errors import TrainingError
from cbam_core.results.history import Epoch, History
from cbam_core.training.callbacks import Audience, Step, Watch
from cbam_core.training.cutmix import Targets, paste
from cbam_core.training.distillation import Answer, distance_to_teacher
from cbam_core.training.images import Images
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import Recipe
from cbam_core.training.schedule import Plateau, make_optimiser, make_schedule
from cbam_core.training.state import restore, store
from cbam_core.training.transforms import Draws, alternate, draw, shuffled

Prepare = Callable[[Tensor], Tensor]
"""From images, uint8 or floats in [0, 1], to the network's input."""

EVALUATED = 500
"""Images that go through the network at once when nothing is learnt."""


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that learns, and what it needs for that besides images and a recipe.

    Attributes:
        model: the network, freshly initialised under the recipe's seed.
        prepare: makes a batch of images the network's input, such as `normalise` with mean and deviation.
        teacher: gives logits for images in [0, 1], where the recipe learns from another network too.
    """

    model: nn.Module
    prepare: Prepare
    teacher: Answer | None = None


def fit(
    learner: Learner,
    images: Images,
    recipe: Recipe,
    *,
    folder: Path,
    resume: bool = False,
    watch: Watch | None = None,
    accelerator: Accelerator | None = None,
    pieces: int = 1,
) -> History:
    """Train a network in place, and store the run's whole state in `folder` after every epoch.

    Args:
        learner: the network; it ends as what the recipe keeps, in eval mode.
        images: the training set; the recipe's share of it is held out for validation.
        recipe: every number of the run.
        folder: where the state is kept.
        resume: go on from the stored state, when there is one.
        watch: told of every step and epoch.
        accelerator: which devices and processes compute; None for the one that `accelerate` finds.
        pieces: of a batch, that each process learns one after another; for less memory.

    Returns:
        What was measured, what came before a resume included.

    Raises:
        TrainingError: the stored run has another recipe, the loss is no longer a number, or the batch cannot be shared.
        OSError: the folder cannot be written; what was stored before is still there.
    """
    accelerator = accelerator or find_devices()
    audience = Audience([watch] if watch is not None and accelerator.is_main_process else [])
    train, validation = (split.to(accelerator.device) for split in images.held_out(recipe.validation))
    check_sharing(recipe, len(train.labels), accelerator.num_processes * pieces)
    run = _Run(learner, recipe, len(train.labels) // recipe.batch_size, accelerator, audience, pieces)
    stored = restore(folder, recipe) if resume else None
    if stored is not None:
        run.load(*stored)
    audience.begin(run.network.eval(), run.history)
    for number in range(len(run.history.epochs) + 1, recipe.epochs + 1):
        run.learn(train, number)
        run.close_epoch(validation)
        audience.epoch(run.network, run.history)
        if accelerator.is_main_process:
            store(folder, recipe, run.history, run.state())
        accelerator.wait_for_everyone()
    run.finish()
    audience.end(run.history)
    return run.history


def find_devices() -> Accelerator:
    """What this process computes on, and the processes that it computes with, if it was started as one of several.

    ``torchrun`` starts several on one machine's CPU or GPUs, or on several machines; ``accelerate launch`` does too,
    but only one on a single machine's CPU.
    """
    return Accelerator(cpu=not torch.accelerator.is_available(), mixed_precision="no")


def check_sharing(recipe: Recipe, images: int, shares: int) -> None:
    """Make sure that there is a batch, and that it can be learnt in so many shares of one size.

    Raises:
        TrainingError: the batch is larger than the training part, or cannot be shared.
    """
    if recipe.batch_size > images:
        raise TrainingError(
            "training.batch-too-large",
            "a batch of {batch} images is larger than the training part; use a smaller batch_size",
            batch=recipe.batch_size,
        )
    if recipe.batch_size % shares:
        raise TrainingError(
            "training.batch-not-shared",
            "a batch of {batch} images cannot be shared by {shares}; choose a batch_size that {shares} divides",
            batch=recipe.batch_size,
            shares=shares,
        )


def _totals(model: nn.Module, images: Images, prepare: Prepare) -> tuple[float, int]:
    model.eval()
    loss, right = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(images.labels), EVALUATED):
            labels = images.labels[start : start + EVALUATED]
            logits = model(prepare(images.pixels[start : start + EVALUATED]))
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
    return loss, right


def _is_finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


class _Run:
    """A network that learns, and everything that moves with it.

    Args:
        learner: the network, which is trained in place, and what it needs.
        recipe: of the run.
        steps: batches of an epoch.
        accelerator: which devices and processes compute.
        audience: told of every step.
        pieces: that each process learns its share of a batch in.
    """

    def __init__(
        self,
        learner: Learner,
        recipe: Recipe,
        steps: int,
        accelerator: Accelerator,
        audience: Audience,
        pieces: int,
    ) -> None:
        self.learner, self.recipe, self.steps = learner, recipe, steps
        self.accelerator, self.audience, self.pieces = accelerator, audience, pieces
        self.in_bfloat16 = recipe.bfloat16 and arithmetic(accelerator.device.type) == torch.bfloat16
        self.network = learner.model.to(accelerator.device).to(memory_format=torch.channels_last)
        optimiser = make_optimiser(self.network, recipe)
        self.schedule = make_schedule(optimiser, recipe, recipe.epochs * steps)
        self.model, self.optimiser = accelerator.prepare(self.network, optimiser)
        self.history = History()
        self.best: tuple[float, dict[str, Tensor]] | None = None
        # Of the epoch that goes on:
        self.started, self.rate, self.right = 0.0, 0.0, 0
        self.losses: list[float] = []

    def state(self) -> dict[str, Any]:
        """State dicts of everything that moves."""
        state = {
            "model": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"},
        }
        if self.best is not None:
            state["best"] = {"accuracy": self.best[0], "model": self.best[1]}
        return state

    def load(self, history: History, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.history = history
        self.network.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict({"lr_lambdas": [None] * len(self.optimiser.param_groups), **state["schedule"]})
        if "best" in state:
            self.best = state["best"]["accuracy"], state["best"]["model"]

    def learn(self, images: Images, number: int) -> None:
        """One pass over the training images."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        # Dropout draws from the global generator, in every process another way.
        torch.manual_seed((recipe.seed * 100_003 + number) * 1009 + self.accelerator.process_index)
        self.model.train()
        self.started, self.right, self.losses = time.perf_counter(), 0, []
        if recipe.second and number == recipe.last_cycle:
            self.optimiser.state.clear()  # the first cycle ended at a rate of zero: what moved the weights is over
        mirrored = alternate(len(images.labels), number, recipe.seed) if recipe.flip and recipe.alternating else None
        transforms = recipe.of_epoch(number)
        batches = shuffled(len(images.labels), recipe.batch_size, generator)
        for index, batch in enumerate(batches, start=1):
            draws = draw(transforms, len(batch), images.side, generator)
            if mirrored is not None:
                draws = replace(draws, mirrored=mirrored[batch])
            self.rate = self.optimiser.param_groups[0]["lr"]
            loss = self._learn_batch(images, batch, draws, number)
            self.losses.append(loss)
            step = (number - 1) * self.steps + index
            self.audience.step(Step(step, number, index, self.steps, recipe.epochs, len(batch), loss, self.rate))

    def _learn_batch(self, images: Images, batch: Tensor, draws: Draws, number: int) -> float:
        """One step of all processes; the mean loss of the whole batch."""
        loss = 0.0
        shares = self._shares(len(batch))
        for piece, share in enumerate(shares, start=1):
            pixels, targets = self._show(images, batch, draws, share)
            waits = piece < len(shares)
            with self.accelerator.no_sync(self.model) if waits else nullcontext():
                loss += self._learn_piece(pixels, targets, number) / len(shares)
        loss = float(self.accelerator.reduce(torch.tensor(loss, device=self.accelerator.device), "mean"))
        if not math.isfinite(loss):
            raise TrainingError(
                "training.loss-not-finite",
                "the training loss is no longer a number in epoch {epoch}; "
                "start again with a smaller learning rate (now {rate})",
                epoch=number,
                rate=self.recipe.learning_rate,
            )
        self.optimiser.step()
        self.optimiser.zero_grad()
        if not isinstance(self.schedule, Plateau):
            self.schedule.step()
        return loss

    def _shares(self, batch: int) -> list[slice]:
        """This process's pieces of a batch."""
        size = batch // (self.accelerator.num_processes * self.pieces)
        first = self.accelerator.process_index * self.pieces
        return [slice(size * (first + piece), size * (first + piece + 1)) for piece in range(self.pieces)]

    def _show(self, images: Images, batch: Tensor, draws: Draws, share: slice) -> tuple[Tensor, Targets]:
        """Some of a batch's images after all transforms, and what to answer; patches come from the image before."""
        pixels = draws.part(share).apply(images.pixels[batch[share]], self.recipe)
        labels = images.labels[batch[share]]
        if draws.patches is None:
            return pixels, Targets(labels)
        lender = torch.arange(len(batch)).roll(1)[share]
        if len(pixels) == len(batch):  # all of them are there already
            others = pixels[lender]
        else:
            others = draws.part(lender).apply(images.pixels[batch[lender]], self.recipe)
        patches = draws.patches[share].to(pixels.device)
        return paste(pixels, others, patches), Targets.pasted(
            labels, images.labels[batch[lender]], patches, images.side
        )

    def _learn_piece(self, pixels: Tensor, targets: Targets, number: int) -> float:
        """Forward and backward of some images; their mean loss."""
        recipe = self.recipe
        teacher = self.learner.teacher if number >= recipe.last_cycle else None
        # Accelerate's own mixed precision would change the network's forward for good, evaluation included.
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=self.in_bfloat16):
            logits = self.model(self.learner.prepare(pixels)).float()
            taught = None if teacher is None else teacher(pixels).float()
        loss = targets.loss(logits, recipe.label_smoothing)
        if taught is not None:
            distance = distance_to_teacher(logits, taught, recipe.teacher_temperature)
            loss = (1 - recipe.teacher_share) * loss + recipe.teacher_share * distance
        self.accelerator.backward(loss / self.pieces)
        self.right += targets.right(logits)
        return float(loss.detach())

    def close_epoch(self, validation: Images) -> None:
        """Measure, and let the schedule see it."""
        accelerator, number = self.accelerator, len(self.history.epochs) + 1
        seconds = time.perf_counter() - self.started
        mine = slice(accelerator.process_index, None, accelerator.num_processes)
        part = Images(validation.pixels[mine], validation.labels[mine])
        loss, right = _totals(self.network, part, self.learner.prepare)
        sums = torch.tensor([loss, right, self.right], dtype=torch.float64, device=accelerator.device)
        loss, right, learnt = accelerator.reduce(sums, "sum").tolist()
        count = len(validation.labels)
        if not (math.isfinite(loss) and all(map(_is_finite, self.network.state_dict().values()))):
            raise TrainingError(
                "training.not-finite",
                "the network no longer computes with finite numbers after epoch {epoch}; "
                "start again with a smaller learning rate (now {rate})",
                epoch=number,
                rate=self.recipe.learning_rate,
            )
        epoch = Epoch(
            number=number,
            seconds=seconds,
            learning_rate=self.rate,
            train_loss=sum(self.losses) / len(self.losses),
            train_accuracy=learnt / (self.steps * self.recipe.batch_size),
            validation_loss=loss / count,
            validation_accuracy=right / count,
        )
        self.history = History((*self.history.epochs, epoch), (*self.history.losses, *self.losses))
        if isinstance(self.schedule, Plateau):
            self.schedule.step(epoch.validation_loss)
        if self.recipe.keep == "best" and (self.best is None or epoch.validation_accuracy > self.best[0]):
            state = {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
            self.best = epoch.validation_accuracy, state

    def finish(self) -> None:
        """Put what the recipe keeps into the network."""
        if self.best is not None:
            self.network.load_state_dict(self.best[1])
        self.network.eval()
