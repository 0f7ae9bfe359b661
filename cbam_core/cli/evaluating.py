"""``cbam evaluate``: how many test images a network gets right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, DataFolderOption, JsonOption, open_checkpoint
from cbam_core.cli.output import console, progress_bar, say, write_json

if TYPE_CHECKING:
    import numpy as np

    from cbam_core.classifier import Classifier
    from cbam_core.training.scoring import Score

WORDS = {"test": "the CIFAR-10 test set", "samples": "the bundled sample sheet, which is not the test set"}


def evaluate(
    checkpoint: CheckpointOption = None,
    data_dir: DataFolderOption = None,
    split: Annotated[
        Literal["test", "samples"] | None,
        typer.Option(
            help="All 10,000 test images, or the 100 of them that ship with the program.",
            show_default="test where it was fetched, else samples",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count how many CIFAR-10 test images a network gets right, in all and by class.

    \b
    Examples:
      cbam evaluate
      cbam evaluate --checkpoint mine.pth --json
      cbam evaluate --split samples
    """
    from cbam_core.data.cifar10 import CLASSES, is_fetched
    from cbam_core.training.scoring import score

    classifier = open_checkpoint(checkpoint)
    if split is None:
        split = "test" if is_fetched(data_dir) else "samples"
        if split == "samples":
            say(
                "CIFAR-10 was not fetched, so only the 100 bundled images are counted, too few to tell good "
                "networks apart; `cbam data fetch` gets the test set"
            )
    images, labels = _labelled(split, data_dir)
    with progress_bar("{task.completed}/{task.total}") as progress:
        task = progress.add_task("testing", total=len(labels))
        result = score(
            classifier,
            images,
            labels,
            classes=CLASSES,
            report=lambda done: progress.update(task, completed=done),
        )
    if as_json:
        who = {"checkpoint": classifier.name, "digest": classifier.digest, "split": split}
        write_json({**who, **result.as_dict()})
    else:
        _show(classifier, split, result)


def _labelled(split: Literal["test", "samples"], data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    from cbam_core.data.cifar10 import open_split
    from cbam_core.data.samples import sample_sheet

    if split == "test":
        test = open_split("test", data_dir)
        return test.images, test.labels
    sheet = sample_sheet()
    return sheet.images, sheet.labels


def _show(classifier: Classifier, split: str, result: Score) -> None:
    from rich.table import Table

    typer.echo(
        f"{classifier.name} on {WORDS[split]}: {result.accuracy:.2%} right "
        f"({result.total_right:,} of {result.total:,})\n"
    )
    table = Table("class", box=None, pad_edge=False)
    for heading in ("right", "of", "share"):
        table.add_column(heading, justify="right")
    for name, right, count in zip(result.classes, result.right, result.count, strict=True):
        table.add_row(name, f"{right:,}", f"{count:,}", f"{right / count:.1%}" if count else "")
    console().print(table)
