"""Recipes: every number of a training run, frozen, named, and stored with the network that it made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cbam_core.errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a run does, complete: the same recipe, data and seed on one machine give the same weights.

    Attributes:
        name: what the card calls it.
        architecture: registered name of the network.
        epochs: passes over the training part.
        batch_size: images per step; the last, smaller batch of an epoch is left out.
        learning_rate: peak of the one-cycle schedule, per step of `batch_size` images.
        warmup: share of all steps, in (0, 1), that climb to the peak; the rest falls to zero on a cosine.
        momentum: Nesterov momentum of SGD.
        weight_decay: L2 penalty on the weights of convolutions and linear layers outside the gates.
        label_smoothing: share of each target spread over all classes.
        crop_padding: pixels of black added on each side before a random crop back to size.
        flip: mirror each image left to right with probability one half.
        bfloat16: run the forward in bfloat16 autocast; weights and updates stay float32.
        validation: images held out of the training set (the last ones of a fixed shuffle), never trained on.
        seed: of initialisation, order and transforms.
    """

    name: str
    architecture: str = "CBAM_CNN"
    epochs: int
    batch_size: int = 128
    learning_rate: float
    warmup: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    crop_padding: int = 4
    flip: bool = True
    bfloat16: bool = True
    validation: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate")
        for name in positive:
            if not getattr(self, name) > 0:
                raise TrainingError(
                    "training.recipe-value",
                    "recipe value {name} must be positive; given {value}",
                    name=name,
                    value=getattr(self, name),
                )
        if not 0 < self.warmup < 1:
            raise TrainingError(
                "training.recipe-value",
                "recipe value {name} must lie between 0 and 1; given {value}",
                name="warmup",
                value=self.warmup,
            )

    def as_dict(self) -> dict[str, Any]:
        """The recipe as JSON-ready values."""
        return asdict(self)


SHORT = Recipe(
    name="short",
    epochs=40,  # about 17 minutes on two idle cores with bfloat16
    learning_rate=0.2,  # the largest of 0.05, 0.1, 0.2 steps that large-batch CIFAR recipes commonly use at batch 128
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (SHORT,)}
