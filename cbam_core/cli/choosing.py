"""Options that several commands share."""

from __future__ import annotations

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
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")]


def open_checkpoint(given: str | None) -> Classifier:
    """Load the network that a command line names, or the shipped one.

    Raises:
        CheckpointError: the file is refused, or there is none.
    """
    from cbam_core.network import load_classifier

    if given is not None:
        return load_classifier(given)
    shipped = shipped_checkpoints()
    if not shipped:
        raise CheckpointError(
            "checkpoint.none-shipped",
            "no trained network was found in {folder}; name one with --checkpoint, or train one with 'cbam train'",
            folder=str(checkpoint_folder()),
        )
    return load_classifier(shipped.get(DEFAULT_CHECKPOINT, next(iter(shipped.values()))))


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
