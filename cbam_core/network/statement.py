"""What the owner of a network says about it in keyword arguments, under any of their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, TypedDict

from cbam_core.arguments import PATH, check, instance_of
from cbam_core.data.text_file import read_text
from cbam_core.errors import CheckpointError, DataError
from cbam_core.network.facts import numbered_classes
from cbam_core.results.usual import SUFFIX, Usual, read_usual, usual_path
from cbam_core.weights.class_names import names_in_order
from cbam_core.weights.description import LONGEST_CLASS, Triple, check_normalisation
from cbam_core.weights.stating import usual_normalisation

Classes = Sequence[str] | Mapping[Any, Any] | str | Path | int
"""Names of classes: a list, a dict of names and numbers such as ``class_to_idx``, a text file with one in each line,
names with commas between them, or a number of them."""

Normalisation = str | tuple[Sequence[float], Sequence[float]]
Size = int | tuple[int, int] | Sequence[int]


class OtherNames(TypedDict, total=False):
    """Further keyword arguments of `load_classifier`.

    Attributes:
        normalization: same as ``normalisation``.
        mean: mean of each channel, three numbers or one, in [0, 1]; only together with `std`.
        std: standard deviation of each channel, three numbers or one.
        size: same as ``input_size``.
        usual: what the gates usually do: usual values, the path of their file, or that of the weights beside which
            ``cbam usual`` keeps it; by default those beside the file that is opened.
    """

    normalization: Normalisation | None
    mean: float | Sequence[float] | None
    std: float | Sequence[float] | None
    size: Size | None
    usual: Usual | str | Path | None


class Stated(OtherNames, total=False):
    """Keyword arguments that say what a network is; all may be left out.

    Attributes:
        classes: names of the classes, in the order of the outputs: a list, a text file with one in each line, or a
            number of them; a dict of names and their numbers, such as ``class_to_idx`` or ``id2label``, whose order
            does not matter; ``()`` for a network that is no classifier.
        normalisation: mean and deviation, or the name of a usual pair, such as ``"imagenet"``.
        input_size: side, or (width, height), in pixels.
        weights: which weights of a file to take; for a torchvision network, its weights or their name.
        name: name of the network, in files and figures.
    """

    classes: Classes | None
    normalisation: Normalisation | None
    input_size: Size | None
    weights: Any
    name: str | None


@dataclass(frozen=True)
class Statement:
    """What is said about a network, checked; None for what is not said.

    Attributes:
        classes: names of the classes, in the order of the outputs; () for a network that is no classifier.
        normalisation: mean and deviation of each channel, RGB.
        input_size: (width, height) in pixels.
        weights: which weights of a file to take, or weights of torchvision.
        name: name of the network.
        usual: what its gates usually do.
    """

    classes: tuple[str, ...] | None = None
    normalisation: tuple[Triple, Triple] | None = None
    input_size: tuple[int, int] | None = None
    weights: Any = None
    name: str | None = None
    usual: Usual | None = None


def statement(given: Mapping[str, Any]) -> Statement:
    """Read keyword arguments, those of `Stated`.

    Raises:
        TypeError: there is no such keyword.
        CheckpointError: something is said twice, half, or cannot be true.
        DataError: a file of usual values is missing or damaged.
    """
    unknown = given.keys() - Stated.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}; known are {', '.join(_KEYWORDS)}")
    classes, size = given.get("classes"), _either(given, "input_size", "size")
    return Statement(
        classes=None if classes is None else named_classes(classes),
        normalisation=_normalisation(given),
        input_size=None if size is None else _size(size),
        weights=given.get("weights"),
        name=_name(given.get("name")),
        usual=_usual(given.get("usual")),
    )


USUAL = PATH.or_else(instance_of("usual values, their file, or that of the weights beside it", Usual))
"""Kind of argument."""


def _usual(given: Any) -> Usual | None:
    """Read usual values from their file, or from that beside a file of weights.

    Raises:
        DataError: there is no such file, or it is damaged.
    """
    if given is None or isinstance(given, Usual):
        return given
    check(DataError, "usual", given, USUAL.or_none)
    path = Path(given).expanduser()
    return read_usual(path if path.name.endswith(SUFFIX) else usual_path(path))


def _name(given: Any) -> str | None:
    """Check the name of a network.

    Raises:
        CheckpointError: it is no text of one line, or too long.
    """
    if given is not None and not (isinstance(given, str) and len(given) <= LONGEST_CLASS and given.isprintable()):
        raise CheckpointError(
            "network.name",
            "the name of a network must have at most 100 printable characters; given {given}",
            given=repr(given)[:60],
        )
    return given


_KEYWORDS = ("classes", "normalisation", "mean", "std", "input_size", "weights", "name", "usual")


def _either(given: Mapping[str, Any], name: str, other: str) -> Any:
    """Return the value under one of two names for the same."""
    values = [given[key] for key in (name, other) if given.get(key) is not None]
    if len(values) == 2:
        raise CheckpointError(
            "network.stated-twice",
            "{name} and {other} are two names for the same: give one of them",
            name=name,
            other=other,
        )
    return values[0] if values else None


def _normalisation(given: Mapping[str, Any]) -> tuple[Triple, Triple] | None:
    pair = _either(given, "normalisation", "normalization")
    mean, std = given.get("mean"), given.get("std")
    if (mean is None) != (std is None):
        raise CheckpointError(
            "network.half-normalisation",
            "mean and std belong together: give both, or normalisation='imagenet' or another usual pair",
        )
    if mean is not None:
        if pair is not None:
            raise CheckpointError(
                "network.stated-twice",
                "{name} and {other} are two names for the same: give one of them",
                name="mean and std",
                other="normalisation",
            )
        pair = (_numbers(mean), _numbers(std))
    if pair is None:
        return None
    checked = usual_normalisation(pair if isinstance(pair, str) else _pair(pair))
    check_normalisation(*checked)
    return checked


def _pair(given: Any) -> tuple[list[float], list[float]]:
    try:
        mean, std = given
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            "network.normalisation",
            "a normalisation is a mean and a deviation, or the name of a usual pair, such as 'imagenet'; given {given}",
            given=repr(given)[:60],
        ) from error
    return _numbers(mean), _numbers(std)


def _numbers(given: Any) -> list[float]:
    try:
        return [float(number) for number in ((given,) if isinstance(given, str | Real) else given)]
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(
            "network.no-numbers",
            "mean and std are one or three numbers each; given {given}",
            given=repr(given)[:60],
        ) from error


def _size(given: Any) -> tuple[int, int]:
    sides = _sides(given)
    if len(sides) != 2 or not all(side == int(side) for side in sides):
        raise CheckpointError(
            "network.size",
            "a size is a side in pixels, or (width, height), each from 1 to {most}; given {given}",
            most=MOST_SIDE,
            given=repr(given)[:60],
        )
    return int(sides[0]), int(sides[1])


def _sides(given: Any) -> tuple[Any, ...]:
    """Return the sides that are written in any way, as numbers in their range; () for anything else."""
    try:
        if isinstance(given, str):
            given = [int(side) for side in given.lower().replace("×", "x").split("x")]
            given = given * 2 if len(given) == 1 else given
        sides = (given, given) if isinstance(given, Real) else tuple(given)
        return sides if all(0 < side <= MOST_SIDE for side in sides) else ()
    except (TypeError, ValueError):
        return ()


MOST_SIDE = 4096
"""Largest side of a network's input, in pixels."""


