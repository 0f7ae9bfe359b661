"""A whole training run: from a recipe and the data set to a checkpoint with its card, history and film."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cbam_core.data.normalisation import normalise
from cbam_core.errors import CheckpointError, TrainingError
from cbam_core.evaluation.evaluation_file import save_evaluation
from cbam_core.evaluation.survey import score_with_gates
from cbam_core.network import Classifier, load_checkpoint, save_classifier
from cbam_core.network.building import open_network
from cbam_core.network.saving import save_named
from cbam_core.nn.memory_format import memory_format
from cbam_core.nn.registry import ARCHITECTURES
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, History, read_history
from cbam_core.results.usual import usual_path, write_usual
from cbam_core.training.building import Beginning, Sources, begin, input_side
from cbam_core.training.callbacks import Callback, Callbacks
from cbam_core.training.figures import draw_figures
from cbam_core.training.filming import Camera, Filming
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, find_devices, fit
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import Recipe, command_for
from cbam_core.training.records import Recording
from cbam_core.training.splits import Splits, cifar10_splits, folder_splits
from cbam_core.training.state import STATE, restore, sole_run, store_name, stored_name
from cbam_core.training.tensorboard import TensorBoard
from cbam_core.weights.card import Card

LIMITS = (
    "Knows ten classes of small pictures and nothing else: whatever it is shown, it answers with one of the ten. "
    "Trained on 32x32 pixels; a large photograph is reduced to that, and its details are lost. The probabilities "
    "are not calibrated."
)
LIMITS_OWN = (
    "Knows {count} classes and nothing else: whatever it is shown, it answers with one of them. Trained on images "
    "reduced to {side}x{side} pixels. The probabilities are not calibrated."
)


@dataclass(frozen=True)
class TrainedRun:
    """Result of a run.

    Attributes:
        checkpoint: path of the checkpoint.
        classifier: network in it.
        score: evaluation on the test set; None where an earlier call completed the run and tested it, or where there
            are no test images.
    """

    checkpoint: Path
    classifier: Classifier
    score: Evaluation | None

    @property
    def file(self) -> Path:
        """File of the weights alone; of a network of one's own, the checkpoint is a TOML file that names it."""
        return self.checkpoint.with_suffix(".safetensors")


def train_classifier(
    recipe: Recipe,
    folder: Path,
    *,
    name: str | None = None,
    data_folder: Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    tensorboard: bool = False,
    sources: Sources | None = None,
) -> TrainedRun:
    """Train a network on CIFAR-10 or a folder of classes, test it once, and write its checkpoint.

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
        sources: network, folder of classes and weights of one's own; of a run that continues, what is not named is as
            it was.

    Raises:
        CheckpointError: the weights that the network begins with do not fit it.
        DataError: CIFAR-10 was not fetched, or the folder of classes cannot be used.
        ModelError: there is no such network.
        TrainingError: the name is invalid, the folder holds another run or checkpoint, another training runs in it, or
            this one diverged.
        OSError: the folder cannot be written.
    """
    accelerator = find_devices()
    sources = (sources or Sources()).over(Sources.of_run(folder) if resume else Sources())
    recipe = sources.named_in(recipe)
    name = stored_name(folder) if resume and name is None else name
    checkpoint = folder / f"{_file_name(name, recipe)}.safetensors"
    if resume and (finished := _finished(checkpoint, recipe)) is not None:
        says = checkpoint.with_suffix(".toml")
        return TrainedRun(says if says.exists() else checkpoint, finished, None)
    _check_folder(folder, checkpoint, recipe, resume=resume)
    _check_weights(recipe, sources)
    splits = open_splits(recipe, sources, data_folder)
    if accelerator.is_main_process:
        Callbacks(callbacks).opened(splits)
    teacher = open_teacher(recipe, splits.classes)
    begins = begin(recipe, _still_needed(sources, folder), splits.classes, splits.filmed.shape[1], checkpoint.stem)
    folder.mkdir(parents=True, exist_ok=True)  # fail now, not after an epoch
    with sole_run(folder) if accelerator.is_main_process else nullcontext():
        untrained = begins.classifier
        camera = Camera(untrained, splits.filmed, splits.labels)
        own: list[Callback] = [
            _Naming(folder, checkpoint.stem, sources),
            Recording(folder, recipe, _counts(recipe, splits)),
            Filming(folder, camera, recipe.epochs),
            *([TensorBoard(folder, camera)] if tensorboard else []),
        ]
        history = fit(
            _learner(untrained, teacher, accelerator.device),
            splits.train,
            recipe,
            folder=folder,
            resume=resume,
            callback=Callbacks([*own, *callbacks]),
            accelerator=accelerator,
        )
        trained = replace(untrained, model=untrained.model.cpu())
        done = _Done(recipe, history, splits, teacher, replace(begins, classifier=trained))
        return _finish(done, checkpoint, accelerator)


