"""``cbam explain``: predictions and gates for any number of images, as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import typer

from cbam_core.cli.choosing import CheckpointOption, open_checkpoint, refuse_network, say_unlisted
from cbam_core.cli.explain_options import Decoding, Files, Shown, Which
from cbam_core.cli.failures import SOME_FAILED, of_commands, remark_said
from cbam_core.cli.figures import Draw, Printed
from cbam_core.cli.inputs import NamedImage, check_readable
from cbam_core.cli.interrupts import held_interrupts
from cbam_core.cli.output import counted, one_line, progress_bar, say
from cbam_core.cli.reports import Page
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.errors import ImageError, ModelError
from cbam_core.explanation.formats import FORMATS

if TYPE_CHECKING:
    from cbam_core.data.folder import Unlisted
    from cbam_core.network import Classifier
    from cbam_core.results.explanation import Explanation


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}"


@with_groups
def explain_images(
    *,
    files: Files,
    checkpoint: CheckpointOption = None,
    shown: Shown,
    which: Which,
    printed: Printed,
    page: Page,
    stated: Stated = UNSTATED,
    decoding: Decoding,
) -> None:
    """Save the network's prediction and the values of its gates for each image.

    Each image gets a folder, named after its file without the ending, with {files}.
    Folders are searched for images, with their subfolders. Files of
    an earlier run are overwritten, unless --resume is given. Images that cannot be read, or for which the network
    fails, are reported and skipped; the exit status is then 1. After Ctrl+C, the results of each image are there in
    full or not at all.

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
    keeps = bool(printed.figure or page.html)
    if files.out is None and not keeps:
        raise typer.BadParameter("missing option '--out', or '--figure', or '--html': where results are written")
    classifier = open_checkpoint(checkpoint, stated)
    _say_remarks(classifier, shown)
    left_out: list[tuple[Unlisted, str]] = []
    found = files.find(lambda *folder: left_out.append(folder))
    drawn = which.draw_from(found)
    given = found if drawn is None else drawn.first
    printed.check_count(len(given))
    page.check_count(len(given))
    for unlisted, folder in left_out:
        say_unlisted(unlisted, folder)
    task = Task(classifier, files, shown, decoding, resume=which.resume, keeps=keeps)
    counts = _explain_all(task, given, drawn)
    if explained := counts.explained:
        printed.write(explained, shown.look, which.rule(files.images, len(explained), counts.failed))
        page.write(classifier, explained, shown.look)
    _say_counts(counts)


def _say_remarks(classifier: Classifier, shown: Shown) -> None:
    """Say what is to be known of a network before its images are explained."""
    for remark in classifier.remarks:
        say(remark_said(remark))
    if shown.reading == "usual" and classifier.usual is None:
        say("it is not known what is usual for this network, so figures show no gates; run `cbam usual` first")


# Typer shows the docstring as the command's help, and a docstring in the code cannot read a table.
explain_images.__doc__ = str(explain_images.__doc__).replace("{files}", _listed(each.about for each in FORMATS))


@dataclass(frozen=True)
class Task:
    """What is done with each image.

    Attributes:
        classifier: the network.
        files: where results go.
        shown: how images are fitted to the network's input, and masks drawn in figures.
        decoding: how image files are decoded.
        resume: whether complete results are skipped.
        keeps: whether explanations are needed when all are done.
    """

    classifier: Classifier
    files: Files
    shown: Shown
    decoding: Decoding
    resume: bool
    keeps: bool

    def is_done(self, image: NamedImage) -> bool:
        """Check that the results of an image are there, and would be made again just so."""
        from cbam_core.explanation.manifest import is_saved
        from cbam_core.files import sha256_of

        if self.files.out is None or not (self.resume and image.path.is_file()):
            return False
        return is_saved(
            self.files.out / image.folder,
            image=sha256_of(image.path),
            fit=self.shown.fit,
            network=self.classifier.digest,
            look=self.shown.look,
            decoding=asdict(self.decoding),
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
            check_readable(image.path)
            raise ImageError(
                "image.empty-folder",
                "there are no images in the folder {path}; name image files, or a folder with some",
                path=str(image.path),
            )
        fit = self.shown.fit
        picture = decode_to_fit(image.path, self.classifier.input_size, fit, **asdict(self.decoding))
        return explain(self.classifier, picture, fit)


@dataclass
class Counts:
    """What came of the images.

    Attributes:
        done: images that were explained.
        before: images whose results were complete before.
        failed: images that could not be explained.
        tried: images that were asked for, or drawn in the place of others.
        given: images that are to be explained.
        explained: images and their explanations, as far as a figure needs them.
    """

    done: int = 0
    before: int = 0
    failed: int = 0
    tried: int = 0
    given: int = 1
    explained: list[tuple[NamedImage, Explanation]] = field(default_factory=list)

    @property
    def is_hopeless(self) -> bool:
        """Whether all images have failed, should the present one fail too: all there are, or enough to give up."""
        return self.failed + 1 == self.tried >= min(self.given, HOPELESS)


def _say_counts(counts: Counts) -> None:
    """Say how many images were skipped, and how many failed; the command then reports a failure.

    Args:
        counts: what came of the images.
    """
    if counts.before:
        was = "was complete and was" if counts.given == 1 else "were complete and were"
        say(f"{counts.before} of {counted(counts.given, 'image')} {was} skipped")
    if counts.failed:
        say(f"{counts.failed} of {counted(counts.tried, 'image')} could not be explained")
        raise typer.Exit(SOME_FAILED)


def _explain_all(task: Task, images: Sequence[NamedImage], drawn: Draw | None = None) -> Counts:
    """Explain images; others are drawn in the place of those that cannot be read, where they were drawn."""
    counts = Counts(given=len(images))
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


OF_ONE_IMAGE = ("model.not-finite", "model.forward")
"""Codes of errors of a network that another image may not have."""

HOPELESS = 8
"""Number of images without any result after which a network that fails for each of them is tried on no other."""


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
    except ModelError as error:
        if error.code not in OF_ONE_IMAGE:
            raise
        if counts.is_hopeless:
            if counts.tried < counts.given:
                say(f"the network fails for each of the first {counts.tried} images, so the others are not tried:")
            raise
        say(f"{image.path}: {of_commands(error)}; skipped")
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
    if task.files.out is None:
        typer.echo(one_line(said))
        counts.done += 1
        return
    folder = task.files.out / image.folder
    with held_interrupts():
        save(explanation, folder, look=task.shown.look, decoding=asdict(task.decoding))
        typer.echo(one_line(f"{said} -> {folder}"))
        counts.done += 1
