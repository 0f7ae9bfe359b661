"""``cbam objects``: is the mask where the object is?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import (
    CheckpointOption,
    DataFolderOption,
    JsonOption,
    open_checkpoint,
    open_named,
    refuse_network,
)
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.output import counted, one_line, say, share_shown, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.errors import ImageError

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.errors import Message
    from cbam_core.network import Classifier
    from cbam_core.results.objects import ObjectTests

MOST = 100
"""Images of a set that are used unless another number is asked for."""

HEADINGS = {
    "shift": "An image is moved: does the mask follow?",
    "tiles": "An image on an empty canvas, and the answered tile of four",
    "deletion": "Deletion and insertion",
    "randomised": "Weights are shuffled: what is left of the mask?",
}
"""What each test asks, by its code."""


@dataclass(frozen=True)
class Chosen:
    """A set of images.

    Attributes:
        source: name of the set; None for the bundled images.
        count: most images of it that are used.
    """

    source: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="SET",
            help="A set instead of images: 'cifar10:test', 'samples' (the 100 bundled images), or a folder.",
            show_default="samples, where no image is named",
        ),
    ] = None
    count: Annotated[int, typer.Option("--images", metavar="N", min=1, help="At most so many images of the set.")] = (
        MOST
    )

    def open(self, data_dir: Path | None) -> Dataset:
        """Open the images.

        Raises:
            DataError: there is no such set.
        """
        from cbam_core.evidence.scoring import subset

        return subset(open_named("samples" if self.source is None else self.source, data_dir), self.count)


@dataclass(frozen=True)
class Asked:
    """Which tests are made, and how.

    Attributes:
        tests: codes of the tests, with commas between them.
        pixels: how far images are moved, in pixels of the input; None for a quarter of its shorter side.
        fill: what comes in where content moved away.
    """

    tests: Annotated[str, typer.Option("--tests", metavar="TESTS", help="Which tests, with commas between them.")] = (
        ",".join(HEADINGS)
    )
    pixels: Annotated[
        int | None,
        typer.Option(
            "--pixels",
            metavar="N",
            help="How far images are moved, in pixels of the input.",
            show_default="a quarter of its shorter side",
        ),
    ] = None
    fill: Annotated[
        str,
        typer.Option("--fill", metavar="FILL", help="What comes in where content moved away: mean, reflect or edge."),
    ] = "mean"

    @property
    def codes(self) -> list[str]:
        """Codes of the tests."""
        return [word.strip() for word in self.tests.split(",") if word.strip()]


@with_groups
def find_objects(
    *,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE", help="Image files; several give intervals.", show_default=False),
    ] = None,
    model: CheckpointOption = None,
    chosen: Chosen,
    asked: Asked,
    data_dir: DataFolderOption = None,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Test whether the spatial masks of a network lie where the object is.

    Four tests, each with its weakness: does a mask follow an image that is moved; how much of it lies on the only
    object of a canvas, and in the answered tile of a mosaic; does it rank the pixels that the answer needs, better than
    maps that know nothing; and what is left of it when weights are shuffled. Several images give intervals. Images of a
    folder that cannot be read are reported and left out.

    \b
    Examples:
      cbam objects photo.jpg
      cbam objects --set cifar10:test --images 200 --model cbam_resnet_cifar10
      cbam objects --tests shift,tiles --json
    """
    from cbam_core.evidence.masks import opened
    from cbam_core.evidence.objects import object_steps
    from cbam_core.results.left_out import left_out_message
    from cbam_core.steps import finished
    from cbam_core.workers import workers_side_by_side

    classifier = open_checkpoint(model, stated, images="--set")
    given = _images(classifier, images, chosen, data_dir)
    network, pictures = opened(classifier, given, {})
    with share_shown("testing") as show, workers_side_by_side() as workers:
        steps = object_steps(network, pictures, asked.codes, pixels=asked.pixels, fill=asked.fill, workers=workers)
        found = finished(steps, show)
    if as_json:
        named = given.title if hasattr(given, "title") else [str(image) for image in given]
        write_json({"checkpoint": classifier.name, "images": named, **found.as_dict()})
    else:
        show_objects(found)
    if left_out := getattr(given, "left_out", ()):
        say(str(left_out_message(left_out, found.count)))
        raise typer.Exit(SOME_FAILED)


def _images(
    classifier: Classifier, images: list[str] | None, chosen: Chosen, data_dir: Path | None
) -> Dataset | list[str]:
    """Return the images that are meant; of a set, those that can be decoded.

    Raises:
        DataError: no image of the set can be decoded.
        typer.BadParameter: both images and a set are named.
        ImageError: an image is a folder or the name of a network.
    """
    from cbam_core.evaluation.readable import readable

    if images and chosen.source is not None:
        raise typer.BadParameter("name images or a set (--set), not both")
    if not images:
        return readable(classifier, chosen.open(data_dir))
    for image in images:
        refuse_network(image)
        if Path(image).is_dir():
            raise ImageError("image.folder-for-set", "{path} is a folder; name it as --set {path}", path=image)
    return images


def show_objects(found: ObjectTests) -> None:
    """Write what the tests say, each with its weakness."""
    from cbam_core.results import deletion, mosaic, randomised, shift

    weaknesses: dict[str, tuple[Message, ...]] = {
        "shift": (shift.WEAKNESS,),
        "tiles": (mosaic.CANVAS_WEAKNESS, mosaic.MOSAIC_WEAKNESS),
        "deletion": deletion.WEAKNESSES,
        "randomised": (randomised.WEAKNESS,),
    }
    typer.echo(f"{one_line(found.network)} on {counted(found.count, 'image')}")
    for name, heading in HEADINGS.items():
        result = getattr(found, name)
        if result is None and name not in found.left_out:
            continue
        typer.echo(f"\n{heading}")
        if result is None:
            typer.echo(f"  left out: {one_line(str(found.left_out[name]))}")
            continue
        for line in str(result).splitlines():
            typer.echo(f"  {one_line(line)}")
        for weakness in weaknesses[name]:
            typer.echo(f"  ({weakness})")
