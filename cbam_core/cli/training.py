"""``cbam train``: from a recipe to a checkpoint with its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import DataFolderOption
from cbam_core.cli.output import one_line, progress_bar

if TYPE_CHECKING:
    from cbam_core.training.loop import Epoch


def _known_recipe(name: str) -> str:
    from cbam_core.training.recipes import RECIPES

    if name not in RECIPES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(sorted(RECIPES))}")
    return name


def train(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where state and checkpoint go.")],
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="Which recipe to follow.", callback=_known_recipe)
    ] = "short",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in this folder.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Other than the recipe's.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Other than the recipe's.", show_default=False)] = None,
    name: Annotated[
        str | None, typer.Option(help="File name of the checkpoint.", show_default="network and data set")
    ] = None,
    data_dir: DataFolderOption = None,
) -> None:
    """Train a network on CIFAR-10, test it once, and write its checkpoint.

    The whole state is stored after every epoch, so a run that was stopped goes on with --resume. The test images
    are looked at once, after the last epoch.

    \b
    Examples:
      cbam train --recipe short --out runs/short
      cbam train --recipe short --out runs/short --resume
      cbam train --recipe short --epochs 5 --seed 1 --out runs/quick
    """
    from cbam_core.training.recipes import RECIPES
    from cbam_core.training.run import train_classifier

    chosen = RECIPES[recipe]
    chosen = replace(
        chosen,
        epochs=chosen.epochs if epochs is None else epochs,
        seed=chosen.seed if seed is None else seed,
    )
    with progress_bar("epoch {task.completed}/{task.total}") as progress:
        task = progress.add_task("training", total=chosen.epochs)

        def report(epoch: Epoch) -> None:
            typer.echo(_line(epoch))
            progress.update(task, completed=epoch.number)

        run = train_classifier(chosen, out, name=name, data_folder=data_dir, resume=resume, report=report)
    card = run.classifier.card
    before = "" if run.score is not None else " (this run was finished before)"
    typer.echo(f"test accuracy {card.test_accuracy or 0:.2%}, {card.test_correct} of {card.test_count}{before}")
    typer.echo(one_line(str(run.checkpoint)))


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number:>3}  loss {epoch.train_loss:.4f}  right {epoch.train_accuracy:.2%}  "
        f"held out {epoch.validation_accuracy:.2%}  {epoch.seconds:.0f} s"
    )
