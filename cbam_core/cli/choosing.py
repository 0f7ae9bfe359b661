"""Networks and data sets that a command line names, and options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.output import counted, say
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.errors import CheckpointError, DataError, ImageError, ModelError
from cbam_core.places import checkpoint_folder, shipped_checkpoints

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.data.folder import Unlisted
    from cbam_core.network import Classifier

DEFAULT_CHECKPOINT = "cbam_cnn_cifar10"

CheckpointOption = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        "--model",
        "-c",
        metavar="NETWORK",
        help="A .safetensors or .pth file, or the name of a network that ships with the program; or a network of your "
        "own: timm:NAME, torchvision:NAME, package.module:factory, or a .toml file that says which.",
        show_default=DEFAULT_CHECKPOINT,
    ),
]
DataFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Folder of CIFAR-10.",
        show_default="$CBAM_DATA_DIR, or ~/.cache/cbam-lens",
    ),
]
NetworkArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NETWORK",
        help="As for --model: a .safetensors or .pth file, the name of a network that ships with the program, or a "
        "network of your own.",
        show_default=DEFAULT_CHECKPOINT,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")]


@dataclass(frozen=True)
class Named:
    """A network that is named as the argument of a command, or as an option.

    Attributes:
        checkpoint: its argument.
        model: its option.
    """

    checkpoint: NetworkArgument = None
    model: CheckpointOption = None

    @property
    def network(self) -> str | None:
        """The network; None for the shipped one.

        Raises:
            typer.BadParameter: both name one, and differ.
        """
        return one_network(self.checkpoint, self.model)


def one_network(argument: str | None, option: str | None) -> str | None:
    """Return the network that a command names as its argument or as an option.

    Raises:
        typer.BadParameter: both name one, and differ.
    """
    if argument is not None and option is not None and argument != option:
        raise typer.BadParameter(f"name one network, not both {argument} and {option}")
    return argument if option is None else option


def open_of_known_size(checkpoint: str | None, stated: Stated) -> Classifier:
    """Open a network whose normalisation need not be known, because no image is shown to it.

    Raises:
        CheckpointError, ModelError: as `open_checkpoint`.
    """
    try:
        return open_checkpoint(checkpoint, stated)
    except ModelError as error:
        if error.code != "network.no-normalisation":
            raise
    say("mean and std of the network are not known, and not needed here: 0 and 1 stand in their place")
    return open_checkpoint(checkpoint, replace(stated, normalisation="none"))


def open_checkpoint(checkpoint: str | None, stated: Stated = UNSTATED, *, images: str = "") -> Classifier:
    """Load the network that a command line names, or the shipped one.

    Args:
        checkpoint: file or name of the network; None for the shipped one.
        stated: what is stated about it.
        images: option of the command that names a set of images.

    Raises:
        CheckpointError: the file is refused, or there is none, or a statement does not fit the network.
    """
    from cbam_core.network import load_checkpoint, open_stated

    if checkpoint is None and stated != UNSTATED and DEFAULT_CHECKPOINT in shipped_checkpoints():
        checkpoint = DEFAULT_CHECKPOINT
    if checkpoint is not None:
        refuse_folder(checkpoint, images)
        return open_stated(checkpoint, stated.statement)
    shipped = shipped_checkpoints()
    if not shipped:
        raise CheckpointError(
            "checkpoint.none-shipped",
            "no trained network was found in {folder}; name one with --checkpoint, or train one with 'cbam train'",
            folder=str(checkpoint_folder()),
        )
    return load_checkpoint(shipped.get(DEFAULT_CHECKPOINT, next(iter(shipped.values()))))


def refuse_folder(given: str, images: str = "") -> None:
    """Refuse a folder where a network is expected, and name the one in it.

    Args:
        given: word of the command line.
        images: option of the command that names a set of images.

    Raises:
        CheckpointError: it is a folder, and there is more to say than that.
    """
    folder = Path(given)
    if given in shipped_checkpoints() or not folder.is_dir():
        return
    from cbam_core.training.state import STATE
    from cbam_core.weights.file import ENDINGS

    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS and path.name != STATE]
    if found:
        raise CheckpointError(
            "checkpoint.folder",
            "{path} is a folder; name the file of the network in it, such as {file}",
            path=given,
            file=str(found[0]),
        )
    if images:
        raise CheckpointError(
            "checkpoint.folder-of-images",
            "{path} is a folder, and no file of a network is in it; if these are the images, name them with {option}",
            path=given,
            option=f"{images} {given}",
        )


def refuse_network(given: str) -> None:
    """Refuse the name of a network where an image is expected.

    Raises:
        ImageError: it is the name of a shipped network, and of no file.
    """
    if given in shipped_checkpoints() and not Path(given).exists():
        raise ImageError("image.name-of-network", "{name} is a network; name it as --model {name}", name=given)


def is_own(given: str) -> bool:
    """Check that a word of the command line names a network of one's own, and is not a checkpoint that is there."""
    from cbam_core.network import naming

    return naming.is_own(given)


