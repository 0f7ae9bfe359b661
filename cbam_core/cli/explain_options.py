"""Options of ``cbam explain`` in groups: which images, how they are read and shown, and where results go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.figures import Draw, rule_of
from cbam_core.cli.inputs import NamedImage, find_images
from cbam_core.results.look import COLOUR_TABLES, DEFAULT_COLOURS, DEFAULT_LOOK, Look, Reading, Scale

if TYPE_CHECKING:
    from cbam_core.data.folder import Unlisted


@dataclass(frozen=True)
class Files:
    """Which images are explained, and where their results go.

    Attributes:
        images: files, folders and patterns.
        out: folder of the results; None to save none.
    """

    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Image files (JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF), folders of them, or patterns, such as "
            "'photos/**/*.jpg'.",
        ),
    ]
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder of the results, with one folder for each image."),
    ] = None

    def find(self, report: Callable[[Unlisted, str], object]) -> list[NamedImage]:
        """List the images; the folder of the results is not searched.

        Args:
            report: called for each folder with the files in it that are left out, and its name.
        """
        return find_images(self.images, leave_out=self.out, report=report)


def _known_colours(name: str) -> str:
    if name not in COLOUR_TABLES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(map(repr, COLOUR_TABLES))}")
    return name


@dataclass(frozen=True)
class Shown:
    """How an image is shown to the network, and its masks to a reader.

    Attributes:
        fit: how the image is fitted to the network's input.
        reading: what is drawn of a gate.
        colours: name of a colour table.
        scale: range of the colours.
        smooth: whether masks are interpolated.
        opacity: share of the colours over the image, 0 to 1.
    """

    fit: Annotated[
        Literal["crop", "pad", "squash"],
        typer.Option(help="How to fit an image to the network's input: crop to its centre, pad with bars, or squash."),
    ] = "crop"
    reading: Annotated[
        Reading,
        typer.Option(
            help="How gates are drawn: their values, relative to their own mean, or compared with the usual shape."
        ),
    ] = DEFAULT_LOOK.reading
    colours: Annotated[
        str,
        typer.Option(
            "--colours",
            "--colors",
            metavar=f"<{'|'.join(COLOUR_TABLES)}>",
            help="Colour table of the masks.",
            callback=_known_colours,
        ),
    ] = DEFAULT_COLOURS
    scale: Annotated[Scale, typer.Option(help="Range of the colours: 0 to 1, or stretched to each mask's values.")] = (
        DEFAULT_LOOK.scale
    )
    smooth: Annotated[bool, typer.Option("--smooth", help="Interpolate between the cells of a mask.")] = False
    opacity: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Opacity of the masks over the image.")
    ] = DEFAULT_LOOK.opacity

    @property
    def look(self) -> Look:
        """Look of the masks."""
        return Look(
            colours=self.colours, scale=self.scale, opacity=self.opacity, smooth=self.smooth, reading=self.reading
        )


@dataclass(frozen=True)
class Which:
    """Which of the images are explained.

    Attributes:
        resume: whether images whose results are complete are skipped.
        draw: how many are drawn at random; None for all.
        seed: seed of the draw.
    """

    resume: Annotated[
        bool, typer.Option("--resume", help="Skip images whose results are complete and were made with these options.")
    ] = False
    draw: Annotated[
        int | None, typer.Option("--draw", metavar="N", min=1, help="Draw N of the images at random; see --seed.")
    ] = None
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of --draw.")] = 0

    def draw_from(self, images: Sequence[NamedImage]) -> Draw | None:
        """Draw images at random; None where all are explained."""
        return None if self.draw is None else Draw(images, self.draw, self.seed)

    def rule(self, given: Sequence[str], count: int, failed: int) -> str:
        """Say in one sentence how images were drawn; "" where all are explained.

        Args:
            given: what the command line named.
            count: images that were drawn and read.
            failed: images that were drawn and could not be read.
        """
        return "" if self.draw is None else rule_of(count, self.seed, given, failed)


@dataclass(frozen=True)
class Decoding:
    """How image files are decoded.

    Attributes:
        stretch: whether values of more than eight bits are stretched.
        ground: what transparent areas are placed on.
    """

    stretch: Annotated[
        bool, typer.Option("--stretch", help="Stretch grey values of more than eight bits to black and white.")
    ] = False
    ground: Annotated[Literal["white", "black"], typer.Option(help="What transparent areas are placed on.")] = "white"
