"""``cbam atlas``: store every gate of a network over a data set, and ask what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli import asking, engines
from cbam_core.cli.choosing import (
    CheckpointOption,
    DataFolderOption,
    JsonOption,
    one_network,
    open_available,
    open_checkpoint,
    open_named,
)
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.output import counted, one_line, say, share_shown, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.cli.suspects import show_suspects
from cbam_core.places import atlases_folder

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.network import Classifier

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Store all gates over a whole set, and ask about them."
)

NAMED = 10
"""Most images that could not be decoded that are named."""


@dataclass(frozen=True)
class Content:
    """What an atlas is built of, and where.

    Attributes:
        images: name of the set; None for the usual one.
        count: number of images of it; None for all.
        out: folder of the atlas; None for one that is named after the network and the set.
        metadata: file of further columns.
        corruption: what makes the images worse, as ``"blur:3"``.
    """

    images: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="SET",
            help="'cifar10:test', 'cifar10:train', 'samples' (the 100 bundled images), or a folder of images, with or "
            "without one subfolder for each class.",
            show_default="cifar10:test if it was downloaded, else samples",
        ),
    ] = None
    count: Annotated[
        int | None,
        typer.Option("--images", metavar="N", min=1, help="So many images of the set, spread evenly over it."),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder of the atlas.", show_default="atlases/NETWORK-SET"),
    ] = None
    metadata: Annotated[
        Path | None,
        typer.Option(
            "--metadata",
            metavar="FILE",
            help="A CSV file with further columns; its column 'id', or else the first, names the images.",
        ),
    ] = None
    corruption: Annotated[
        str | None,
        typer.Option(
            "--corrupt",
            metavar="KIND:LEVEL",
            help="Make the images worse when they are read: brightness, noise or blur, and a level from 1 to 5, as "
            "blur:3. Names stay, so that this atlas and that of the clean images can be compared image by image.",
        ),
    ] = None

    def open(self, data_dir: Path | None) -> Dataset:
        """Open the images.

        Raises:
            DataError: there is no such set, or no such corruption.
        """
        from cbam_core.data.corruption import corrupted, read_corruption
        from cbam_core.data.dataset import thinned

        how = None if self.corruption is None else read_corruption(self.corruption)
        named = self.images
        dataset = open_available("cifar10:test", data_dir) if named is None else open_named(named, data_dir)
        chosen = dataset if self.count is None else thinned(dataset, self.count)
        return chosen if how is None else corrupted(chosen, how.kind, how.level)


@commands.command(short_help="Build an atlas.")
@with_groups
def build(
    *,
    network: Annotated[
        str | None,
        typer.Argument(metavar="NETWORK", help="The network, as for --model.", show_default="cbam_cnn_cifar10"),
    ] = None,
    checkpoint: CheckpointOption = None,
    content: Content,
    engine: engines.Engine,
    data_dir: DataFolderOption = None,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Show a network every image of a set, and store all gates, logits and small pictures in a folder.

    An interrupted build goes on where it was if the same command is run again. Images that cannot be decoded are named
    and left out, and the exit status is then 1. The folder is read by the app's Atlas page, by `cbam_core.open_atlas`,
    and its Parquet files by any other tool. Processes that torchrun or srun starts share the work
    (docs/atlas-cluster.md).

    \b
    Examples:
      cbam atlas build
      cbam atlas build cbam_resnet_cifar10 --set cifar10:test
      cbam atlas build mine.pth --set photos --metadata photos.csv --out photos.atlas
      cbam atlas build --corrupt noise:3
      cbam atlas build mine.pth --set /data/photos --out /data/photos.atlas --ray auto
    """
    engine.check()
    from cbam_core.memory import keep_freed_memory

    keep_freed_memory()
    classifier = open_checkpoint(one_network(network, checkpoint), stated)
    dataset = content.open(data_dir)
    if content.metadata is not None:
        _check_metadata(content.metadata, dataset)
    folder = content.out or default_folder(classifier, dataset, content.count)
    if not engines.build(classifier, dataset, folder, engine):
        return
    if content.metadata is not None:
        _add_metadata(folder, content.metadata)
    _find_nearest(folder)
    _report(folder.absolute(), classifier, dataset, as_json=as_json)