def file_of(classifier: Classifier, checkpoint: str | None, stated: Stated = UNSTATED) -> Path:
    """Return the file of the network that `open_checkpoint` opens for the same arguments.

    Raises:
        CheckpointError: it is a network of one's own without a file of weights.
    """
    shipped = shipped_checkpoints()
    if checkpoint is None:
        return shipped[classifier.name]
    if not is_own(checkpoint):
        return shipped.get(checkpoint, Path(checkpoint))
    from cbam_core.network.naming import read_named

    file = read_named(checkpoint, stated.statement).file
    if file is None:
        raise CheckpointError(
            "network.no-file",
            "{name} has no file of weights beside which results could be saved: give one, --weights FILE",
            name=classifier.name,
        )
    return file


def open_named(source: str, data_dir: Path | None = None) -> Dataset:
    """Open the data set that a command line names; images that are not in it, though in its folder, are counted.

    Raises:
        DataError: as `cbam_core.data.dataset.open_dataset`.
        typer.BadParameter: the name is empty, as that of a variable that is not set.
    """
    from cbam_core.data.dataset import open_dataset

    if not source.strip():
        raise typer.BadParameter("the name of the set is empty; name a set or a folder, or leave the option out")
    dataset = open_dataset(source, data_dir)
    say_left_out(dataset.unlisted, source)
    return dataset


def say_left_out(unlisted: Unlisted, source: str) -> None:
    """Say how many images of a folder are beside its classes, and how many of its files are not listed.

    Args:
        unlisted: the files that are not listed.
        source: the folder, as the command line names it.
    """
    from cbam_core.data.dataset import images_beside_classes

    if beside := images_beside_classes(source):
        are = "is" if len(beside) == 1 else "are"
        say(
            f"{counted(len(beside), 'image')} beside the folders of classes in {source} {are} left out, the first is "
            f"{beside[0].name}"
        )
    say_unlisted(unlisted, source)


def say_unlisted(unlisted: Unlisted, source: str) -> None:
    """Say how many files of a folder are left out for their names, or because they are not there; nothing for none.

    Args:
        unlisted: the files.
        source: the folder, as the command line names it.
    """
    if not len(unlisted):
        return
    why = (
        (unlisted.hidden, "hidden"),
        (unlisted.ending, "without the ending of an image"),
        (unlisted.unprintable, "with a name that cannot be printed"),
        (unlisted.missing, "not there, as a link that leads nowhere"),
    )
    said = ", ".join(f"{count:,} {what}" for count, what in why if count)
    say(f"{counted(len(unlisted), 'file')} in {source} left out ({said}), the first is {unlisted.first}")


def open_available(source: str, data_dir: Path | None) -> Dataset:
    """Open a split of CIFAR-10 if it was downloaded, else the bundled images, with a message.

    Raises:
        DataError: CIFAR-10 is there, but cannot be read.
    """
    from cbam_core.data.dataset import open_dataset, samples

    try:
        return open_dataset(source, data_dir)
    except DataError as error:
        if error.code != "data.absent":
            raise
    say(
        "CIFAR-10 is not downloaded, so only the 100 bundled images are used, too few for reliable numbers; "
        "run `cbam data fetch` to download it"
    )
    return samples()
