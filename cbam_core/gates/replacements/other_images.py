"""Replacements by the gate as the network computed it for another image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from cbam_core.arguments import WHOLE, WHOLES, Kind, check
from cbam_core.errors import EditError
from cbam_core.gates.replacements.given import as_values
from cbam_core.gates.replacements.replacement import Replacement, listed
from cbam_core.gates.replacements.target import Target

_DONOR = Kind(
    "a record of capture, an explanation, or values by names of gates",
    lambda value: isinstance(value, Mapping) or hasattr(value, "blocks") or hasattr(value, "gates"),
)


@dataclass(frozen=True, eq=False)
class Borrowed(Replacement):
    """The gate as the network computed it for another image.

    Question: would another image's attention do as well? Level, spread and pattern are those of a real gate, so that
    nothing but the wrong image is special about it.

    No evidence from one donor alone: it can be like this image, or unlike it by chance. A donor of the same class keeps
    what the gate says about the class.

    Args:
        source: where the other image's gates are: a record of `capture`, an explanation, or values by name of gate.
        index: which image of the record's batch, from 0.
    """

    code: ClassVar[str] = "other"
    source: Any = field(repr=False)
    index: int = 0

    def __post_init__(self) -> None:
        check(EditError, "source", self.source, _DONOR)
        check(EditError, "index", self.index, WHOLE)
        object.__setattr__(self, "source", _gates_of(self.source, self.index))

    def _replace(self, gate: Target) -> Tensor:
        if gate.name not in self.source:
            raise EditError(
                "edit.not-in-donor",
                "the other image has no gate {gate}; it has {known}",
                gate=gate.name,
                known=listed(self.source),
            )
        return gate.fitted(self.source[gate.name])


@dataclass(frozen=True)
class OtherImage(Replacement):
    """The gate of another image of the same batch.

    Question and limits are those of `Borrowed`, over a whole data set: every image gets the gate of another.

    Args:
        order: for each image of the batch, the index of the image whose gate it gets; None for the one before it.
    """

    code: ClassVar[str] = "other"
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check(EditError, "order", self.order, WHOLES.or_none)
        if self.order is not None:
            object.__setattr__(self, "order", tuple(map(int, self.order)))

    def _replace(self, gate: Target) -> Tensor:
        count = len(gate.values)
        if self.order is None:
            if count == 1:
                raise EditError(
                    "edit.no-other-image",
                    "this batch has one image, so that none can lend it gate {gate}: give a larger batch, or Borrowed",
                    gate=gate.name,
                )
            return gate.values.roll(1, 0)
        if len(self.order) != count or not all(0 <= index < count for index in self.order):
            raise EditError(
                "edit.order",
                "an order of images names one of {count} images for each of them; given {given}",
                count=count,
                given=str(self.order)[:60],
            )
        return gate.values[list(self.order)]


@dataclass(frozen=True)
class SameClass(Replacement):
    """The gate of another image of the same batch and class.

    Question: is it the class that matters in the gate, or the single image? Where `OtherImage` costs much and this
    little, the gate carries the class.

    No evidence that the gate *finds* the class: it can repeat what the feature map knows already.

    Args:
        labels: class of each image of the batch. An image that is alone in its class keeps its own gate.
        seed: seed of the drawing of donors.
    """

    code: ClassVar[str] = "same_class"
    labels: tuple[int, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        check(EditError, "labels", self.labels, WHOLES)
        check(EditError, "seed", self.seed, WHOLE)
        object.__setattr__(self, "labels", tuple(map(int, self.labels)))

    def _replace(self, gate: Target) -> Tensor:
        return OtherImage(self.order())(gate)

    def order(self) -> tuple[int, ...]:
        """Draw a donor for each image: within a class, each image is the donor of exactly one other."""
        labels, random = np.array(self.labels, dtype=np.int64), np.random.default_rng(self.seed)
        order = np.arange(len(labels))
        for label in np.unique(labels):
            members = random.permutation(np.flatnonzero(labels == label))
            order[members] = np.roll(members, 1)
        return tuple(order.tolist())


def _gates_of(source: Any, index: int) -> Mapping[str, np.ndarray]:
    """Read one image's gates, by name, from a record, an explanation, or values by name."""
    if isinstance(source, Mapping):
        return {name: as_values(values, bounded=False) for name, values in source.items()}
    if (blocks := getattr(source, "blocks", None)) is not None:
        return {gate.name: as_values(gate.values, bounded=False) for block in blocks for gate in block.gates}
    gates = source.gates
    if gates and not 0 <= index < len(gates[0].values):
        raise EditError(
            "edit.no-image",
            "the record holds {count} images, numbered from 0; given {given}",
            count=len(gates[0].values),
            given=index,
        )
    return {gate.name: as_values(gate.values[index], bounded=False) for gate in gates}
