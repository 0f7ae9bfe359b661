"""``cbam evaluate``: test accuracy, confusion matrix and calibration of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import (
    DataFolderOption,
    JsonOption,
    Named,
    file_of,
    open_available,
    open_checkpoint,
    open_named,
)
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.output import console, one_line, percent, progress_bar, say, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.network import Classifier
    from cbam_core.results.evaluation import Evaluation

EvaluatedSplit = Literal["test", "samples"]

WORDS = {"test": "the CIFAR-10 test set", "samples": "the 100 bundled images (not the whole test set)"}


@dataclass(frozen=True)
class Tested:
    """Which images a network is tested on.

    Attributes:
        split: all images of the test set, or the bundled ones; None for the first where they are there.
        images: folder of classes instead.
        keep: whether predictions are saved beside the checkpoint.
    """

    split: Annotated[
        EvaluatedSplit | None,
        typer.Option(
            help="All 10,000 test images, or the 100 that ship with the program.",
            show_default="test if it was downloaded, else samples",
        ),
    ] = None
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", "--set", metavar="DIR", help="A folder with one subfolder of images for each class, instead."
        ),
    ] = None
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Save the predictions beside the checkpoint, for the app."),
    ] = False

    def check(self) -> None:
        """Check that the options go together.

        Raises:
            typer.BadParameter: they do not.
        """
        if self.images is not None and (self.keep or self.split is not None):
            raise typer.BadParameter("--images takes the place of the test set; leave --split and --keep out")
        if self.keep and self.split == "samples":
            raise typer.BadParameter("--keep is for the test set; leave '--split samples' out")

    def open(self, classifier: Classifier, data_dir: Path | None) -> Dataset:
        """Open the images; those of a folder have the classes of a network.

        Raises:
            DataError: they are not there, or it is no folder of classes.
        """
        from cbam_core.data.dataset import labelled_for, open_dataset

        if self.images is not None:
            dataset = open_named(str(self.images))
            return labelled_for(replace(dataset, labels=dataset.known_labels), classifier.classes)
        split = self.split or ("test" if self.keep else None)
        if split is None:
            return open_available("cifar10:test", data_dir)
        return open_dataset("cifar10:test" if split == "test" else split, data_dir)


@with_groups
def evaluate(
    *,
    named: Named,
    data_dir: DataFolderOption = None,
    tested: Tested,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Measure a network's accuracy on the CIFAR-10 test set, or on a folder of images, in total and by class.

    The output has 95 % confidence intervals (Wilson), the expected calibration error (15 bins of equal width), and
    the confusion matrix. --json adds the bins. Images of a folder that cannot be read are reported and left out.

    \b
    Examples:
      cbam evaluate
      cbam evaluate mine.pth --json
      cbam evaluate mine.pth --keep
      cbam evaluate --split samples
      cbam evaluate my.nets:resnet --weights best.pth --classes names.txt --size 224 --images val
    """
    tested.check()
    from cbam_core.evaluation.scoring import score
    from cbam_core.memory import keep_freed_memory
    from cbam_core.results.left_out import left_out_message
    from cbam_core.workers import workers_side_by_side

    keep_freed_memory()
    classifier = open_checkpoint(named.network, stated, images="--images")
    dataset = tested.open(classifier, data_dir)
    with progress_bar("{task.completed}/{task.total}") as progress, workers_side_by_side() as workers:
        task = progress.add_task("testing", total=len(dataset))
        result = score(classifier, dataset, report=lambda done: progress.update(task, completed=done), workers=workers)
    if as_json:
        write_json({"checkpoint": classifier.name, "digest": result.digest, "split": result.split, **result.as_dict()})
    else:
        _show(classifier.name, result, WORDS.get(result.split) or f"the images of {one_line(dataset.name)}")
    if result.left_out:
        say(str(left_out_message(result.left_out, result.total)))
    if tested.keep:
        _keep(result, file_of(classifier, named.network, stated))
    if result.left_out:
        raise typer.Exit(SOME_FAILED)


def _keep(result: Evaluation, checkpoint: Path) -> None:
    from cbam_core.evaluation.evaluation_file import save_evaluation

    say(f"saved {save_evaluation(result, checkpoint)}")


def _show(name: str, result: Evaluation, images: str) -> None:
    low, high = result.interval
    few = ", wide because there are few images" if result.split == "samples" else ""
    calibration = result.as_dict()["calibration"]
    typer.echo(
        f"{one_line(name)} on {images}: accuracy {percent(result.accuracy)} "
        f"({result.total_right:,} of {result.total:,})\n"
        f"95 % confidence interval {percent(low)} to {percent(high)} (Wilson){few}\n"
        f"expected calibration error {percent(calibration['expected_calibration_error'])} "
        f"({len(calibration['bins'])} bins), mean confidence {percent(calibration['confidence'])}\n"
    )
    _show_classes(result)
    typer.echo("\nConfusion matrix: a row for each true class, a column for each predicted class\n")
    _show_confusion(result)


def _show_classes(result: Evaluation) -> None:
    from rich.table import Table

    from cbam_core.results.evaluation import wilson_interval

    table = Table("class", box=None, pad_edge=False)
    for heading in ("correct", "of", "accuracy", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, right, count in zip(result.classes, result.right, result.count, strict=True):
        low, high = wilson_interval(right, count)
        shares = (percent(right / count, 1), f"{percent(low, 1)} to {percent(high, 1)}") if count else ()
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
