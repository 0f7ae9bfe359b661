"""An atlas: every gate of every image of a set, and the questions that it answers.

Opening and asking imports no torch. One atlas serves many threads: what it remembers is only ever added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int, Int8, Int32, Int64, UInt8

from cbam_core.arguments import FLAG, TEXT, TEXTS, WHOLE, WHOLES, Kind, list_of, takes
from cbam_core.atlas import comparing, mapping, masks, neighbours, profiles, ranking, slices, suspects
from cbam_core.atlas.answers import (
    AtlasComparison,
    AtlasMap,
    ClassAgreement,
    MeanMask,
    Method,
    Neighbours,
    Profile,
    Ranking,
    Suspects,
)
from cbam_core.atlas.contents import Contents, Findable, Sheets
from cbam_core.atlas.gate import AtlasGate, Channel
from cbam_core.atlas.memory import Memory
from cbam_core.atlas.slices import Where
from cbam_core.errors import AtlasError

T = TypeVar("T")

CHANNEL = WHOLE.or_else(list_of("a whole number, or one for each axis such as (3, 5)", WHOLE))
"""Which value of a gate."""

IMAGE = WHOLE.or_else(Kind("the number of an image, or its id", TEXT.fits))
"""Which image."""

ATLAS = Kind("another atlas, as open_atlas returns it", lambda value: isinstance(value, Atlas))
"""Kind of argument."""


class Atlas:
    """Gates of N images, with labels, answers and small pictures.

    Images are numbered as in their set, from 0. Images that could not be read have values of NaN; no answer has them.

    Args:
        contents: what it holds.
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self._memory = Memory()
        self._gates = {gate.name: gate for gate in contents.gates}

    def __len__(self) -> int:
        """Number of images, with those that could not be read."""
        return len(self.contents.values)

    def __repr__(self) -> str:
        read = int(self.ok.sum())
        images = f"{len(self)} images" if read == len(self) else f"{read} of {len(self)} images read"
        return f"Atlas({self.network!r}, {self.title!r}, {images}, {len(self.gates)} gates)"

    @property
    def network(self) -> str:
        """Name of the network."""
        return self.contents.network

    @property
    def title(self) -> str:
        """Name of the set, such as ``"cifar10:test"``."""
        return self.contents.title

    @property
    def folder(self) -> Path | None:
        """Folder of the atlas; None for one in memory."""
        return self.contents.folder

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the atlas says of itself: network, set, versions, preprocessing."""
        return self.contents.facts

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the network's classes; empty for a network without."""
        return self.contents.classes

    @property
    def label_classes(self) -> tuple[str, ...]:
        """Names of the set's classes, which labels are numbers of."""
        return self.classes if self.contents.label_classes is None else self.contents.label_classes

    @property
    def gates(self) -> tuple[AtlasGate, ...]:
        """Gates, in the order of their columns."""
        return self.contents.gates

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks, in the order of their gates."""
        return tuple(dict.fromkeys(gate.block for gate in self.gates))

    @property
    def ids(self) -> Sequence[str]:
        """Name of each image in its set."""
        return self.contents.ids

    @property
    def labels(self) -> Int32[np.ndarray, " n"]:
        """Indices into `label_classes`; -1 without a label."""
        return self.contents.labels

    @property
    def answers(self) -> Int32[np.ndarray, " n"]:
        """Indices into `classes`; -1 without an answer."""
        return self.contents.answers

    @property
    def confidence(self) -> Float32[np.ndarray, " n"]:
        """Probability of each answer, in [0, 1]; NaN without one."""
        return self.contents.confidence

    @property
    def logits(self) -> Float32[np.ndarray, "n k"]:
        """Outputs of the network, one column for each class."""
        return self.contents.logits

    @property
    def metadata(self) -> Mapping[str, np.ndarray]:
        """Further columns, by name."""
        return self.contents.metadata

    @property
    def sheets(self) -> Sheets | None:
        """Files of thumbnails, for browsers; None where there are none."""
        return self.contents.sheets

    @cached_property
    def ok(self) -> Bool[np.ndarray, " n"]:
        """Whether each image was read."""
        if self.contents.ok is not None:
            return self.contents.ok
        read: Bool[np.ndarray, " n"] = np.isfinite(self.contents.values).all(axis=1)
        return read

    @cached_property
    def has_labels(self) -> bool:
        """Whether any image has a label."""
        return bool(self.label_classes) and bool((self.labels >= 0).any())

    @property
    def has_answers(self) -> bool:
        """Whether the network has classes."""
        return bool(self.classes)

    @property
    def can_be_right(self) -> bool:
        """Whether answers can be right or wrong: there are labels, and the network knows one of their classes."""
        return self.has_labels and not set(self.classes).isdisjoint(self.label_classes)

    @cached_property
    def targets(self) -> Int[np.ndarray, " n"]:
        """Labels as indices into `classes`; -1 without a label, or where the network does not know its class."""
        return self._targets_of(self.labels)

    def _targets_of(self, labels: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        if self.label_classes == self.classes:
            return labels
        known = {name: number for number, name in enumerate(self.classes)}
        table = np.array([*(known.get(name, -1) for name in self.label_classes), -1], np.int32)
        found: Int32[np.ndarray, " m"] = table[labels]
        return found

    @cached_property
    def right(self) -> Int8[np.ndarray, " n"]:
        """1 where the answer is the label, 0 where it is not, -1 where either is missing."""
        return self.rightness(self.labels, self.answers)

    def rightness(self, labels: Int[np.ndarray, " m"], answers: Int[np.ndarray, " m"]) -> Int8[np.ndarray, " m"]:
        """Return 1 where an answer is the label, 0 where it is not, -1 where either is missing."""
        compared = (labels >= 0) & (answers >= 0) & self.can_be_right
        return np.where(compared, answers == self._targets_of(labels), -1).astype(np.int8)

    @takes(AtlasError, name=TEXT)
    def gate(self, name: str) -> AtlasGate:
        """Return a gate by its name.

        Raises:
            AtlasError: the atlas has no such gate.
        """
        if name not in self._gates:
            raise AtlasError(
                "atlas.unknown-gate",
                "unknown gate {gate}; this atlas has {gates}",
                gate=repr(name),
                gates=slices.shortened(tuple(self._gates)),
            )
        return self._gates[name]

    @takes(AtlasError, block=TEXT.or_none)
    def gates_of(self, block: str | None) -> tuple[AtlasGate, ...]:
        """Return the gates of a block, or one gate by its name; None for all.

        Raises:
            AtlasError: the atlas has no such block or gate.
        """
        if block is None:
            return self.gates
        found = tuple(gate for gate in self.gates if block in (gate.block, gate.name))
        if not found:
            raise AtlasError(
                "atlas.unknown-block",
                "unknown block {block}; this atlas has {blocks}",
                block=repr(block),
                blocks=slices.shortened(self.blocks),
            )
        return found

    @takes(AtlasError, name=TEXT)
    def number_of(self, name: str) -> int:
        """Return the number of an image by its id.

        Raises:
            AtlasError: no image has this id.
        """
        return int(self.numbers_of([name])[0])

    @takes(AtlasError, names=TEXTS)
    def numbers_of(self, names: Sequence[str]) -> Int64[np.ndarray, " n"]:
        """Return the numbers of images by their ids.

        Raises:
            AtlasError: an id is that of no image.
        """
        found = self.find(names)
        if (found < 0).any():
            missing = names[int(np.argmin(found))]
            raise AtlasError("atlas.unknown-image", "no image of this atlas is called {name}", name=repr(missing))
        return found

    @takes(AtlasError, names=TEXTS)
    def find(self, names: Sequence[str]) -> Int64[np.ndarray, " n"]:
        """Return the numbers of images by their ids; -1 for an id that no image has."""
        if isinstance(self.ids, Findable):
            return self.ids.find(names)
        numbers = self.remembered("numbers", lambda: {one: number for number, one in enumerate(self.ids)})
        return np.array([numbers.get(name, -1) for name in names], np.int64)

    @takes(AtlasError, gate=TEXT)
    def values(self, gate: str) -> Float16[np.ndarray, "n ..."]:
        """Return the values of a gate, one row for each image, mapped from the file: (N, *shape) float16.

        Raises:
            AtlasError: the atlas has no such gate.
        """
        found = self.gate(gate)
        return self.contents.values[:, found.columns].reshape(len(self), *found.shape)

    @takes(AtlasError, images=WHOLES)
    def thumbnails(self, images: Sequence[int] | Int64[np.ndarray, " n"]) -> UInt8[np.ndarray, "n side side 3"]:
        """Return small pictures of some images, uint8 RGB.

        Raises:
            AtlasError: the atlas has no pictures, or their file is damaged.
        """
        if self.contents.thumbnails is None:
            raise AtlasError("atlas.no-thumbnails", "this atlas has no thumbnails")
        return self.contents.thumbnails.read(np.asarray(images, np.int64))

    def select(self, where: Where = None) -> Int64[np.ndarray, " n"]:
        """Return the numbers of the images of a slice, ascending; see `cbam_core.atlas.slices.select`."""
        return slices.select(self, where)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that a slice can have a condition for."""
        return slices.columns_of(self)

    @takes(AtlasError, gate=TEXT, channel=CHANNEL, n=WHOLE, lowest=FLAG)
    def top(self, gate: str, channel: Channel, n: int = 20, where: Where = None, *, lowest: bool = False) -> Ranking:
        """Return the images in which one value of a gate is highest, or lowest.

        Args:
            gate: name of the gate.
            channel: index of the value, or its place along the gate's axes, such as (row, column).
            n: number of images; fewer are returned where the slice has fewer.
            where: which images.
            lowest: whether to return the lowest.

        Raises:
            AtlasError: the gate, the channel or the slice is unknown.
        """
        return ranking.top(self, self.gate(gate), channel, n, where, lowest=lowest)

    @takes(AtlasError, gate=TEXT, by=TEXT)
    def profile(self, gate: str, by: str = "class", where: Where = None) -> Profile:
        """Return the means of a gate's values in groups of images.

        Args:
            gate: name of the gate.
            by: ``"class"``, ``"answer"``, ``"right"``, ``"pair"`` (wrong answers by label and answer, the most frequent
                first), or a column of the metadata with at most 200 values.
            where: which images; those without a group are left out.

        Raises:
            AtlasError: the gate or the slice is unknown, or the images have no such groups.
        """
        return profiles.profile(self, self.gate(gate), by, where)

    @takes(AtlasError, block=TEXT.or_none)
    def mask(self, block: str, where: Where = None) -> MeanMask:
        """Return the mean mask of a block or gate, and that of all images.

        Args:
            block: name of a block, whose first gate with rows or columns is meant, or of a gate.
            where: which images; NaN everywhere for none.

        Raises:
            AtlasError: there is no such block, or its gates have no rows and columns.
        """
        return masks.mask(self, block, where)

    @takes(AtlasError, image=IMAGE, block=TEXT.or_none, n=WHOLE)
    def neighbours(self, image: int | str, block: str | None = None, n: int = 10) -> Neighbours:
        """Return the images whose gates are nearest to those of one image.

        Args:
            image: number of the image, or its id.
            block: name of a block or gate, whose values alone are compared; None for all.
            n: number of neighbours.

        Raises:
            AtlasError: the image was not read, or is unknown, or the block is.
        """
        return neighbours.neighbours(self, image, block, n)

    def class_agreement(self) -> ClassAgreement | None:
        """Return how often the 10 nearest images in gates share the label; None without labels."""
        return neighbours.class_agreement(self)

    @takes(AtlasError, method=TEXT)
    def map(self, method: Method | str = "pca") -> AtlasMap:
        """Return a place in the plane for each image.

        Args:
            method: ``"pca"``, or ``"tsne"``, which `cbam_core.atlas.embedding.compute_tsne` has to compute before.

        Raises:
            AtlasError: there is no such method, or t-SNE was not computed yet.
        """
        return mapping.map_of(self, method)

    @takes(AtlasError, other=ATLAS, n=WHOLE)
    def compare(self, other: Atlas, where: Where = None, n: int = 20) -> AtlasComparison:
        """Return what differs in another atlas of the same images.

        Args:
            other: the other atlas: of another network, or of the same images changed.
            where: which images of this atlas.
            n: number of the images to name whose gates differ most.

        Raises:
            AtlasError: no image is in both.
        """
        return comparing.compare(self, other, where, n)

    @takes(AtlasError, n=WHOLE)
    def suspects(self, n: int = 20) -> Suspects:
        """Return images far from all others in gates, and labels that both the network and the gates doubt.

        Args:
            n: number of images of each kind.
        """
        return suspects.suspects(self, n)

    def remembered(self, name: str, make: Callable[[], T]) -> T:
        """Return what is remembered under a name, made once, whichever thread asks first."""
        found: T = self._memory.get(name, make)
        return found

    def remember(self, name: str, result: object) -> None:
        """Remember a result in the place of an earlier one."""
        self._memory.put(name, result)

    def recalled(self, name: str) -> Any:
        """Return what is remembered under a name; None where nothing is, also while a thread makes it."""
        return self._memory.known(name)

    def forget(self, name: str) -> None:
        """Let go of what is remembered under a name."""
        self._memory.forget(name)