def _learner(untrained: Classifier, teacher: Classifier | None, device: torch.device) -> Learner:
    """Give the loop a network, the way its images are prepared, and the answers of its teacher."""
    return Learner(
        untrained.model,
        prepare=partial(normalise, mean=untrained.mean, std=untrained.std),
        teacher=None if teacher is None else _answers(teacher, device),
    )


def _check_folder(folder: Path, checkpoint: Path, recipe: Recipe, *, resume: bool) -> None:
    """Check that nothing of another run would be lost.

    Raises:
        TrainingError: another run or checkpoint is in the folder.
    """
    if not resume and (folder / STATE).exists():
        raise TrainingError(
            "training.folder-in-use",
            "there is already a run in {folder}; continue it with --resume, or choose another folder",
            folder=str(folder),
        )
    if checkpoint.exists():
        if resume:
            restore(folder, recipe)  # if the run itself is another one, that error comes first
        raise TrainingError(
            "training.checkpoint-there",
            "there is already a checkpoint {file}, which this run did not create; choose another folder or name",
            file=str(checkpoint),
        )


class _Naming(Callback):
    """A callback that keeps what a run is called and where its parts come from, once it has begun.

    Args:
        folder: folder of the run.
        name: file name of the checkpoint, without ending.
        sources: network, folder of classes and weights.
    """

    def __init__(self, folder: Path, name: str, sources: Sources) -> None:
        self._folder, self._name, self._sources = folder, name, sources

    def begin(self, model: nn.Module, history: History) -> None:
        """Write both files."""
        store_name(self._folder, self._name)
        self._sources.save(self._folder)


def open_splits(recipe: Recipe, sources: Sources, data_folder: Path | None) -> Splits:
    """Read the images of a run; those of the test are not read yet.

    Raises:
        DataError, ImageError, TrainingError: as `folder_splits` and `cifar10_splits`.
    """
    if sources.data:
        return folder_splits(Path(sources.data).expanduser(), input_side(recipe), recipe.validation)
    return cifar10_splits(data_folder, recipe.size)


def _check_weights(recipe: Recipe, sources: Sources) -> None:
    if recipe.stages and not recipe.weights and not sources.model:
        raise TrainingError(
            "training.stages-without-weights",
            "stages keep most of a network as it is at first, so they need pretrained weights; give --weights FILE",
        )


def _still_needed(sources: Sources, folder: Path) -> Sources:
    """Leave out the weights that a network begins with where the state of the run has its own already."""
    return replace(sources, weights="") if (folder / STATE).exists() else sources


def open_teacher(recipe: Recipe, classes: tuple[str, ...]) -> Classifier | None:
    """Load the teacher of a recipe; None where the recipe has none.

    Raises:
        CheckpointError: there is no network of that name.
        TrainingError: the network has other classes.
    """
    if not recipe.teacher:
        return None
    teacher = load_checkpoint(recipe.teacher)
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
        network = re.sub(r"\W+", "_", recipe.architecture.rpartition(":")[2].removesuffix(".toml"))
        data = re.sub(r"\W+", "_", recipe.data)
        return f"{network.lower()}{'_cbam' if recipe.insert else ''}_{data or 'cifar10'}"[:100]
    if re.fullmatch(r"\w[\w .+-]{0,99}", name) is None:
        raise TrainingError(
            "training.name",
            "a checkpoint's name has 1 to 100 letters, digits or any of ' .+-_', and no folder; given {given}",
            given=repr(name)[:60],
        )
    return name


