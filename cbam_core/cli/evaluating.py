"""``cbam evaluate``: how many test images a network gets right, which ones it mixes up, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, DataFolderOption, JsonOption, open_checkpoint
from cbam_core.cli.output import console, one_line, progress_bar, say, write_json
from cbam_core.errors import DataError
from cbam_core.places import shipped_checkpoints

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.network import Classifier
    from cbam_core.results.evaluation import Evaluation

Split = Literal["test", "samples"]

WORDS = {"test": "the CIFAR-10 test set", "samples": "the bundled sample sheet, which is not the test set"}


def evaluate(
    checkpoint: CheckpointOption = None,
    data_dir: DataFolderOption = None,
    split: Annotated[
        Split | None,
        typer.Option(
            help="All 10,000 test images, or the 100 of them that ship with the program.",
            show_default="test where it was fetched, else samples",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the answers to the test set beside the checkpoint, for the app."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Count how many CIFAR-10 test images a network gets right, in all and by class.

    The accuracy comes with its 95 % confidence interval (Wilson), the calibration as the expected calibration
    error over 15 bins of equal width. --json adds the bins.

    \b
    Examples:
      cbam evaluate
      cbam evaluate --checkpoint mine.pth --json
      cbam evaluate --checkpoint mine.pth --keep
      cbam evaluate --split samples
    """
    if keep and split == "samples":
        raise typer.BadParameter("--keep is for the test set; leave '--split samples' out")
    from cbam_core.evaluation.scoring import score

    classifier = open_checkpoint(checkpoint)
    dataset = _opened(split or ("test" if keep else None), data_dir)
    with progress_bar("{task.completed}/{task.total}") as progress:
        task = progress.add_task("testing", total=len(dataset))
        result = score(classifier, dataset, report=lambda done: progress.update(task, completed=done))
    if as_json:
        write_json({"checkpoint": classifier.name, "digest": result.digest, "split": result.split, **result.as_dict()})
    else:
        _show(classifier.name, result)
    if keep:
        _keep(result, classifier, checkpoint)


def _opened(split: Split | None, data_dir: Path | None) -> Dataset:
    """The images that were asked for; without a wish, the test set where it is, else the samples."""
    from cbam_core.data.dataset import open_dataset

    if split != "samples":
        try:
            return open_dataset("cifar10:test", data_dir)
        except DataError:
            if split == "test":
                raise
        say(
            "CIFAR-10 was not fetched, so only the 100 bundled images are counted, too few to tell good "
            "networks apart; `cbam data fetch` gets the test set"
        )
    return open_dataset("samples")


def _keep(result: Evaluation, classifier: Classifier, given: str | None) -> None:
    from cbam_core.evaluation.evaluation_file import save_evaluation

    shipped = shipped_checkpoints()
    file = shipped[classifier.name] if given is None else shipped.get(given, Path(given))
    say(f"kept in {save_evaluation(result, file)}")


def _show(name: str, result: Evaluation) -> None:
    low, high = result.interval
    few = f": wide, because {result.total:,} images are few" if result.split == "samples" else ""
    calibration = result.as_dict()["calibration"]
    typer.echo(
        f"{one_line(name)} on {WORDS[result.split]}: {result.accuracy:.2%} right "
        f"({result.total_right:,} of {result.total:,})\n"
        f"95 % confidence interval {low:.2%} to {high:.2%} (Wilson){few}\n"
        f"expected calibration error {calibration['expected_calibration_error']:.2%} "
        f"({len(calibration['bins'])} bins); {calibration['confidence']:.2%} sure on average\n"
    )
    _show_classes(result)
    typer.echo("\nWhat was taken for what: a row for each true class, a column for each answer\n")
    _show_confusion(result)


def _show_classes(result: Evaluation) -> None:
    from rich.table import Table

    from cbam_core.results.evaluation import wilson_interval

    table = Table("class", box=None, pad_edge=False)
    for heading in ("right", "of", "share", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, right, count in zip(result.classes, result.right, result.count, strict=True):
        low, high = wilson_interval(right, count)
        shares = (f"{right / count:.1%}", f"{low:.1%} to {high:.1%}") if count else ()
        table.add_row(name, f"{right:,}", f"{count:,}", *shares)
    console().print(table)


def _show_confusion(result: Evaluation) -> None:
    from rich.table import Table

    table = Table("", box=None, pad_edge=False)
    for name in result.classes:
        table.add_column(name, justify="right", overflow="fold")
    for name, row in zip(result.classes, result.confusion.tolist(), strict=True):
        table.add_row(name, *(str(number or "-") for number in row))
    console().print(table)
