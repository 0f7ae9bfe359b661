"""``cbam usual``: usual values of each gate of a network, over a data set."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cbam_core.cli.choosing import (
    DataFolderOption,
    JsonOption,
    Named,
    file_of,
    is_own,
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
    from cbam_core.errors import ImageError
    from cbam_core.network import Classifier
    from cbam_core.results.usual import Usual


@with_groups
def find_usual(
    *,
    named: Named,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            "--set",
            metavar="IMAGES",
            help="'cifar10:train', 'cifar10:test', 'samples' (the 100 bundled images), or a folder of images.",
            show_default="cifar10:train if it was downloaded, else samples",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Compute them again, even if they are kept.")] = False,
    data_dir: DataFolderOption = None,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Compute the usual values of each gate of a network, and save them beside the checkpoint.

    These are the mean of each gate over all images, and three shares of its variance that add up to 100 %: a fixed
    pattern, one number for each image (gain), and a pattern that follows the image. The app then shows how an image
    differs from the usual. Images of a folder that cannot be read are reported and skipped. If values are kept, of the
    images that --images names or of any without it, they are shown at once.

    \b
    Examples:
      cbam usual
      cbam usual mine.pth --images photos
      cbam usual --again
      cbam usual mine.pth --images cifar10:test --json
    """
    checkpoint = named.network
    classifier = open_checkpoint(checkpoint, stated, images="--images")
    if stated.classes is not None and not is_own(checkpoint or ""):
        # Names change no gate, so the results are those of the file under any names.
        classifier = open_checkpoint(checkpoint, replace(stated, classes=None))
    chosen = None if images is None else open_named(images, data_dir)
    if not again and classifier.usual is not None and _is_of(classifier.usual, chosen):
        _show(classifier, classifier.usual, as_json=as_json)
        say("these were kept; --again computes them again")
        return
    dataset = open_available("cifar10:train", data_dir) if chosen is None else chosen
    usual, skipped = _computed(classifier, dataset)
    try:
        kept = _kept(usual, classifier, checkpoint, stated)
    finally:  # what took minutes is shown even if it cannot be saved
        _show(classifier, usual, as_json=as_json)
    say(kept)
    if skipped:
        raise typer.Exit(SOME_FAILED)


def _is_of(usual: Usual, dataset: Dataset | None) -> bool:
    """Check that usual values are over all images of a set; None for whichever it is."""
    return dataset is None or (usual.images, usual.count) == (dataset.title, len(dataset))


def _computed(classifier: Classifier, dataset: Dataset) -> tuple[Usual, int]:
    """Compute usual values, and report images that cannot be read; return the values and the number of these."""
    from cbam_core.evaluation.usual_gates import usual_gates
    from cbam_core.workers import workers_side_by_side

    skipped: list[ImageError] = []

    def skip(error: ImageError) -> None:
        say(f"{error}; skipped")
        skipped.append(error)

    with progress_bar("{task.completed}/{task.total}") as progress, workers_side_by_side() as workers:
        task = progress.add_task("observing", total=len(dataset))
        usual = usual_gates(
            classifier,
            dataset,
            report=lambda done: progress.update(task, completed=done),
            skipped=skip,
            workers=workers,
        )
    return usual, len(skipped)


def _show(classifier: Classifier, usual: Usual, *, as_json: bool) -> None:
    """Write usual values, as a table or as JSON."""
    if as_json:
        write_json({"checkpoint": classifier.name, "digest": usual.digest, **describe_usual(usual)})
        return
    typer.echo(one_line(f"{classifier.name} on {usual.count:,} images ({usual.images})"))
    show_usual(usual)


def describe_usual(usual: Usual) -> dict[str, Any]:
    """Convert usual gates to JSON-ready values, without the values of each cell."""
    return {
        "usual": {"images": usual.images, "count": usual.count},
        "gates": [
            {
                "name": gate.name,
                "kind": gate.kind,
                "mean": gate.level,
                "fixed": gate.shares.fixed,
                "gain": gate.shares.gain,
                "pattern": gate.shares.pattern,
                "sentence": str(gate.sentence),
            }
            for gate in usual.gates
        ],
        "not_finite": list(usual.not_finite),
        "not_finite_for": [asdict(one) for one in usual.not_finite_for],
    }


def show_usual(usual: Usual) -> None:
    """Write a table of usual gates, and a sentence about those that have none."""
    if usual.gates:
        _show_table(usual)
    elif not usual.not_finite:
        typer.echo("no gate has usual values: the network has no gates, or none that was finite for every image")
    if usual.not_finite:
        known = {one.gate: str(one) for one in usual.not_finite_for}
        names = ", ".join(known.get(name, name) for name in usual.not_finite)
        typer.echo(one_line(f"no usual values, because not finite for every image: {names}"))


def _show_table(usual: Usual) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in ("mean", "fixed", "gain", "pattern"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    for gate in usual.gates:
        shares = (gate.shares.fixed, gate.shares.gain, gate.shares.pattern)
        table.add_row(
            one_line(gate.name), f"{gate.level:.3f}", *(percent(share, 0) for share in shares), str(gate.sentence)
        )
    console().print(table)


def _kept(usual: Usual, classifier: Classifier, checkpoint: str | None, stated: Stated) -> str:
    """Save usual values beside a checkpoint; say where they are, or why a network has no file to be beside of.

    Raises:
        DataError: they cannot be written.
    """
    from cbam_core.errors import CheckpointError

    try:
        file = file_of(classifier, checkpoint, stated)
    except CheckpointError as error:  # a network without a file of weights
        return str(error)
    return f"saved {_keep(usual, file)}"


def _keep(usual: Usual, checkpoint: Path) -> Path:
    from cbam_core.errors import DataError, reason_of
    from cbam_core.files import full_disk
    from cbam_core.results.usual import usual_path, write_usual

    path = usual_path(checkpoint)
    try:
        write_usual(usual, path)
    except OSError as error:
        raise full_disk(error, path, DataError, "usual.unwritable") or DataError(
            "usual.unwritable",
            "cannot write {path}: {reason}; move the checkpoint to a folder that you may write to",
            path=str(path),
            reason=reason_of(error),
        ) from error
    return path
