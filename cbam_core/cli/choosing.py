"""Options that several commands share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.output import say
from cbam_core.errors import CheckpointError, DataError
from cbam_core.places import checkpoint_folder, shipped_checkpoints

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.network import Classifier

DEFAULT_CHECKPOINT = "cbam_cnn_cifar10"

CheckpointOption = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        "-c",
        metavar="CHECKPOINT",
        help="A .safetensors or .pth file, or the name of a network that ships with the program.",
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
WeightsOption = Annotated[
    str | None,
    typer.Option("--weights", metavar="NAME", help="Which weights to take of a file that holds several, such as ema."),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="NAMES",
        help="Class names that the file does not state: with commas between them, or a text file with one per line.",
    ),
]
NormalisationOption = Annotated[
    str | None,
    typer.Option(
        "--normalisation",
        "--normalization",
        metavar="MEAN/STD",
        help="Normalisation that the file does not state: cifar10, cifar10-pixels, imagenet, half, none, or numbers "
        "such as 0.5,0.5,0.5/0.2,0.2,0.2.",
    ),
]
InputSizeOption = Annotated[
    str | None,
    typer.Option(
        "--input-size",
        metavar="SIZE",
        help="Input size that the file does not state, in pixels: a side, or WIDTHxHEIGHT.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")]


@dataclass(frozen=True)
class Stated:
    """A network that a command line names, and what it states about it.

    Attributes:
        checkpoint: file or name of the network; None for the shipped one.
        weights: which weights of the file to take.
        classes: class names with commas between them, or a file with one in each line.
        normalisation: name of a usual normalisation, or numbers as ``"0.5,0.5,0.5/0.2,0.2,0.2"``.
        input_size: a side in pixels, or width and height as ``"64x48"``.
    """

    checkpoint: str | None
    weights: str | None = None
    classes: str | None = None
    normalisation: str | None = None
    input_size: str | None = None


def open_checkpoint(given: str | Stated | None) -> Classifier:
    """Load the network that a command line names, or the shipped one.

    Raises:
        CheckpointError: the file is refused, or there is none, or a statement does not fit the network.
    """
    from cbam_core.network import load_classifier

    stated = given if isinstance(given, Stated) else Stated(given)
    if stated.checkpoint is not None:
        return load_classifier(
            stated.checkpoint,
            weights=stated.weights,
            classes=None if stated.classes is None else _class_names(stated.classes),
            normalisation=None if stated.normalisation is None else _normalisation(stated.normalisation),
            input_size=None if stated.input_size is None else _size(stated.input_size),
        )
    shipped = shipped_checkpoints()
    if not shipped:
        raise CheckpointError(
            "checkpoint.none-shipped",
            "no trained network was found in {folder}; name one with --checkpoint, or train one with 'cbam train'",
            folder=str(checkpoint_folder()),
        )
    return load_classifier(shipped.get(DEFAULT_CHECKPOINT, next(iter(shipped.values()))))


def _class_names(given: str) -> list[str]:
    path = Path(given)
    if "," not in given and path.is_file():
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [name.strip() for name in given.split(",")]


def _normalisation(given: str) -> str | tuple[list[float], list[float]]:
    """Read mean and deviation, or leave a name as it is."""
    mean, slash, std = given.partition("/")
    if not slash:
        return given
    try:
        return [float(number) for number in mean.split(",")], [float(number) for number in std.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{given}' is not like 0.5,0.5,0.5/0.2,0.2,0.2") from None


def _size(given: str) -> int | tuple[int, int]:
    """Read a side, or width and height."""
    found = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", given)
    if found is None:
        raise typer.BadParameter(f"'{given}' is not a size like 32 or 64x48")
    width, height = found.groups()
    return int(width) if height is None else (int(width), int(height))


def file_of(classifier: Classifier, given: str | None) -> Path:
    """Return the file of the network that `open_checkpoint` opens for the same argument."""
    shipped = shipped_checkpoints()
    return shipped[classifier.name] if given is None else shipped.get(given, Path(given))


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
