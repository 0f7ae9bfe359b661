"""The training loop: its state is saved after every epoch, so that a stopped run can continue.

It runs on the devices of `accelerate`: one process on a CPU or GPU, or several that share every batch. All processes
draw the same random numbers for the whole batch, and each takes its own part of it, so the images of a step and their
transforms do not depend on the number of processes.
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
from cbam_core.nn.memory_format import memory_format
from cbam_core.results.history import Epoch, History
from cbam_core.training.callbacks import Callback, Callbacks, Step
from cbam_core.training.cutmix import Targets, paste
from cbam_core.training.distillation import Answer, distance_to_teacher
from cbam_core.training.images import Images, Split
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import Recipe
from cbam_core.training.schedule import Plateau, make_optimiser, make_schedule
from cbam_core.training.stages import freeze, index_of, parse_stages
from cbam_core.training.state import restore, store
from cbam_core.training.transforms import Draws, alternate, draw, shuffled

Prepare = Callable[[Tensor], Tensor]
"""Function from images, uint8 or floats in [0, 1], to the network's input."""

EVALUATED = 500
"""Largest batch size of evaluation."""

EVALUATED_PIXELS = 800_000
"""Largest number of pixels of a batch of evaluation."""


@dataclass(frozen=True, eq=False)
class Learner:
    """A network to train, and the functions that training needs besides images and a recipe.

    Attributes:
        model: network, freshly initialised with the recipe's seed.
        prepare: function that makes a batch of images the network's input, such as `normalise` with mean and std.
        teacher: function that gives logits for images in [0, 1], where the recipe has a teacher.
    """

    model: nn.Module
    prepare: Prepare
    teacher: Answer | None = None


