"""``cbam explain``: predictions and gates for any number of images, as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, open_checkpoint, refuse_network
from cbam_core.cli.failures import SOME_FAILED, as_options
from cbam_core.cli.figures import Draw, check_count, draw_figure, known_format, rule_of
from cbam_core.cli.inputs import NamedImage, find_images
from cbam_core.cli.interrupts import held_interrupts
from cbam_core.cli.output import counted, one_line, progress_bar, say
from cbam_core.cli.reports import check_room, known_page, write_page
from cbam_core.cli.stating import UNSTATED, Stated, with_statement
from cbam_core.errors import ImageError
from cbam_core.explanation.formats import FORMATS
from cbam_core.results.layout import NARROWEST, PAGE, WIDEST, Layout
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


@with_statement
def explain_images(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Image files (JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF), folders of them, or patterns, such as "
            "'photos/**/*.jpg'.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder of the results, with one folder for each image."),
    ] = None,
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
            "--colours",
            "--colors",
            metavar=f"<{'|'.join(COLOUR_TABLES)}>",
            help="Colour table of the masks.",
            callback=_known_colours,
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
    draw: Annotated[
        int | None, typer.Option("--draw", metavar="N", min=1, help="Draw N of the images at random; see --seed.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of --draw.")] = 0,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            metavar="FILE",
            help="Draw all images in one figure for print: a .pdf, .svg or .png file, its caption beside it.",
            callback=known_format,
        ),
    ] = None,
    width: Annotated[
        float, typer.Option(min=NARROWEST, max=WIDEST, help="Width of --figure in mm: 84 for one column, 174 for two.")
    ] = PAGE,
    rows: Annotated[
        Literal["images", "blocks"], typer.Option(help="Rows of --figure: one for each image, or for each block.")
    ] = "images",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write one .html file about all images, with the viewer inside; images in folders that are named as "
            "classes are compared with them, and mistakes come first.",
            callback=known_page,
        ),
    ] = None,
    language: Annotated[
        Literal["en", "zh"], typer.Option(help="Language of --html: English or Simplified Chinese.")
    ] = "en",
    stated: Stated = UNSTATED,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Stretch grey values of more than eight bits to black and white.")
    ] = False,
    ground: Annotated[Literal["white", "black"], typer.Option(help="What transparent areas are placed on.")] = "white",
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
      cbam explain photos --draw 8 --seed 0 --figure grid.pdf --width 84
      cbam explain photos --html report.html
      cbam explain cat.png --checkpoint mine.pth --out results --classes cat,dog --normalisation imagenet
    """
    if out is None and figure is None and html is None:
        raise typer.BadParameter("missing option '--out', or '--figure', or '--html'")
    look = Look(colours=colours, scale=scale, opacity=opacity, smooth=smooth, reading=reading)
    classifier = open_checkpoint(checkpoint, stated)
    for remark in classifier.remarks:
        say(as_options(str(remark)))
    task = Task(classifier, out, fit, look, resume, keeps=bool(figure or html), stretch=stretch, ground=ground)
    if reading == "usual" and task.classifier.usual is None:
        say("it is not known what is usual for this network, so figures show no gates; run `cbam usual` first")
    found = find_images(images, leave_out=out)
    drawn = None if draw is None else Draw(found, draw, seed)
    given = found if drawn is None else drawn.first
    if figure is not None:
        check_count(len(given))
    if html is not None:
        check_room(len(given))
    counts = _explain_all(task, given, drawn)
    if figure is not None and counts.explained:
        rule = "" if draw is None else rule_of(len(counts.explained), seed, images, counts.failed)
        draw_figure(figure, counts.explained, Layout(**asdict(look), width=width), rows=rows, rule=rule)
    if html is not None and counts.explained:
        write_page(html, classifier, counts.explained, look, language)
    if counts.before:
        was = "was complete and was" if len(given) == 1 else "were complete and were"
        say(f"{counts.before} of {counted(len(given), 'image')} {was} skipped")
    if counts.failed:
        say(f"{counts.failed} of {counted(counts.tried, 'image')} could not be explained")
        raise typer.Exit(SOME_FAILED)


# Typer shows the docstring as the command's help, and a docstring in the code cannot read a table.
explain_images.__doc__ = str(explain_images.__doc__).replace("{files}", _listed(each.about for each in FORMATS))


