"""Figures for print that a command line asks for, and images that are drawn at random for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.inputs import NamedImage
from cbam_core.cli.output import counted, one_line, say
from cbam_core.errors import RenderError
from cbam_core.results.layout import NARROWEST, PAGE, WIDEST, Layout
from cbam_core.results.look import Look

if TYPE_CHECKING:
    from cbam_core.render.paper.printed import PrintedFigure
    from cbam_core.results.explanation import Explanation

MOST = 24
"""Largest number of images in a figure."""


def known_format(path: Path | None) -> Path | None:
    """Check that a figure can be saved under a name."""
    if path is not None:
        from cbam_core.render.paper.printed import kind_of

        try:
            kind_of(path)
        except RenderError as error:
            raise typer.BadParameter(str(error)) from error
    return path


class Draw:
    """Images drawn at random, and more in the place of those that cannot be read.

    Args:
        images: what is drawn from.
        count: how many are drawn.
        seed: seed of the draw.
    """

    def __init__(self, images: Sequence[NamedImage], count: int, seed: int) -> None:
        import numpy as np

        if count > len(images):
            raise typer.BadParameter(f"--draw asks for {counted(count, 'image')}, but there are {len(images)}")
        self.images = images
        random = np.random.default_rng(seed)
        first = random.choice(len(images), count, replace=False).tolist()
        self.first = [images[index] for index in sorted(first)]
        others = sorted(set(range(len(images))) - set(first))
        self._others = iter([others[index] for index in random.permutation(len(others)).tolist()])

    def more(self, count: int) -> list[NamedImage]:
        """Draw so many others; fewer where there are no more."""
        return [self.images[index] for index in islice(self._others, count)]


def rule_of(count: int, seed: int, given: Sequence[str], failed: int) -> str:
    """Say in one sentence how images were drawn.

    Args:
        count: images that were drawn and read.
        seed: seed of the draw.
        given: what the command line named.
        failed: images that were drawn and could not be read.
    """
    unread = f"; {failed} more could not be read" if failed else ""
    return f"{counted(count, 'image')} drawn with seed {seed} from {', '.join(map(str, given))}{unread}."


@dataclass(frozen=True)
class Printed:
    """A figure for print, as a command line asks for it.

    Attributes:
        figure: its file; None for no figure.
        width: its width in mm.
        rows: what its rows are.
    """

    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            metavar="FILE",
            help="Draw all images in one figure for print: a .pdf, .svg or .png file, its caption beside it.",
            callback=known_format,
        ),
    ] = None
    width: Annotated[
        float,
        typer.Option(
            metavar="MM", min=NARROWEST, max=WIDEST, help="Width of --figure in mm: 84 for one column, 174 for two."
        ),
    ] = PAGE
    rows: Annotated[
        Literal["images", "blocks"], typer.Option(help="Rows of --figure: one for each image, or for each block.")
    ] = "images"

    def check_count(self, count: int) -> None:
        """Check that the figure has space for this number of images.

        Raises:
            typer.BadParameter: it has not.
        """
        if self.figure is not None and count > MOST:
            raise typer.BadParameter(
                f"--figure has space for {MOST} images, not for {count}; draw some with --draw {MOST}"
            )

    def write(self, explained: Sequence[tuple[NamedImage, Explanation]], look: Look, rule: str) -> None:
        """Draw a figure of one image, or a grid of several, and write its caption beside it.

        Args:
            explained: images and their explanations.
            look: look of the masks.
            rule: how the images were drawn at random; "" if they were named.

        Raises:
            CbamError: matplotlib is not installed, or a file cannot be written.
        """
        from cbam_core.files import write_atomically

        if self.figure is None:
            return
        drawn = _drawn(explained, Layout(**asdict(look), width=self.width), self.rows, rule)
        drawn.save(self.figure)
        caption = self.figure.with_suffix(".caption.txt")
        write_atomically(caption, lambda file: file.write(f"{drawn.caption}\n".encode()))
        for note in drawn.notes:
            say(str(note))
        typer.echo(one_line(f"figure -> {self.figure}, caption -> {caption}"))


def _drawn(
    explained: Sequence[tuple[NamedImage, Explanation]], layout: Layout, rows: Literal["images", "blocks"], rule: str
) -> PrintedFigure:
    from cbam_core.render.paper.grid import grid_of
    from cbam_core.render.paper.single import figure_of

    truths = [image.label if image.label in one.classes else None for image, one in explained]
    if len(explained) == 1 and not rule:
        return figure_of(explained[0][1], layout, truth=truths[0])
    return grid_of([one for _, one in explained], layout, rows=rows, truths=truths, rule=rule)