def named_classes(given: Classes | Sequence[Any]) -> tuple[str, ...]:
    """Return class names from a list, a dict, a file of names, names with commas between them, or a number of them.

    Raises:
        CheckpointError: the file cannot be read, or a name is empty, too long or cannot be printed.
    """
    if isinstance(given, int):
        return numbered_classes(given)
    if isinstance(given, Mapping):
        given = _numbered(given)
    names = _written(given) if isinstance(given, str | Path) else list(map(str, _single_names(given)))
    for name in names:
        if not 0 < len(name) <= LONGEST_CLASS or not name.isprintable():
            raise CheckpointError(
                "checkpoint.class-name",
                "a class name must have 1 to 100 printable characters; given {given}",
                given=repr(name[:60]),
            )
    return tuple(names)


def _numbered(given: Mapping[Any, Any]) -> Sequence[object]:
    """Return the names of a dict of names and numbers, in the order of the numbers.

    Raises:
        CheckpointError: the numbers do not run from 0.
    """
    names = names_in_order(given)
    if names is None:
        raise CheckpointError(
            "network.class-numbers",
            "a dict of classes has a name for each number, or a number for each name, and the numbers run from 0 "
            "without a gap; given {given}",
            given=repr(dict(given))[:60],
        )
    return names


def _single_names(given: Any) -> list[Any]:
    """Check that each name is one word or number.

    Raises:
        CheckpointError: one is a list or the like, or there is no list of names.
    """
    names = list(given) if isinstance(given, Iterable) else [None]
    if any(name is None or (isinstance(name, Iterable) and not isinstance(name, str)) for name in names):
        raise CheckpointError(
            "network.class-names",
            "classes are a list of names, a text file with one in each line, or a number of them; given {given}",
            given=repr(given)[:60],
        )
    return names


def _written(given: str | Path) -> list[str]:
    """Read names from a file with one in each line, or from a text with commas."""
    path = Path(given).expanduser()
    if isinstance(given, Path) or ("," not in given and path.suffix == ".txt") or path.is_file():
        lines = read_text(path, CheckpointError, "network.classes-unreadable").splitlines()
        return [line.strip() for line in lines if line.strip()]
    return [name.strip() for name in given.split(",")]