@dataclass(frozen=True)
class Task:
    """What is done with each image.

    Attributes:
        classifier: the network.
        out: folder of all results; None to save none.
        fit: how images are fitted to the network's input.
        look: look of the masks in figures.
        resume: whether complete results are skipped.
        keeps: whether explanations are needed when all are done.
        stretch: whether values of more than eight bits are stretched.
        ground: what transparent areas are placed on.
    """

    classifier: Classifier
    out: Path | None
    fit: Literal["crop", "pad", "squash"]
    look: Look
    resume: bool
    keeps: bool
    stretch: bool = False
    ground: Literal["white", "black"] = "white"

    @property
    def decoding(self) -> dict[str, str | bool]:
        """How image files are decoded."""
        return {"stretch": self.stretch, "ground": self.ground}

    def is_done(self, image: NamedImage) -> bool:
        """Check that the results of an image are there, and would be made again just so."""
        from cbam_core.explanation.manifest import is_saved
        from cbam_core.files import sha256_of

        if self.out is None or not (self.resume and image.path.is_file()):
            return False
        return is_saved(
            self.out / image.folder,
            image=sha256_of(image.path),
            fit=self.fit,
            network=self.classifier.digest,
            look=self.look,
            decoding=self.decoding,
        )

    def explain(self, image: NamedImage) -> Explanation:
        """Explain one image.

        Raises:
            ImageError: it cannot be read.
        """
        from cbam_core.data.fitting import decode_to_fit
        from cbam_core.data.images import refuse_address
        from cbam_core.explanation import explain

        refuse_address(image.given)
        refuse_network(image.given)
        if image.path.is_dir():
            raise ImageError(
                "image.empty-folder",
                "there are no images in the folder {path}; name image files, or a folder with some",
                path=str(image.path),
            )
        size = self.classifier.input_size
        picture = decode_to_fit(image.path, size, self.fit, stretch=self.stretch, ground=self.ground)
        return explain(self.classifier, picture, self.fit)


@dataclass
class Counts:
    """What came of the images.

    Attributes:
        done: images that were explained.
        before: images whose results were complete before.
        failed: images that could not be explained.
        tried: images that were asked for, or drawn in the place of others.
        explained: images and their explanations, as far as a figure needs them.
    """

    done: int = 0
    before: int = 0
    failed: int = 0
    tried: int = 0
    explained: list[tuple[NamedImage, Explanation]] = field(default_factory=list)


def _explain_all(task: Task, images: Sequence[NamedImage], drawn: Draw | None = None) -> Counts:
    """Explain images; others are drawn in the place of those that cannot be read, where they were drawn."""
    counts = Counts()
    with progress_bar("{task.completed}/{task.total}") as progress:
        bar = progress.add_task("explaining", total=len(images))
        try:
            for image in images:
                counts.tried += 1
                _explain_one(task, image, counts)
                progress.advance(bar)
            while drawn is not None and (others := drawn.more(len(images) - counts.done - counts.before)):
                for image in others:
                    counts.tried += 1
                    _explain_one(task, image, counts)
        except KeyboardInterrupt:
            done, of = counts.done + counts.before, counted(len(images), "image")
            say(f"{done} of {of} {'is' if len(images) == 1 else 'are'} done; --resume continues with the others")
            raise
    if drawn is not None:
        counts.explained.sort(key=lambda one: drawn.images.index(one[0]))
    return counts


def _explain_one(task: Task, image: NamedImage, counts: Counts) -> None:
    complete = task.is_done(image)
    counts.before += complete
    if complete and not task.keeps:
        return
    try:
        explanation = task.explain(image)
    except ImageError as error:
        named = "" if {str(image.path), image.given} & {*map(str, error.message.values.values())} else f"{image.path}: "
        say(f"{named}{error}; skipped")
        counts.failed += 1
        return
    if task.keeps:
        counts.explained.append((image, explanation))
    if not complete:
        _save(task, image, explanation, counts)


def _save(task: Task, image: NamedImage, explanation: Explanation, counts: Counts) -> None:
    """Save an explanation where it is wanted, write a line about it, and count it."""
    from cbam_core.explanation.saving import save

    predicted = explanation.predicted
    says = "no prediction" if predicted is None else f"{predicted} {100 * explanation.probability:.1f} %"
    said = f"{image.path}: {says}"
    if task.out is None:
        typer.echo(one_line(said))
        counts.done += 1
        return
    folder = task.out / image.folder
    with held_interrupts():
        save(explanation, folder, look=task.look, decoding=task.decoding)
        typer.echo(one_line(f"{said} -> {folder}"))
        counts.done += 1
