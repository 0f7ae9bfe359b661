"""``cbam train``: from a recipe to a checkpoint with its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import DataFolderOption
from cbam_core.cli.output import one_line, percent, progress_bar

if TYPE_CHECKING:
    from rich.progress import Progress

    from cbam_core.results.history import Epoch
    from cbam_core.training.callbacks import Callback
    from cbam_core.training.recipes import Recipe


DEFAULT_RECIPE = "fast"


def _known_recipe(name: str | None) -> str | None:
    from cbam_core.training.recipes import RECIPES

    if name is not None and name not in RECIPES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(sorted(RECIPES))}")
    return name


def _assignment(text: str) -> str:
    if "=" not in text:
        raise typer.BadParameter(f"'{text}' must look like NAME=VALUE")
    return text


def train(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run's state and checkpoint.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help="Recipe of the run.",
            callback=_known_recipe,
            show_default=f"{DEFAULT_RECIPE}, or with --resume that of the run",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in this folder.")] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs, instead of the recipe's.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed, instead of the recipe's.", show_default=False)] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other value of the recipe; may be repeated."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="File name of the checkpoint.", show_default="network and data set, or with --resume that of the run"
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard/--no-tensorboard", help="Log for TensorBoard, in DIR/tensorboard.")
    ] = True,
    data_dir: DataFolderOption = None,
) -> None:
    """Train a network on CIFAR-10, test it once, and write its checkpoint.

    The state is saved after every epoch; --resume continues a run that was stopped, by the recipe that it was started
    with. The test set is used once, after the last epoch. Recipes: fast, strong, reference (the course's) and residual.

    \b
    Examples:
      cbam train --recipe fast --out runs/fast
      cbam train --out runs/fast --resume
      cbam train --recipe fast --epochs 5 --set learning_rate=0.05 --out runs/quick
      torchrun --nproc_per_node 2 -m cbam_core.cli train --recipe fast --out runs/two
    """
    import torch

    from cbam_core.training.memory import keep_freed_memory
    from cbam_core.training.precision import arithmetic
    from cbam_core.training.recipes import override
    from cbam_core.training.run import train_classifier

    values = dict(change.split("=", 1) for change in map(_assignment, changes or ()))
    values |= {} if epochs is None else {"epochs": str(epochs)}
    values |= {} if seed is None else {"seed": str(seed)}
    chosen = override(_base(recipe, out, resume=resume), values)
    keep_freed_memory()
    imitated = chosen.bfloat16 and not torch.accelerator.is_available() and arithmetic("cpu") != torch.bfloat16
    notice = "this processor has no instructions for bfloat16; the run computes in float32" if imitated else ""
    with progress_bar("{task.fields[state]}") as progress:
        if tensorboard:
            typer.echo(one_line(f"for TensorBoard, run: tensorboard --logdir {out}"))
        run = train_classifier(
            chosen,
            out,
            name=name,
            data_folder=data_dir,
            resume=resume,
            callbacks=[_on_terminal(progress, notice)],
            tensorboard=tensorboard,
        )
    card = run.classifier.card
    before = "" if run.score is not None else " (this run was already complete)"
    typer.echo(f"test accuracy {percent(card.test_accuracy or 0)}, {card.test_correct} of {card.test_count}{before}")
    typer.echo(one_line(str(run.checkpoint)))


def _base(name: str | None, out: Path, *, resume: bool) -> Recipe:
    """Return the recipe of a name; without one, that of the run that continues, or the default."""
    from cbam_core.training.recipes import RECIPES
    from cbam_core.training.state import stored_recipe

    stored = stored_recipe(out) if resume and name is None else None
    return RECIPES[name or DEFAULT_RECIPE] if stored is None else stored


def _on_terminal(progress: Progress, notice: str) -> Callback:
    """Make a callback that shows a progress bar and a line for each epoch, after a notice if there is one."""
    from cbam_core.results.history import History
    from cbam_core.training.callbacks import Callback, Step
    from cbam_core.training.records import Pace

    bar = progress.add_task("training", total=None, state="")

    class Terminal(Callback):
        def begin(self, model: object, history: History) -> None:
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
