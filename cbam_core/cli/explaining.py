"""``cbam explain``: what a network did with each of many images, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, open_checkpoint
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.output import one_line, progress_bar, say
from cbam_core.errors import ImageError

if TYPE_CHECKING:
    from cbam_core.results.explanation import Explanation


def explain_images(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Pictures: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go, one folder for each image.")
    ],
    checkpoint: CheckpointOption = None,
    fit: Annotated[
        Literal["crop", "pad", "squash"],
        typer.Option(help="Bring an image to the network's size: its centre, all of it with bars, or stretched."),
    ] = "crop",
    colours: Annotated[
        Literal["viridis", "magma", "cividis", "greys"], typer.Option(help="Colours of the masks.")
    ] = "viridis",
    scale: Annotated[
        Literal["unit", "stretch"],
        typer.Option(help="Colours run from 0 to 1, or over each mask's own range."),
    ] = "unit",
    smooth: Annotated[bool, typer.Option("--smooth", help="Blend between cells; else cells as they are.")] = False,
    opacity: Annotated[float, typer.Option(min=0, max=1, help="Of the masks over the picture.")] = 0.5,
) -> None:
    """Save what the network predicted for each image, and what its gates did.

    Each image gets a folder with a figure, all values (.npz), the channel weights (.csv) and a manifest (.json);
    a folder that an earlier run left for an image of the same name is written over. An image that cannot be
    read is reported and passed over, and the exit status is 1.

    \b
    Examples:
      cbam explain cat.jpg --out results
      cbam explain photos/*.jpg --out results --fit pad --colours magma
      cbam explain cat.png --checkpoint mine.pth --out results --scale stretch
    """
    from cbam_core.explanation import explain
    from cbam_core.explanation.saving import folder_names

    classifier = open_checkpoint(checkpoint)
    paths = list(dict.fromkeys(images))
    folders = folder_names(str(path) for path in paths)
    failed = 0
    with progress_bar("{task.completed}/{task.total}") as progress:
        task = progress.add_task("explaining", total=len(paths))
        for path in paths:
            try:
                explanation = explain(classifier, path, fit)
            except ImageError as error:
                named = "" if str(path) in str(error) else f"{path}: "
                say(f"{named}{error}; passed over")
                failed += 1
            else:
                folder = out / folders[str(path)]
                explanation.save(folder, colours=colours, scale=scale, smooth=smooth, opacity=opacity)
                typer.echo(_result(path, explanation, folder))
            progress.advance(task)
    if failed:
        say(f"{failed} of {len(paths)} images could not be explained")
        raise typer.Exit(SOME_FAILED)


def _result(path: Path, explanation: Explanation, folder: Path) -> str:
    percent = 100 * float(explanation.probabilities.max())
    return one_line(f"{path}: {explanation.predicted} {percent:.1f} % -> {folder}")