def default_folder(classifier: Classifier, dataset: Dataset, count: int | None) -> Path:
    """Return the folder that an atlas is built in if none is named, such as ``atlases/cbam_cnn_cifar10-cifar10-test``.

    Args:
        classifier: the network.
        dataset: the images.
        count: number of images that were chosen of the set; None for all.
    """
    from cbam_core.data.corruption import corruption_of

    number = "" if count is None else str(len(dataset))
    parts = (classifier.name or classifier.kind, dataset.title, number, str(corruption_of(dataset) or ""))
    return atlases_folder() / re.sub(r"[^\w.+-]+", "-", "-".join(filter(None, parts)))


def _check_metadata(metadata: Path, dataset: Dataset) -> None:
    from cbam_core.atlas.metadata import check_metadata
    from cbam_core.data.dataset import image_ids

    check_metadata(metadata, list(image_ids(dataset)))


def _add_metadata(folder: Path, metadata: Path) -> None:
    from cbam_core.atlas.metadata import add_metadata
    from cbam_core.atlas.opening import open_atlas
    from cbam_core.atlas.slices import own_columns_of

    atlas = open_atlas(folder)
    known = add_metadata(folder, metadata, atlas.ids)
    say(f"{metadata}: {known:,} of {counted(len(atlas), 'image')} have a row")
    own = own_columns_of(atlas)
    hidden = [name for name in open_atlas(folder).metadata if name in own]
    if hidden:
        say(f"conditions on {', '.join(hidden)} are on what the atlas itself knows, not on the column of that name")


def _find_nearest(folder: Path) -> None:
    """Find the nearest images of each, if they are not stored, so that no visitor of the page waits for them."""
    from cbam_core.atlas.opening import open_atlas
    from cbam_core.atlas.preparing import is_prepared, prepare

    atlas = open_atlas(folder)
    if is_prepared(atlas):
        return
    try:
        with share_shown("finding the nearest images") as show:
            prepare(atlas, lambda done: show(done / len(atlas)))
    except KeyboardInterrupt:
        say(
            f"interrupted; the atlas in {folder} is finished, but for the nearest images, which are found when they "
            "are needed, or by the same command"
        )
        raise


def _report(folder: Path, classifier: Classifier, dataset: Dataset, *, as_json: bool) -> None:
    """Write what was built; images that could not be decoded are named, and the command then reports a failure."""
    from cbam_core.atlas.opening import open_atlas

    atlas = open_atlas(folder)
    if as_json:
        write_json(asking.describe(atlas))
    else:
        asking.show(atlas)
        if folder.parent == atlases_folder():
            typer.echo(
                one_line(f'open it by its name: cbam atlas top {folder.name} ..., or open_atlas("{folder.name}")')
            )
    for one in asking.not_finite_gates(atlas):
        say(f"{asking.said_not_finite(one)}; it is left out where that gate is asked about")
    unread = (~atlas.ok).nonzero()[0]
    for number in unread[:NAMED].tolist():
        say(f"{_why_unread(classifier, dataset, number) or f'{atlas.ids[number]} cannot be decoded'}; it is left out")
    if len(unread) > NAMED:
        say(f"{len(unread) - NAMED:,} more cannot be decoded; `cbam atlas info {folder} --json` names all")
    if len(unread):
        say("after repairing the files, build again with --again")
        raise typer.Exit(SOME_FAILED)


def _why_unread(classifier: Classifier, dataset: Dataset, number: int) -> str:
    """Say why an image cannot be decoded; "" if it can be now."""
    from cbam_core.evaluation.readable import read_images

    return "".join(map(str, read_images(classifier, dataset.images, slice(number, number + 1)).errors.values()))


for name, command, short in (
    ("info", asking.show_info, "Say what an atlas holds, or list all."),
    ("check", asking.check, "Check that every file is whole."),
    ("top", asking.show_top, "Find the images in which a channel or cell is highest."),
    ("suspects", show_suspects, "List doubtful labels, and images far from all others."),
    ("map", asking.show_map, "Lay the images out in a plane."),
    ("export", asking.export, "Write a slice as a table."),
):
    commands.command(name, short_help=short)(command)
