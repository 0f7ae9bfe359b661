"""A whole training run: from a recipe and the data set to a checkpoint with its card, history and film."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.data.normalisation import normalise
from cbam_core.errors import CheckpointError, TrainingError
from cbam_core.evaluation.evaluation_file import save_evaluation
from cbam_core.evaluation.survey import score_with_gates
from cbam_core.network import Classifier, load_classifier, save_classifier
from cbam_core.nn.registry import build, complete_arguments, find
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, History
from cbam_core.results.usual import usual_path, write_usual
from cbam_core.training.callbacks import Callback, Callbacks
from cbam_core.training.figures import draw_figures
from cbam_core.training.filming import Camera, Filming
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, find_devices, fit
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import Recipe, command_for
from cbam_core.training.records import Recording
from cbam_core.training.state import STATE, restore, store_name, stored_name
from cbam_core.training.tensorboard import TensorBoard
from cbam_core.weights.card import Card
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD

LIMITS = (
    "Knows ten classes of small pictures and nothing else: whatever it is shown, it answers with one of the ten. "
    "Trained on 32x32 pixels; a large photograph is reduced to that, and its details are lost. The probabilities "
    "are not calibrated."
)


@dataclass(frozen=True)
class TrainedRun:
    """Result of a run.

    Attributes:
        checkpoint: path of the checkpoint.
        classifier: network in it.
        score: evaluation on the test set; None where an earlier call completed the run and tested it.
    """

    checkpoint: Path
    classifier: Classifier
    score: Evaluation | None


def train_classifier(
    recipe: Recipe,
    folder: Path,
    *,
    name: str | None = None,
    data_folder: Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    tensorboard: bool = False,
) -> TrainedRun:
    """Train a network on CIFAR-10, test it once, and write its checkpoint.

    The state of the run is saved in `folder` after every epoch. The test images are used once, after the last epoch,
    and for no decision. History and film of the run are written beside the checkpoint, under its name.

    Args:
        recipe: all settings of the run.
        folder: folder of state and checkpoint.
        name: file name of the checkpoint without ending; None for that of the run that continues, or the names of
            network and data set.
        data_folder: where CIFAR-10 is; see `cbam_core.data.cifar10.data_folder`.
        resume: continue the run in `folder`; a run whose epochs are complete is only tested and written.
        callbacks: called besides the run's own records.
        tensorboard: write a log for TensorBoard too.

    Raises:
        DataError: CIFAR-10 was not fetched.
        TrainingError: the name is invalid, the folder holds another run or checkpoint, or the training diverged.
        OSError: the folder cannot be written.
    """
    accelerator = find_devices()
    name = stored_name(folder) if resume and name is None else name
    checkpoint = folder / f"{_file_name(name, recipe)}.safetensors"
    if not resume and (folder / STATE).exists():
        raise TrainingError(
            "training.folder-in-use",
            "there is already a run in {folder}; continue it with --resume, or choose another folder",
            folder=str(folder),
        )
    if resume and (finished := _finished(checkpoint, recipe)) is not None:
        return TrainedRun(checkpoint, finished, None)
    if checkpoint.exists():
        if resume:
            restore(folder, recipe)  # if the run itself is another one, that error comes first
        raise TrainingError(
            "training.checkpoint-there",
            "there is already a checkpoint {file}, which this run did not create; choose another folder or name",
            file=str(checkpoint),
        )
    train, test = open_dataset("cifar10:train", data_folder), open_dataset("cifar10:test", data_folder)
    teacher = open_teacher(recipe, train.classes)
    folder.mkdir(parents=True, exist_ok=True)  # fail now, not after an epoch
    if accelerator.is_main_process:
        store_name(folder, checkpoint.stem)

    torch.manual_seed(recipe.seed)
    arguments = _arguments(recipe)
    model = build(recipe.architecture, arguments)
    untrained = Classifier(
        model=model,
        architecture=recipe.architecture,
        arguments=complete_arguments(recipe.architecture, arguments),
        classes=train.classes,
        mean=COURSE_MEAN,
        std=COURSE_STD,
        input_size=find(recipe.architecture).input_size,
        name=checkpoint.stem,
    )
    camera = Camera(untrained)
    own: list[Callback] = [Recording(folder, recipe), Filming(folder, camera, recipe.epochs)]
    if tensorboard:
        own.append(TensorBoard(folder, camera))
    history = fit(
        Learner(
            model,
            prepare=partial(normalise, mean=untrained.mean, std=untrained.std),
            teacher=None if teacher is None else _answers(teacher, accelerator.device),
        ),
        Images.from_dataset(train),
        recipe,
        folder=folder,
        resume=resume,
        callback=Callbacks([*own, *callbacks]),
        accelerator=accelerator,
    )
    return _finish(
        replace(untrained, model=model.cpu()), recipe, history, checkpoint, (train, test), teacher, accelerator
    )


def open_teacher(recipe: Recipe, classes: tuple[str, ...]) -> Classifier | None:
    """Load the teacher of a recipe; None where the recipe has none.

    Raises:
        CheckpointError: there is no network of that name.
        TrainingError: the network has other classes.
    """
    if not recipe.teacher:
        return None
    teacher = load_classifier(recipe.teacher)
    if teacher.classes != classes:
        raise TrainingError(
            "training.other-classes",
            "the classes of {teacher} differ from those of CIFAR-10, so it cannot be the teacher; name another network",
            teacher=recipe.teacher,
        )
    return teacher


def _file_name(name: str | None, recipe: Recipe) -> str:
    """Check the file name of the checkpoint without ending, before training starts."""
    if name is None:
        return f"{recipe.architecture.lower()}_cifar10"
    if re.fullmatch(r"\w[\w .+-]{0,99}", name) is None:
        raise TrainingError(
            "training.name",
            "a checkpoint's name has 1 to 100 letters, digits or any of ' .+-_', and no folder; given {given}",
            given=repr(name)[:60],
        )
    return name


def _arguments(recipe: Recipe) -> dict[str, str]:
    """Return the constructor arguments that the recipe names."""
    takes_gates = "gates" in find(recipe.architecture).arguments
    return {"gates": recipe.gates} if takes_gates or recipe.gates != "both" else {}


def _answers(teacher: Classifier, device: torch.device) -> Callable[[Tensor], Tensor]:
    model = teacher.model.to(device).to(memory_format=torch.channels_last)

    def answer(images: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = model(normalise(images, teacher.mean, teacher.std))
        return logits

    return answer


def _finished(checkpoint: Path, recipe: Recipe) -> Classifier | None:
    """Load the checkpoint of this recipe, if an earlier call wrote it."""
    try:
        classifier = load_classifier(checkpoint)
    except CheckpointError:
        return None
    return None if recipe.differences(classifier.card.recipe) else classifier


def _finish(
    trained: Classifier,
    recipe: Recipe,
    history: History,
    checkpoint: Path,
    splits: tuple[Dataset, Dataset],
    teacher: Classifier | None,
    accelerator: Accelerator,
) -> TrainedRun:
    """Test the network once, and write all files; in the main process, while the others wait."""
    train, test = splits
    result, usual = score_with_gates(trained, test)
    what = _what(recipe, teacher, accelerator.device.type)
    card = _card(recipe, history, len(train), result, what)
    if accelerator.is_main_process:
        folder = checkpoint.parent
        shutil.copyfile(folder / HISTORY, checkpoint.with_suffix(".history.json"))
        shutil.copyfile(folder / FILM, checkpoint.with_suffix(".film.npz"))
        draw_figures(history, folder, name=checkpoint.stem)
        digest = save_classifier(replace(trained, card=card), checkpoint)
        save_evaluation(replace(result, digest=digest), checkpoint)
        write_usual(replace(usual, digest=digest), usual_path(checkpoint))
    accelerator.wait_for_everyone()
    return TrainedRun(checkpoint, load_classifier(checkpoint), result)


def _what(recipe: Recipe, teacher: Classifier | None, device: str) -> str:
    what = f"{recipe.architecture}, a small network with CBAM blocks, trained from scratch on CIFAR-10."
    if teacher is not None:
        what += (
            f" It was trained on the labels and on the probabilities of {teacher.name} "
            f"(SHA-256 {teacher.digest}), a network trained on the same images."
        )
    if recipe.bfloat16 and arithmetic(device) == torch.float32:
        what += " It was finished in float32, on a processor without arithmetic for bfloat16."
    return what


def _card(recipe: Recipe, history: History, images: int, result: Evaluation, what: str) -> Card:
    kept = {"last": "the last epoch is kept", "best": "the best epoch on them is kept"}[recipe.keep]
    return Card(
        what=what,
        recipe=recipe.as_dict(),
        command=command_for(recipe.as_dict(), f"runs/{recipe.name}"),
        epochs=len(history.epochs),
        seed=recipe.seed,
        split=(
            f"trained on {images - recipe.validation:,} of the {images:,} training images; the other "
            f"{recipe.validation:,} were watched: {kept}; tested once, on the {result.total:,} test images, "
            "each looked at once, unchanged"
        ),
        test_correct=result.total_right,
        test_count=result.total,
        limits=LIMITS,
        history=tuple(asdict(epoch) for epoch in history.epochs),
    )