def fit(
    learner: Learner,
    images: Images | Split,
    recipe: Recipe,
    *,
    folder: Path,
    resume: bool = False,
    callback: Callback | None = None,
    accelerator: Accelerator | None = None,
    pieces: int = 1,
) -> History:
    """Train a network in place, and save the state of the run in `folder` after every epoch.

    Args:
        learner: the network; it ends with the weights that the recipe keeps, in eval mode.
        images: training set, of which a part, by the recipe, is held out for validation; or both parts.
        recipe: all settings of the run.
        folder: folder of the state.
        resume: continue from the saved state, if there is one.
        callback: called after every step and epoch.
        accelerator: devices and processes; None for those that `accelerate` finds.
        pieces: number of parts in which each process computes the gradients of its share of a batch, to save memory.

    Returns:
        History of the run, including the part before a resume.

    Raises:
        TrainingError: the saved run has another recipe, the loss is no longer finite, or the batch cannot be shared.
        OSError: the folder cannot be written; the state saved before is still there.
    """
    accelerator = accelerator or find_devices()
    callbacks = Callbacks([callback] if callback is not None and accelerator.is_main_process else [])
    split = images if isinstance(images, Split) else Split(*images.held_out(recipe.validation))
    train, validation = split.train.to(accelerator.device), split.validation.to(accelerator.device)
    check_sharing(recipe, len(train.labels), accelerator.num_processes * pieces)
    run = _Run(learner, recipe, len(train.labels) // recipe.batch_size, accelerator, callbacks, pieces)
    stored = restore(folder, recipe) if resume else None
    if stored is not None:
        run.load(*stored)
    callbacks.begin(run.network.eval(), run.history)
    for number in range(len(run.history.epochs) + 1, recipe.epochs + 1):
        run.learn(train, number)
        run.close_epoch(validation)
        callbacks.epoch(run.network, run.history)
        if accelerator.is_main_process:
            store(folder, recipe, run.history, run.state())
        accelerator.wait_for_everyone()
    run.finish()
    callbacks.end(run.history)
    return run.history


def find_devices() -> Accelerator:
    """Find the device of this process, and the other processes if it was started as one of several.

    ``torchrun`` starts several on one machine's CPU or GPUs, or on several machines; ``accelerate launch`` does too,
    but only one on a single machine's CPU.
    """
    return Accelerator(cpu=not torch.accelerator.is_available(), mixed_precision="no")


def check_sharing(recipe: Recipe, images: int, shares: int) -> None:
    """Check that there is at least one batch, and that it can be divided into this number of equal shares.

    Raises:
        TrainingError: the batch is larger than the training part, or cannot be divided.
    """
    if recipe.batch_size > images:
        raise TrainingError(
            "training.batch-too-large",
            "a batch of {batch} images is larger than the training part of {images}; choose a smaller one, such as "
            "--set batch_size={smaller}",
            batch=recipe.batch_size,
            images=images,
            smaller=max(shares, 1 << (images // 2).bit_length() - 1 if images > 1 else 1),
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
    height, width = images.side
    size = max(1, min(EVALUATED, EVALUATED_PIXELS // (height * width)))
    order = memory_format(model.modules())
    with torch.inference_mode():
        for start in range(0, len(images.labels), size):
            labels = images.labels[start : start + size]
            prepared = prepare(images.pixels[start : start + size]).contiguous(memory_format=order)
            logits = model(prepared)
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
    return loss, right


def _is_finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


class _Run:
    """A network in training, with its optimiser, schedule and history.

    Args:
        learner: network, which is trained in place, and its functions.
        recipe: recipe of the run.
        steps: number of batches in an epoch.
        accelerator: devices and processes.
        callbacks: called after every step.
        pieces: number of parts in which each process computes the gradients of its share of a batch.
    """

    def __init__(
        self,
        learner: Learner,
        recipe: Recipe,
        steps: int,
        accelerator: Accelerator,
        callbacks: Callbacks,
        pieces: int,
    ) -> None:
        self.learner, self.recipe, self.steps = learner, recipe, steps
        self.accelerator, self.callbacks, self.pieces = accelerator, callbacks, pieces
        self.in_bfloat16 = recipe.bfloat16 and arithmetic(accelerator.device.type) == torch.bfloat16
        self.order = memory_format(learner.model.modules())
        self.network = learner.model.to(accelerator.device).to(memory_format=self.order)
        self.stages = parse_stages(recipe.stages)
        optimiser = make_optimiser(self.network, recipe)
        self.schedule = make_schedule(optimiser, recipe, recipe.epochs * steps)
        self.model, self.optimiser = accelerator.prepare(self.network, optimiser)
        self.history = History()
        self.best: tuple[float, dict[str, Tensor]] | None = None
        # Sums of the current epoch:
        self.started, self.rate, self.right = 0.0, 0.0, 0
        self.losses: list[float] = []

    def state(self) -> dict[str, Any]:
        """Collect the state dicts of network, optimiser, schedule and the rest."""
        state = {
            "model": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"},
        }
        if self.best is not None:
            state["best"] = {"accuracy": self.best[0], "model": self.best[1]}
        return state

    def load(self, history: History, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.history = history
        self.network.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict({"lr_lambdas": [None] * len(self.optimiser.param_groups), **state["schedule"]})
        if "best" in state:
            self.best = state["best"]["accuracy"], state["best"]["model"]

    def learn(self, images: Images, number: int) -> None:
        """Train for one epoch."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        # Dropout uses the global generator, seeded differently in every process.
        torch.manual_seed((recipe.seed * 100_003 + number) * 1009 + self.accelerator.process_index)
        self.model.train()
        if self.stages:
            self._enter_stage(number)
        self.started, self.right, self.losses = time.perf_counter(), 0, []
        if recipe.second and number == recipe.last_cycle:
            self.optimiser.state.clear()  # the first cycle ended at a rate of zero: drop its momentum
        mirrored = alternate(len(images.labels), number, recipe.seed) if recipe.flip and recipe.alternating else None
        transforms = recipe.of_epoch(number)
        batches = shuffled(len(images.labels), recipe.batch_size, generator)
        for index, batch in enumerate(batches, start=1):
            draws = draw(transforms, len(batch), images.side, generator)
            if mirrored is not None:
                draws = replace(draws, mirrored=mirrored[batch])
            self.rate = self._rate()
            loss = self._learn_batch(images, batch, draws, number)
            self.losses.append(loss)
            step = (number - 1) * self.steps + index
            self.callbacks.step(Step(step, number, index, self.steps, recipe.epochs, len(batch), loss, self.rate))

    def _enter_stage(self, epoch: int) -> None:
        """Let the parts of an epoch's stage learn; at its beginning, the optimiser forgets what it has gathered."""
        stage = index_of(self.stages, epoch)
        if epoch == self.stages[stage].first:
            self.optimiser.state.clear()
        groups = self.optimiser.param_groups
        learning = {one for group in groups if group["shares"][stage] for one in group["params"]}
        freeze(self.network, learning, statistics=self.recipe.statistics == "kept")
        if self.accelerator.num_processes > 1:  # gradients are shared for what learnt when the processes were joined
            for parameter in self.network.parameters():
                parameter.requires_grad_(True)

    def _rate(self) -> float:
        """Return the learning rate: with stages, that of the part that learns fastest."""
        rates: list[float] = [group["lr"] for group in self.optimiser.param_groups]
        return max(rates) if self.stages else rates[0]

    def _learn_batch(self, images: Images, batch: Tensor, draws: Draws, number: int) -> float:
        """Take one optimiser step, with all processes; return the mean loss of the whole batch."""
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
        """Divide this process's share of a batch into pieces."""
        size = batch // (self.accelerator.num_processes * self.pieces)
        first = self.accelerator.process_index * self.pieces
        return [slice(size * (first + piece), size * (first + piece + 1)) for piece in range(self.pieces)]

    def _show(self, images: Images, batch: Tensor, draws: Draws, share: slice) -> tuple[Tensor, Targets]:
        """Transform some images of a batch, and make their targets; patches come from the previous image."""
        pixels = draws.part(share).apply(images.pixels[batch[share]], self.recipe)
        labels = images.labels[batch[share]]
        if draws.patches is None:
            return pixels, Targets(labels)
        lender = torch.arange(len(batch)).roll(1)[share]
        if len(pixels) == len(batch):  # it already is the whole batch
            others = pixels[lender]
        else:
            others = draws.part(lender).apply(images.pixels[batch[lender]], self.recipe)
        patches = draws.patches[share].to(pixels.device)
        return paste(pixels, others, patches), Targets.pasted(
            labels, images.labels[batch[lender]], patches, images.side
        )

    def _learn_piece(self, pixels: Tensor, targets: Targets, number: int) -> float:
        """Run forward and backward for some images; return their mean loss."""
        recipe = self.recipe
        teacher = self.learner.teacher if number >= recipe.last_cycle else None
        # Accelerate's own mixed precision would change the network's forward for good, evaluation included.
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=self.in_bfloat16):
            prepared = self.learner.prepare(pixels).contiguous(memory_format=self.order)
            logits = self.model(prepared).float()
            taught = None if teacher is None else teacher(pixels).float()
        loss = targets.loss(logits, recipe.label_smoothing)
        if taught is not None:
            distance = distance_to_teacher(logits, taught, recipe.teacher_temperature)
            loss = (1 - recipe.teacher_share) * loss + recipe.teacher_share * distance
        self.accelerator.backward(loss / self.pieces)
        self.right += targets.right(logits)
        return float(loss.detach())

    def close_epoch(self, validation: Images) -> None:
        """Evaluate the network, and update the schedule."""
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
        """Load the weights that the recipe keeps into the network."""
        if self.best is not None:
            self.network.load_state_dict(self.best[1])
        self.network.eval()
        for parameter in self.network.parameters() if self.stages else ():
            parameter.requires_grad_(True)
