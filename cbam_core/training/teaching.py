"""Learning from another network: what it answers, and how far a network is from that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cbam_core.files import write_atomically
from cbam_core.training.recipes import Recipe

Answer = Callable[[Tensor], Tensor]
"""From images in [0, 1] to logits."""

TAUGHT = "taught"
"""Folder, in the run's own, of what the teacher answered; it can be removed at any time."""


class Teacher:
    """Answers for the images of a run, epoch by epoch; each view is looked at once, and then remembered on disk.

    A network is better taught by what its teacher says of the very pixels it is shown, patches included, than by an
    answer for the untouched image; and by more epochs than a large teacher has the time for. Source of the first:
    L. Beyer et al., *Knowledge distillation: A good teacher is patient and consistent*, 2022, section 3.

    Args:
        answer: what the teacher says.
        recipe: says from which epoch on it is asked, and after how many epochs images come again.
        folder: of the run.
        process: number of this process, whose answers are its own.
    """

    def __init__(self, answer: Answer, recipe: Recipe, folder: Path, process: int) -> None:
        self.answer, self.recipe, self.folder, self.process = answer, recipe, folder / TAUGHT, process
        self.speaks = self.remembers = False
        self.known: Tensor | None = None
        self.said: list[Tensor] = []

    def open(self, epoch: int) -> None:
        """Begin an epoch."""
        self.speaks = bool(self.recipe.teacher_share) and epoch >= self.recipe.taught_from
        self.file = self.folder / f"view-{self.recipe.shown(epoch)}-{self.process}.pt"
        self.remembers = self.speaks and bool(self.recipe.teacher_views)
        self.known, self.said = self._read() if self.remembers else None, []

    def ask(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"] | None:
        """Logits for the next images of the epoch; None in an epoch without the teacher."""
        if not self.speaks:
            return None
        if not self.remembers:
            return self.answer(images).float()
        known = self.known[len(self.said)] if self.known is not None and len(self.said) < len(self.known) else None
        if known is None or len(known) != len(images):  # shared by another number of processes before
            known, self.known = self.answer(images).to("cpu", torch.float16), None
        self.said.append(known)
        return known.to(images.device).float()

    def close(self) -> None:
        """End an epoch: keep what was said for the next time that its images come.

        Raises:
            OSError: the folder cannot be written.
        """
        if self.remembers and self.known is None:
            told = {"recipe": self.recipe.as_dict(), "logits": torch.stack(self.said)}
            write_atomically(self.file, partial(torch.save, told))

    def _read(self) -> Tensor | None:
        """What was said before; None where there is nothing of this recipe that can be read."""
        try:
            told = torch.load(self.file, map_location="cpu", weights_only=True)
            logits: Tensor = told["logits"]
            return logits if told["recipe"] == self.recipe.as_dict() else None
        except Exception:  # lost or damaged: the teacher is asked again
            return None


def distance_to_teacher(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence of softened probabilities from a teacher's, times the squared temperature.

    Source: G. Hinton, O. Vinyals and J. Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 2.

    Args:
        logits: the student's, (B, K).
        taught: the teacher's, (B, K).
        temperature: what both are divided by.
    """
    mine, theirs = logits / temperature, taught / temperature
    divergence = functional.kl_div(mine.log_softmax(1), theirs.log_softmax(1), reduction="batchmean", log_target=True)
    return divergence * temperature**2
