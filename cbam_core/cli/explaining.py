"""``cbam explain``: predictions and gates for any number of images, as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, open_checkpoint
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.inputs import NamedImage, find_images
from cbam_core.cli.interrupts import held_interrupts
from cbam_core.cli.output import one_line, progress_bar, say
from cbam_core.errors import ImageError
from cbam_core.explanation.formats import FORMATS
from cbam_core.results.look import COLOUR_TABLES, DEFAULT_COLOURS, DEFAULT_LOOK, Look, Reading, Scale

if TYPE_CHECKING:
    from cbam_core.network import Classifier
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
        list[Path],
        typer.Argument(
            metavar="IMAGE", help="Image files (JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF), or folders of them."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the results, with one folder for each image.")
    ],
    checkpoint: CheckpointOption = None,
    fit: Annotated[
        Literal["crop", "pad", "squash"],
        typer.Option(help="How to fit an image to the network's input: crop to its centre, pad with bars, or squash."),
    ] = "crop",
    reading: Annotated[
        Reading,
        typer.Option(
            help="How gates are drawn: their values, relative to their own mean, or compared with the usual shape."
        ),
    ] = DEFAULT_LOOK.reading,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip images whose results are complete and were made with these options.")
    ] = False,
) -> None:
    """Save the network's prediction and the values of its gates for each image.

    Each image gets a folder, named after its file without the ending, with {files}.
    Folders are searched for images, with their subfolders. Files of
    an earlier run are overwritten, unless --resume is given. Images that cannot be read are reported and skipped; the
    exit status is then 1. After Ctrl+C, the results of each image are there in full or not at all.

    \b
    Examples:
      cbam explain cat.jpg --out results
      cbam explain photos --out results --resume
      cbam explain photos/*.jpg --out results --fit pad --colours magma
      cbam explain cat.png --checkpoint mine.pth --out results --reading usual
    """
    look = Look(colours=colours, scale=scale, opacity=opacity, smooth=smooth, reading=reading)
    task = Task(open_checkpoint(checkpoint), out, fit, look, resume)
    if reading == "usual" and task.classifier.usual is None:
        say("it is not known what is usual for this network, so figures show no gates; run `cbam usual` first")
    given = find_images(images, leave_out=out)
    counts = _explain_all(task, given)
    if counts.before:
        say(f"{counts.before} of {len(given)} images were complete and were skipped")
    if counts.failed:
        say(f"{counts.failed} of {len(given)} images could not be explained")
        raise typer.Exit(SOME_FAILED)


# Typer shows the docstring as the command's help, and a docstring in the code cannot read a table.
explain_images.__doc__ = str(explain_images.__doc__).replace("{files}", _listed(each.about for each in FORMATS))


@dataclass(frozen=True)
class Task:
    """What is done with each image.

    Attributes:
        classifier: the network.
        out: folder of all results.
        fit: how images are fitted to the network's input.
        look: look of the masks in figures.
        resume: whether complete results are skipped.
    """

    classifier: Classifier
    out: Path
    fit: Literal["crop", "pad", "squash"]
    look: Look
    resume: bool

    def is_done(self, image: NamedImage) -> bool:
        """Check that the results of an image are there, and would be made again just so."""
        from cbam_core.explanation.manifest import is_saved
        from cbam_core.files import sha256_of

        folder = self.out / image.folder
        if not (self.resume and folder.is_dir() and image.path.is_file()):
            return False
        digest = sha256_of(image.path)
        return is_saved(folder, image=digest, fit=self.fit, network=self.classifier.digest, look=self.look)

    def explain(self, image: NamedImage) -> Explanation:
        """Explain one image.

        Raises:
            ImageError: it cannot be read.
        """
        from cbam_core.explanation import explain

        if image.path.is_dir():
            raise ImageError(
                "image.empty-folder",
                "there are no images in the folder {path}; name image files, or a folder with some",
                path=str(image.path),
            )
        return explain(self.classifier, image.path, self.fit)


@dataclass
class Counts:
    """Numbers of images.

    Attributes:
        done: images that were explained.
        before: images whose results were complete before.
        failed: images that could not be explained.
    """

    done: int = 0
    before: int = 0
    failed: int = 0


def _explain_all(task: Task, images: Sequence[NamedImage]) -> Counts:
    counts = Counts()
    with progress_bar("{task.completed}/{task.total}") as progress:
        bar = progress.add_task("explaining", total=len(images))
        try:
            for image in images:
                _explain_one(task, image, counts)
                progress.advance(bar)
        except KeyboardInterrupt:
            say(f"{counts.done + counts.before} of {len(images)} images are done; --resume continues with the others")
            raise
    return counts


def _explain_one(task: Task, image: NamedImage, counts: Counts) -> None:
    if task.is_done(image):
        counts.before += 1
        return
    try:
        explanation = task.explain(image)
    except ImageError as error:
        named = "" if str(image.path) in str(error) else f"{image.path}: "
        say(f"{named}{error}; skipped")
        counts.failed += 1
        return
    folder = task.out / image.folder
    with held_interrupts():
        explanation.save(folder, **asdict(task.look))
        typer.echo(_result(image.path, explanation, folder))
        counts.done += 1


def _result(path: Path, explanation: Explanation, folder: Path) -> str:
    percent = 100 * float(explanation.probabilities.max())
    return one_line(f"{path}: {explanation.predicted} {percent:.1f} % -> {folder}")
