"""Twins: one recipe with attention, without, and with as many parameters spent otherwise, over several seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cbam_core.errors import TrainingError
from cbam_core.nn.registry import ARCHITECTURES
from cbam_core.results.history import HISTORY, read_history
from cbam_core.results.twins import TWINS, VARIANTS, TwinRun, Twins, Variant, read_twins
from cbam_core.training import run
from cbam_core.training.building import Sources
from cbam_core.training.callbacks import Callback
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import Recipe
from cbam_core.training.stages import BLOCKS


@dataclass(frozen=True)
class TwinPlan:
    """What is trained.

    Attributes:
        recipe: recipe of the network with attention; its seed is not used.
        folder: folder of all runs and of their results, ``twins.json``.
        seeds: number of seeds, from 0; each has three runs.
        sources: network, folder of classes and weights of one's own.
        data_folder: where CIFAR-10 is.
    """

    recipe: Recipe
    folder: Path
    seeds: int
    sources: Sources
    data_folder: Path | None = None

    def run_folder(self, variant: Variant, seed: int) -> Path:
        """Return the folder of one run."""
        return self.folder / f"{variant}-{seed}"


def recipe_of(recipe: Recipe, variant: Variant, seed: int) -> Recipe:
    """Return the recipe of one twin.

    Raises:
        TrainingError: the network has no attention that can be left out.
    """
    seeded = replace(recipe, seed=seed)
    if recipe.insert:
        if variant == "without":
            return replace(seeded, insert="", gradual=False, stages=_without_blocks(recipe.stages))
        return seeded if variant == "with" else replace(seeded, gates="bottleneck", gradual=False)
    if recipe.architecture not in ARCHITECTURES or recipe.gates in ("none", "bottleneck"):
        raise TrainingError(
            "training.twins-without-gates",
            "{name} has no attention that can be left out; name the layers after which a CBAM is inserted, such as "
            "--insert 'layer[1-4]'",
            name=recipe.architecture,
        )
    return (
        seeded if variant == "with" else replace(seeded, gates={"without": "none", "capacity": "bottleneck"}[variant])
    )


def _without_blocks(stages: str) -> str:
    """Leave out of the stages what they say about inserted blocks."""
    parts = [stage.split() for stage in stages.split(";")]
    return ";".join(" ".join(word for word in part if not word.startswith(f"{BLOCKS}=")) for part in parts)


def train_twins(plan: TwinPlan, watch: Callable[[Variant, int], Sequence[Callback]] = lambda *_: ()) -> Twins:
    """Train all twins, seed by seed; what is trained already is not trained again.

    The results are in ``twins.json`` after each run, and a run that was stopped continues. Where a folder of classes
    has no test images, accuracy is that of the last epoch on the validation images.

    Args:
        plan: what is trained.
        watch: function that returns the callbacks of a run.

    Raises:
        TrainingError: the network has no attention that can be left out, or the folder has twins of another recipe.
        CbamError, OSError: as `cbam_core.training.run.train_classifier`.
    """
    for variant in VARIANTS:
        recipe_of(plan.recipe, variant, 0)
    twins = _kept(plan)
    done = {(one.variant, one.seed) for one in twins.runs}
    for seed in range(plan.seeds):
        for variant in VARIANTS:
            if (variant, seed) not in done:
                twins = twins.joined(_train(plan, variant, seed, watch(variant, seed)))
                plan.folder.mkdir(parents=True, exist_ok=True)
                twins.write(plan.folder / TWINS)
    return twins


def _kept(plan: TwinPlan) -> Twins:
    """Read the results in the folder; none where it is new.

    Raises:
        TrainingError: they are of another recipe.
    """
    settings = _settings(plan)
    path = plan.folder / TWINS
    if not path.exists():
        return Twins(settings)
    kept = read_twins(path)
    if other := sorted(name for name, value in settings.items() if kept.settings.get(name) != value):
        raise TrainingError(
            "training.other-twins",
            "{path} has twins of another recipe (other: {names}); choose another folder",
            path=str(path),
            names=", ".join(other),
        )
    return kept


def _settings(plan: TwinPlan) -> dict[str, object]:
    named = plan.sources.named_in(plan.recipe).as_dict()
    return {"recipe": plan.recipe.name, **{key: value for key, value in named.items() if key not in ("name", "seed")}}


def _train(plan: TwinPlan, variant: Variant, seed: int, callbacks: Sequence[Callback]) -> TwinRun:
    recipe = recipe_of(plan.recipe, variant, seed)
    folder = plan.run_folder(variant, seed)
    done = run.train_classifier(
        recipe,
        folder,
        data_folder=plan.data_folder,
        resume=True,
        callbacks=callbacks,
        sources=plan.sources,
    )
    right, count = _counted(done, plan)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    precision = arithmetic("cpu" if device is None else device.type) if recipe.bfloat16 else torch.float32
    return TwinRun(
        variant=variant,
        seed=seed,
        right=right,
        count=count,
        parameters=sum(parameter.numel() for parameter in done.classifier.model.parameters()),
        multiply_adds=multiply_adds(done.classifier.model, done.classifier.input_size),
        seconds=round(_seconds([float(epoch["seconds"]) for epoch in done.classifier.card.history]), 1),
        arithmetic=str(precision).removeprefix("torch."),
        steps=_steps(folder),
    )


def _steps(folder: Path) -> int | None:
    """Return how many steps a run had; None where its history is gone."""
    try:
        return len(read_history(folder / HISTORY)[1].losses)
    except TrainingError:
        return None


def _seconds(epochs: Sequence[float]) -> float:
    """Return the time of a run as if all epochs had taken the median: other work on the machine does not count then."""
    return statistics.median(epochs) * len(epochs) if epochs else 0.0


def _counted(done: run.TrainedRun, plan: TwinPlan) -> tuple[int, int]:
    """Return the numbers of correct answers and of images: of the test, else of the validation after the last epoch."""
    card = done.classifier.card
    if card.test_correct is not None and card.test_count:
        return card.test_correct, card.test_count
    count = len(run.open_splits(plan.recipe, plan.sources, plan.data_folder).watched or ())
    return round(float(card.history[-1]["validation_accuracy"]) * count), count


def multiply_adds(model: nn.Module, size: tuple[int, int]) -> int:
    """Count the multiply-add operations of convolutions and linear layers in a forward of one image.

    Args:
        model: a network in eval mode.
        size: (width, height) of its input in pixels.
    """
    width, height = size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, height, width))
    return int(counter.get_total_flops()) // 2
