"""What a command line states about its network: options that every command with a network has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cbam_core.network.statement import Statement


@dataclass(frozen=True)
class Stated:
    """What a command line states about its network; each field is an option of the command.

    Attributes:
        weights: which weights of the file to take; of a network of one's own, the file of these, or ``FILE:NAME``.
        classes: class names with commas between them, a file with one in each line, or ``"none"``.
        normalisation: name of a usual normalisation, or numbers as ``"0.5,0.5,0.5/0.2,0.2,0.2"``.
        input_size: a side in pixels, or width and height as ``"64x48"``.
        mean: numbers as ``"0.5,0.5,0.5"``, instead of a normalisation.
        std: numbers in the same way.
    """

    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="NAME|FILE",
            help="Which weights to take of a file that holds several, such as ema; of a network of your own, the file "
            "of its weights, or FILE:NAME.",
        ),
    ] = None
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAMES",
            help="Class names that the file does not state: with commas between them, or a text file with one per "
            "line; none for a network that is no classifier, whatever the file says.",
        ),
    ] = None
    normalisation: Annotated[
        str | None,
        typer.Option(
            "--normalisation",
            "--normalization",
            metavar="MEAN/STD",
            help="Normalisation that the file does not state: cifar10, cifar10-pixels, imagenet, half, none, or "
            "numbers such as 0.5,0.5,0.5/0.2,0.2,0.2.",
        ),
    ] = None
    input_size: Annotated[
        str | None,
        typer.Option(
            "--input-size",
            "--size",
            metavar="SIZE",
            help="Input size that the file does not state, in pixels: a side, or WIDTHxHEIGHT.",
        ),
    ] = None
    mean: Annotated[
        str | None,
        typer.Option("--mean", metavar="MEAN", help="Mean of each channel, such as 0.5,0.5,0.5; only with --std."),
    ] = None
    std: Annotated[
        str | None,
        typer.Option("--std", metavar="STD", help="Standard deviation of each channel, such as 0.2,0.2,0.2."),
    ] = None

    @property
    def statement(self) -> Statement:
        """What it states, in numbers and names.

        Raises:
            CheckpointError: something is said twice, or cannot be true.
            typer.BadParameter: a number cannot be read.
        """
        from cbam_core.network.statement import statement

        return statement(
            {
                "weights": self.weights,
                "classes": () if self.classes == "none" else self.classes,
                "normalisation": None if self.normalisation is None else _normalisation(self.normalisation),
                "mean": None if self.mean is None else _numbers(self.mean),
                "std": None if self.std is None else _numbers(self.std),
                "input_size": None if self.input_size is None else _size(self.input_size),
            }
        )


UNSTATED = Stated()
"""Nothing is stated."""


def _normalisation(given: str) -> str | tuple[list[float], list[float]]:
    """Read mean and deviation, or leave a name as it is."""
    mean, slash, std = given.partition("/")
    if not slash:
        return given
    try:
        return [float(number) for number in mean.split(",")], [float(number) for number in std.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{given}' is not like 0.5,0.5,0.5/0.2,0.2,0.2") from None


def _numbers(given: str) -> list[float]:
    try:
        return [float(number) for number in given.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{given}' is not like 0.5,0.5,0.5") from None


def _size(given: str) -> int | tuple[int, int]:
    """Read a side, or width and height."""
    found = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", given)
    if found is None:
        raise typer.BadParameter(f"'{given}' is not a size like 32 or 64x48")
    width, height = found.groups()
    return int(width) if height is None else (int(width), int(height))
