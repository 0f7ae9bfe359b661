"""``cbam train``: from a recipe to a checkpoint with its card."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import DataFolderOption, say_left_out
from cbam_core.cli.output import one_line, percent, progress_bar, say
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.train_options import Own, Settings, recipe_names

if TYPE_CHECKING:
    from rich.progress import Progress

    from cbam_core.results.history import Epoch
    from cbam_core.training.callbacks import Callback
    from cbam_core.training.recipes import Recipe
    from cbam_core.training.run import TrainedRun
    from cbam_core.training.splits import Splits
    from cbam_core.training.twins import TwinPlan


@with_groups
def train(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run's state and checkpoint.")],
    settings: Settings,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="File name of the checkpoint.",
            show_default="network and data set, or with --resume that of the run",
        ),
    ] = None,
    own: Own,
    twins: Annotated[
        int | None,
        typer.Option(
            "--twins",
            metavar="SEEDS",
            min=1,
            max=100,
            help="Train three networks for each of so many seeds: with attention, without, and with as many parameters "
            "in layers that gate nothing; and say whether attention paid. --resume continues.",
            show_default=False,
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard/--no-tensorboard", help="Log for TensorBoard, in DIR/tensorboard.")
    ] = True,
    data_dir: DataFolderOption = None,
) -> None:
    """Train a network on CIFAR-10 or a folder of your own classes, test it once, and write its checkpoint.

    The state is saved after every epoch; --resume continues a run that was stopped, by the recipe that it was started
    with. The test set is used once, after the last epoch. Recipes: {recipes}; reference is the course's, and staged
    puts CBAM into a pretrained ResNet-18, unfrozen in three stages.

    \b
    Examples:
      cbam train --recipe fast --out runs/fast
      cbam train --out runs/fast --resume
      cbam train --recipe fast --epochs 5 --set learning_rate=0.05 --out runs/quick
      cbam train --recipe staged --weights resnet18.pth --data photos --size 64 --out runs/photos
      cbam train --recipe fast --twins 3 --out runs/twins
      torchrun --nproc-per-node 2 -m cbam_core train --recipe fast --out runs/two
    """
    from cbam_core.memory import keep_freed_memory
    from cbam_core.training.building import Sources
    from cbam_core.training.recipes import override
    from cbam_core.training.run import train_classifier
    from cbam_core.training.state import stored_recipe
    from cbam_core.training.twins import TwinPlan

    first = out if twins is None else out / "with-0"
    values, sources = settings.values | own.values, own.sources
    chosen = override(settings.base(first), values)
    keep_freed_memory()
    notice = _notice(chosen)
    if settings.resume and stored_recipe(first) is None and _speaks():
        say(f"there is no run in {out} yet, so one begins")
    if twins is not None:
        plan = TwinPlan(chosen, out, twins, sources.over(Sources.of_run(first)), data_dir)
        with _saying_how_to_continue(out, f"--twins {twins} "):
            _train_twins(plan, notice, resume=settings.resume)
        return
    opening = f"for TensorBoard, run: tensorboard --logdir {out}" if tensorboard else ""
    with _saying_how_to_continue(out), progress_bar("{task.fields[state]}") as progress:
        run = train_classifier(
            chosen,
            out,
            name=name,
            data_folder=data_dir,
            resume=settings.resume,
            callbacks=[_on_terminal(progress, notice, opening)],
            tensorboard=tensorboard,
            **({} if sources == Sources() else {"sources": sources}),
        )
    _say_outcome(run)


# Typer shows the docstring as the command's help, and a docstring in the code cannot read a folder.
train.__doc__ = str(train.__doc__).replace("{recipes}", ", ".join(recipe_names()))


def _say_outcome(run: TrainedRun) -> None:
    """Say how the network did in its test, and where it is."""
    if _speaks():
        typer.echo(_outcome(run))
        typer.echo(one_line(str(run.checkpoint)))


def _speaks() -> bool:
    """Check that this process is the one of several that says what all do."""
    return os.environ.get("RANK", "0") == "0"


def _notice(recipe: Recipe) -> str:
    """Say that this processor does not compute in the number type that a recipe asks for; "" where it does."""
    import torch

    from cbam_core.training.precision import arithmetic

    imitated = recipe.bfloat16 and not torch.accelerator.is_available() and arithmetic("cpu") != torch.bfloat16
    return "this processor has no instructions for bfloat16; the run computes in float32" if imitated else ""


@contextmanager
def _saying_how_to_continue(out: Path, options: str = "") -> Iterator[None]:
    """Say after Ctrl+C with which command a run continues, if it has begun."""
    try:
        yield
    except KeyboardInterrupt:
        if out.is_dir():
            say(f"stopped; continue with: cbam train {options}--out {shlex.quote(str(out))} --resume")
        raise


def _train_twins(plan: TwinPlan, notice: str, *, resume: bool) -> None:
    """Train twins with a progress bar for each run, and print what came of them.

    Raises:
        TrainingError: there are twins in the folder, and they are not to continue.
    """
    from cbam_core.cli.twins import WHAT, show_twins
    from cbam_core.errors import TrainingError
    from cbam_core.results.twins import TWINS, Variant
    from cbam_core.training.twins import train_twins

    if not resume and plan.folder.exists() and any(plan.folder.iterdir()):
        raise TrainingError(
            "training.folder-in-use",
            "there is already a run in {folder}; continue it with --resume, or choose another folder",
            folder=str(plan.folder),
        )
    with progress_bar("{task.fields[state]}") as progress:

        def watch(variant: Variant, seed: int) -> list[Callback]:
            typer.echo(f"{WHAT[variant]}, seed {seed}")
            first = not progress.task_ids
            for task in progress.task_ids:
                progress.remove_task(task)
            return [_on_terminal(progress, notice, names_left_out=first)]

        twins = train_twins(plan, watch)
    show_twins(twins, plan.folder / TWINS)


def _outcome(run: TrainedRun) -> str:
    """Say how the network did in its test, or why there was none."""
    card = run.classifier.card
    if card.test_accuracy is not None:
        before = "" if run.score is not None else " (this run was already complete)"
        return f"test accuracy {percent(card.test_accuracy)}, {card.test_correct} of {card.test_count}{before}"
    last = card.history[-1]["validation_accuracy"] if card.history else 0
    return f"validation accuracy {percent(last)}; there are no test images"


def _on_terminal(progress: Progress, notice: str, opening: str = "", *, names_left_out: bool = True) -> Callback:
    """Make a callback that shows a progress bar and a line for each epoch.

    Args:
        progress: where the bar is shown.
        notice: line to standard error when the run begins; "" for none.
        opening: line to standard output when the run begins; "" for none.
        names_left_out: whether to say which files of a folder of images are left out.
    """
    from cbam_core.results.history import History
    from cbam_core.training.callbacks import Callback, Step
    from cbam_core.training.records import Pace

    bar = progress.add_task("training", total=None, state="")

    class Terminal(Callback):
        def opened(self, splits: Splits) -> None:
            for folder, unlisted in splits.unlisted.items() if names_left_out else ():
                say_left_out(unlisted, str(folder))

        def begin(self, model: object, history: History) -> None:
            if opening:
                typer.echo(one_line(opening))
            if notice:
                typer.echo(notice, err=True)
            for epoch in history.epochs:
                typer.echo(f"{_line(epoch)}  (before)")
            self.pace = Pace.now()

        def step(self, step: Step) -> None:
            images, loss = self.pace.after(step.images, step.loss)
            left = _duration((step.epochs * step.steps - step.number) * step.images / images)
            state = f"epoch {step.epoch}/{step.epochs}  loss {loss:.4f}  {images:,.0f} images/s  {left} left"
            progress.update(bar, total=step.epochs * step.steps, completed=step.number, state=state)

        def epoch(self, model: object, history: History) -> None:
            typer.echo(_line(history.epochs[-1]))

        def end(self, history: History) -> None:
            progress.update(bar, state="testing")

    return Terminal()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number:>3}  loss {epoch.train_loss:.4f}  accuracy {percent(epoch.train_accuracy)}  "
        f"validation {percent(epoch.validation_accuracy)}  {epoch.seconds:.0f} s"
    )
