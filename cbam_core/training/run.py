"""A whole run: from a recipe and the data set to a checkpoint with its card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from cbam_core.classifier import Classifier, load_classifier, save_classifier
from cbam_core.data.cifar10 import CLASSES, open_split
from cbam_core.errors import CheckpointError, TrainingError
from cbam_core.nn.registry import build, complete_arguments, find
from cbam_core.training.batches import normalise
from cbam_core.training.loop import Epoch, Images, fit
from cbam_core.training.recipes import RECIPES, Recipe
from cbam_core.training.scoring import Score, score
from cbam_core.weights.card import Card
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD

LIMITS = (
    "Knows ten classes of small pictures and nothing else: whatever it is shown, it answers with one of the ten. "
    "Trained on 32x32 pixels; a large photograph is reduced to that, and its details are lost. The probabilities "
    "are not calibrated."
)


@dataclass(frozen=True)
class TrainedRun:
    """What a run came to.

    Attributes:
        checkpoint: the file that it left.
        classifier: what is in it.
        score: on the test set; None where an earlier call had finished the run, so that the test set was left alone.
    """

    checkpoint: Path
    classifier: Classifier
    score: Score | None


def train_classifier(
    recipe: Recipe,
    folder: Path,
    *,
    name: str | None = None,
    data_folder: Path | None = None,
    resume: bool = False,
    report: Callable[[Epoch], object] | None = None,
) -> TrainedRun:
    """Train a network on CIFAR-10, test it once, and write its checkpoint.

    The run's state is stored in `folder` after every epoch. The test images are looked at once, after the last
    epoch; no decision is taken on them.

    Args:
        recipe: every number of the run.
        folder: where state and checkpoint go.
        name: the checkpoint's file name without ending; else the network's and the data set's.
        data_folder: where CIFAR-10 is; see `cbam_core.data.cifar10.data_folder`.
        resume: go on with the run in `folder`; a run that is complete is only tested and written.
        report: called after each epoch.

    Raises:
        DataError: CIFAR-10 was not fetched.
        TrainingError: the folder holds another run, or the training went wrong.
        OSError: the folder cannot be written.
    """
    checkpoint = folder / f"{name or f'{recipe.architecture.lower()}_cifar10'}.safetensors"
    if not resume and (folder / "state.pt").exists():
        raise TrainingError(
            "training.folder-in-use",
            "there is a run in {folder} already; go on with it by --resume, or choose another folder",
            folder=str(folder),
        )
    if resume and (finished := _finished(checkpoint, recipe)) is not None:
        return TrainedRun(checkpoint, finished, None)
    train, test = open_split("train", data_folder), open_split("test", data_folder)
    folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is noticed now, not after an epoch

    torch.manual_seed(recipe.seed)
    model = build(recipe.architecture)
    images = Images.from_arrays(train.images, train.labels)
    prepare = partial(normalise, mean=COURSE_MEAN, std=COURSE_STD)
    history = fit(model, images, recipe, prepare=prepare, folder=folder, resume=resume, report=report)
    trained = Classifier(
        model=model.eval(),
        architecture=recipe.architecture,
        arguments=complete_arguments(recipe.architecture, {}),
        classes=CLASSES,
        mean=COURSE_MEAN,
        std=COURSE_STD,
        input_size=find(recipe.architecture).input_size,
        name=checkpoint.stem,
    )
    result = score(trained, test.images, test.labels, classes=CLASSES)
    card = _card(recipe, history, len(train.labels), result)
    digest = save_classifier(replace(trained, card=card), checkpoint)
    return TrainedRun(checkpoint, replace(trained, card=card, digest=digest), result)


def command_for(recipe: Recipe) -> str:
    """The command line that makes a network of this recipe."""
    known = RECIPES.get(recipe.name)
    words = ["cbam train", f"--recipe {recipe.name}"]
    if known is not None and recipe.epochs != known.epochs:
        words.append(f"--epochs {recipe.epochs}")
    if known is not None and recipe.seed != known.seed:
        words.append(f"--seed {recipe.seed}")
    return " ".join([*words, f"--out runs/{recipe.name}"])


def _finished(checkpoint: Path, recipe: Recipe) -> Classifier | None:
    """The checkpoint of this very recipe, where an earlier call wrote it."""
    try:
        classifier = load_classifier(checkpoint)
    except CheckpointError:
        return None
    return classifier if dict(classifier.card.recipe) == recipe.as_dict() else None


def _card(recipe: Recipe, history: list[Epoch], images: int, result: Score) -> Card:
    return Card(
        what=f"{recipe.architecture}, a small network with CBAM blocks, trained from scratch on CIFAR-10.",
        recipe=recipe.as_dict(),
        command=command_for(recipe),
        epochs=len(history),
        seed=recipe.seed,
        split=(
            f"trained on {images - recipe.validation:,} of the {images:,} training images; the other "
            f"{recipe.validation:,} were watched, but nothing was chosen by them: the last epoch is kept; tested "
            f"once, on the {result.total:,} test images"
        ),
        test_correct=result.total_right,
        test_count=result.total,
        limits=LIMITS,
        history=tuple(asdict(epoch) for epoch in history),
    )
