"""What is known about a network beside its weights, as far as it is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbam_core.errors import CheckpointError, Message
from cbam_core.weights.description import Triple, check_normalisation

NUMBERED = Message(
    "network.assumed-numbers", "the network names no classes: they are numbered; give classes= or --classes"
)


def numbered_classes(count: int) -> tuple[str, ...]:
    """Return names for classes that have none."""
    return tuple(f"class {number}" for number in range(count))


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts about a network; None for what is not known.

    Attributes:
        classes: names of the classes, in the order of the outputs; () for a network that is no classifier.
        normalisation: mean and deviation of each channel, RGB.
        input_size: (width, height) in pixels.
        architecture: registered name; "" for any other network.
        arguments: arguments of its constructor.
        name: name of the network; "" where it has none.
        remarks: what was assumed, or where a fact comes from.
        unfit: mean and deviation that the network says, where images cannot be normalised with them; "" elsewhere.
        crop_share: share of an image's centre that is taken, as timm's `crop_pct`; 1 for all of it.
    """

    classes: tuple[str, ...] | None = None
    normalisation: tuple[Triple, Triple] | None = None
    input_size: tuple[int, int] | None = None
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    remarks: tuple[Message, ...] = ()
    unfit: str = ""
    crop_share: float = 1.0

    def share_at(self, size: tuple[int, int]) -> float:
        """Return the share at an input size: images are resized to whole pixels before the centre is cut out."""
        side = size[0]
        return side / math.floor(side / self.crop_share) if size[0] == size[1] > 0 else self.crop_share


def triple(numbers: object) -> Triple | None:
    """Return three numbers, or one three times; None for anything else."""
    if not isinstance(numbers, list | tuple) or not all(isinstance(one, int | float) for one in numbers):
        return None
    given = [float(one) for one in numbers] * (3 if len(numbers) == 1 else 1)
    return (given[0], given[1], given[2]) if len(given) == 3 else None


def pair(mean: object, std: object) -> tuple[Triple, Triple] | None:
    """Return mean and deviation, if both are known."""
    known = triple(mean), triple(std)
    return None if known[0] is None or known[1] is None else (known[0], known[1])


def unfit_pair(mean: object, std: object) -> str:
    """Return the mean and deviation that a network says, where images cannot be normalised with them; else ""."""
    if mean is None and std is None:
        return ""
    try:
        if (known := pair(mean, std)) is not None:
            check_normalisation(*known)
            return ""
    except CheckpointError:
        pass
    return f"mean {mean!r} and deviation {std!r}"[:200]