def _answers(teacher: Classifier, device: torch.device) -> Callable[[Tensor], Tensor]:
    model = teacher.model.to(device).to(memory_format=memory_format(teacher.model.modules()))

    def answer(images: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = model(normalise(images, teacher.mean, teacher.std))
        return logits

    return answer


def _finished(checkpoint: Path, recipe: Recipe) -> Classifier | None:
    """Load the checkpoint of this recipe, if an earlier call wrote it."""
    says = checkpoint.with_suffix(".toml")
    if says.exists() and checkpoint.exists():
        kept = read_history(checkpoint.with_suffix(".history.json"))[0]
        return None if recipe.differences(kept) else open_network(str(says))
    try:
        classifier = load_checkpoint(checkpoint)
    except CheckpointError:
        return None
    return None if recipe.differences(classifier.card.recipe) else classifier


@dataclass(frozen=True, eq=False)
class _Done:
    """A network whose training is over, before its test.

    Attributes:
        recipe: recipe of the run.
        history: history of the run.
        splits: its images.
        teacher: network whose answers were learnt too.
        network: the trained network, and what it began with.
    """

    recipe: Recipe
    history: History
    splits: Splits
    teacher: Classifier | None
    network: Beginning


def _finish(done: _Done, checkpoint: Path, accelerator: Accelerator) -> TrainedRun:
    """Test the network once, and write all files; in the main process, while the others wait."""
    splits, trained = done.splits, done.network.classifier
    shown = splits.test if splits.test is not None else splits.watched
    result, usual = (None, None) if shown is None else score_with_gates(trained, shown)
    tested = result if splits.test is not None else None
    card = _card(done, tested, _what(done, accelerator.device.type))
    named = done.network.named
    if accelerator.is_main_process:
        folder = checkpoint.parent
        shutil.copyfile(folder / HISTORY, checkpoint.with_suffix(".history.json"))
        shutil.copyfile(folder / FILM, checkpoint.with_suffix(".film.npz"))
        draw_figures(done.history, folder, name=checkpoint.stem)
        if named is None:
            digest = save_classifier(replace(trained, card=card), checkpoint)
        else:
            digest = open_network(str(save_named(trained, named, checkpoint))).digest
        if tested is not None:
            save_evaluation(replace(tested, digest=digest), checkpoint)
        if usual is not None and usual.gates:
            write_usual(replace(usual, digest=digest), usual_path(checkpoint))
    accelerator.wait_for_everyone()
    if named is not None:
        opened = replace(open_network(str(checkpoint.with_suffix(".toml"))), card=card)
        return TrainedRun(checkpoint.with_suffix(".toml"), opened, tested)
    return TrainedRun(checkpoint, load_checkpoint(checkpoint), tested)


def _what(done: _Done, device: str) -> str:
    recipe, teacher = done.recipe, done.teacher
    if recipe.architecture in ARCHITECTURES and not recipe.data:
        what = f"{recipe.architecture}, a small network with CBAM blocks, trained from scratch on CIFAR-10."
    else:
        blocks = f" with CBAM after {recipe.insert}" if recipe.insert else ""
        what = f"{recipe.architecture}{blocks}, trained on {done.splits.name}."
    if done.network.begins:
        what += f" {done.network.begins}"
    elif recipe.weights:
        what += f" It began with the weights of {recipe.weights}."
    if teacher is not None:
        what += (
            f" It was trained on the labels and on the probabilities of {teacher.name} "
            f"(SHA-256 {teacher.digest}), a network trained on the same images."
        )
    if recipe.bfloat16 and arithmetic(device) == torch.float32:
        what += " It was finished in float32, on a processor without arithmetic for bfloat16."
    return what


def _card(done: _Done, result: Evaluation | None, what: str) -> Card:
    recipe, history = done.recipe, done.history
    own = LIMITS_OWN.format(count=len(done.splits.classes), side=done.splits.filmed.shape[1])
    return Card(
        what=what[:2000],
        recipe=recipe.as_dict(),
        command=command_for(recipe.as_dict(), f"runs/{recipe.name}"),
        epochs=len(history.epochs),
        seed=recipe.seed,
        split=_said_split(done, result),
        test_correct=None if result is None else result.total_right,
        test_count=None if result is None else result.total,
        limits=own if recipe.data or recipe.architecture not in ARCHITECTURES else LIMITS,
        history=tuple(asdict(epoch) for epoch in history.epochs),
    )


def _counts(recipe: Recipe, splits: Splits) -> tuple[int, int]:
    """Return how many images the run learns from, and with how many it is watched."""
    watched = recipe.validation if isinstance(splits.train, Images) else len(splits.train.validation.labels)
    return splits.count - watched, watched


def _said_split(done: _Done, result: Evaluation | None) -> str:
    recipe, splits = done.recipe, done.splits
    kept = {"last": "the last epoch is kept", "best": "the best epoch on them is kept"}[recipe.keep]
    learnt, watched = _counts(recipe, splits)
    said = (
        f"trained on {learnt:,} of the {splits.count:,} training images; the other {watched:,} were watched: {kept}; "
    )
    if splits.how:
        said = f"{splits.how}: {said}"
    if result is None:
        return f"{said}there was no test, for there are no test images"
    return f"{said}tested once, on the {result.total:,} test images, each looked at once, unchanged"
