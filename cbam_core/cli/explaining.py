"""``cbam explain``: predictions and gates for any number of images, as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, open_checkpoint
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.output import one_line, progress_bar, say
from cbam_core.errors import ImageError
from cbam_core.explanation.formats import FORMATS
from cbam_core.results.look import COLOUR_TABLES, DEFAULT_COLOURS, DEFAULT_LOOK, Scale

if TYPE_CHECKING:
    from cbam_core.results.explanation import Explanation


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}"


def _known_colours(name: str) -> str:
    if name not in COLOUR_TABLES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(map(repr, COLOUR_TABLES))}")
    return name


def explain_images(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Image files: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the results, with one folder for each image.")
    ],
    checkpoint: CheckpointOption = None,
    fit: Annotated[
        Literal["crop", "pad", "squash"],
        typer.Option(help="How to fit an image to the network's input: crop to its centre, pad with bars, or squash."),
    ] = "crop",
    colours: Annotated[
        str,
        typer.Option(
            metavar=f"<{'|'.join(COLOUR_TABLES)}>", help="Colour table of the masks.", callback=_known_colours
        ),
    ] = DEFAULT_COLOURS,
    scale: Annotated[
        Scale, typer.Option(help="Range of the colours: 0 to 1, or stretched to each mask's values.")
    ] = DEFAULT_LOOK.scale,
    smooth: Annotated[bool, typer.Option("--smooth", help="Interpolate between the cells of a mask.")] = False,
    opacity: Annotated[
        float, typer.Option(min=0, max=1, help="Opacity of the masks over the image.")
    ] = DEFAULT_LOOK.opacity,
) -> None:
    """Save the network's prediction and the values of its gates for each image.

    Each image gets a folder with {files}. Files of
    an earlier run are overwritten. Images that cannot be read are reported and skipped; the exit status is then 1.

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
                say(f"{named}{error}; skipped")
                failed += 1
            else:
                folder = out / folders[str(path)]
                explanation.save(folder, colours=colours, scale=scale, smooth=smooth, opacity=opacity)
                typer.echo(_result(path, explanation, folder))
            progress.advance(task)
    if failed:
        say(f"{failed} of {len(paths)} images could not be explained")
        raise typer.Exit(SOME_FAILED)


# Typer shows the docstring as the command's help, and a docstring in the code cannot read a table.
explain_images.__doc__ = str(explain_images.__doc__).replace("{files}", _listed(each.about for each in FORMATS))


def _result(path: Path, explanation: Explanation, folder: Path) -> str:
    percent = 100 * float(explanation.probabilities.max())
    return one_line(f"{path}: {explanation.predicted} {percent:.1f} % -> {folder}")
