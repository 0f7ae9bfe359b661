"""What an atlas holds, and where: its description, its columns, and the names of its files. Free of torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from cbam_core.errors import AtlasError
from cbam_core.files import write_atomically
from cbam_core.results.kinds import AXES, Kind, as_kind
from cbam_core.results.placement import Placement

Channel = int | tuple[int, ...]
"""One number of a gate: its index, or its place along the axes of the gate, such as (row, column)."""

FORMAT = 1
"""Version of the files of an atlas."""

SHARD_SIZE = 1000
"""Images of one shard, but for the last one."""

LARGEST_SIDE = 64
"""Largest side of a thumbnail in pixels."""

ACROSS = 32
"""Thumbnails in one row of a sheet."""

LARGEST_GATE = 16_384
"""Most values of one gate for one image: a mask of 128 x 128. Larger gates are left out, and named in the atlas."""

FIXED_COLUMNS = ("index", "id", "ok", "label", "answer", "confidence")
"""First columns of a shard, before logits and gates."""

DESCRIPTION = "atlas.json"
GATES = "gates.f16"
LOGITS = "logits.f32"
SCORES = "pca.f32"
IMAGES = "images.parquet"
TABLES = "tables.npz"
MAP = "tsne.npz"
NEAREST = "nearest.npz"
METADATA = "metadata.csv"


@dataclass(frozen=True)
class AtlasGate:
    """One gate of an atlas.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        block: name of its block, such as ``"cbam1"``.
        kind: axes along which it differs; see `cbam_core.results.kinds`.
        call: number of this call of the gate in the forward, from 1.
        shape: shape of its values for one image, in the order of these axes.
        first: its first column in the rows of gates.
        scale: factor of the values: the map was multiplied by ``scale * values + shift``.
        shift: what was added to them.
        squashed: whether the values are known to lie in [0, 1].
        placement: positions of the block's cells on the input; None where they are not known.
    """

    name: str
    block: str
    kind: Kind
    call: int
    shape: tuple[int, ...]
    first: int
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True
    placement: Placement | None = None

    @property
    def size(self) -> int:
        """Number of values for one image."""
        return math.prod(self.shape)

    @property
    def columns(self) -> slice:
        """Columns of its values in the rows of gates."""
        return slice(self.first, self.first + self.size)

    @property
    def column_names(self) -> list[str]:
        """Names of its columns in a shard: ``"cbam1.channel[17]"``, ``"cbam1.spatial[3,5]"``."""
        return [f"{self.name}[{cell}]" for cell in _cells(self.shape)]

    @property
    def axes(self) -> str:
        """Letters of its axes, such as ``"HW"``."""
        return AXES[self.kind]

    def flat(self, channel: Channel) -> int:
        """Return the index of a channel or cell among the gate's values.

        Args:
            channel: index in [0, size), or one index for each axis of the gate.

        Raises:
            AtlasError: the gate has no such value.
        """
        place = tuple(map(index, channel)) if isinstance(channel, tuple | list) else index(channel)
        shape = self.shape if isinstance(place, tuple) else (self.size,)
        given = place if isinstance(place, tuple) else (place,)
        if len(given) != len(shape) or not all(0 <= i < n for i, n in zip(given, shape, strict=True)):
            raise AtlasError(
                "atlas.unknown-channel",
                "{gate} has no value {channel}; its values have the shape {shape}, counted from 0",
                gate=self.name,
                channel=str(list(given) if isinstance(place, tuple) else place),
                shape=" x ".join(map(str, self.shape)),
            )
        return int(np.ravel_multi_index(given, shape))

    def label(self, channel: Channel) -> str:
        """Return the name of a column, such as ``"cbam1.channel[17]"`` or ``"cbam1.spatial[3,5]"``."""
        place = np.unravel_index(self.flat(channel), self.shape)
        return f"{self.name}[{','.join(map(str, place))}]"

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        placed = None if self.placement is None else _placement_as_dict(self.placement)
        return {**asdict(self), "shape": list(self.shape), "placement": placed}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> AtlasGate:
        """Read what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that of a gate.
        """
        placed = given["placement"]
        return cls(
            name=str(given["name"]),
            block=str(given["block"]),
            kind=as_kind(given["kind"]),
            call=int(given["call"]),
            shape=tuple(int(side) for side in given["shape"]),
            first=int(given["first"]),
            scale=float(given["scale"]),
            shift=float(given["shift"]),
            squashed=bool(given["squashed"]),
            placement=None if placed is None else _placement_from_dict(placed),
        )


def _cells(shape: tuple[int, ...]) -> list[str]:
    cells = [""]
    for side in shape:
        cells = [f"{cell},{number}" if cell else str(number) for cell in cells for number in range(side)]
    return cells


def _placement_as_dict(placement: Placement) -> dict[str, Any]:
    return {**placement.as_dict(), "cells": None if placement.cells is None else list(placement.cells)}


def _placement_from_dict(given: Mapping[str, Any]) -> Placement:
    bound, extent = given.get("bound", 0.0), given.get("field")
    numbers = (*given["start"], *given["step"], math.inf if bound is None else bound)
    placement = Placement.from_numbers((*numbers, *(extent or (math.nan, math.nan))))
    rows, columns = given["cells"] or (0, 0)
    cells = (int(rows), int(columns)) if given["cells"] else None
    return Placement(placement.start, placement.step, placement.status, placement.bound, placement.field, cells)


@dataclass(frozen=True)
class NetworkFacts:
    """Which network an atlas is of, and how images were prepared for it.

    Attributes:
        name: name on pages and in files.
        digest: digest of the network's file, or of its weights if it has none.
        kind: registered name of the network, or the class of its module.
        classes: names of the K classes; () for a network that is no classifier.
        input_size: (width, height) in pixels.
        mean: mean of each channel for normalisation.
        std: standard deviation of each channel.
        crop_share: share of the sides of the centred box that is taken of an image.
    """

    name: str
    digest: str
    kind: str
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_share: float


@dataclass(frozen=True)
class ImageSetFacts:
    """Which images an atlas is of.

    Attributes:
        title: name of the set and its split, such as ``"cifar10:test"``.
        count: number of images, N.
        classes: names of the classes that labels are indices into; () without labels.
        listing: SHA-256 of the images' ids, labels, and sizes or pixels.
        corruption: what was done to the images, such as ``"blur:3"``; "" for nothing.
    """

    title: str
    count: int
    classes: tuple[str, ...]
    listing: str
    corruption: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything that decides what an atlas holds, independent of its folder; picklable and free of torch.

    Attributes:
        network: the network.
        images: the images.
        gates: gates in order of execution; their columns follow each other.
        left_out: names of gates that are larger than `LARGEST_GATE`.
        side: side of a thumbnail in pixels.
        program: version of this program.
        torch: version of torch.
        shard_size: images of one shard, but for the last one.
        across: thumbnails in one row of a sheet.
    """

    network: NetworkFacts
    images: ImageSetFacts
    gates: tuple[AtlasGate, ...]
    left_out: tuple[str, ...]
    side: int
    program: str
    torch: str
    shard_size: int = SHARD_SIZE
    across: int = ACROSS

    @property
    def count(self) -> int:
        """Number of images, N."""
        return self.images.count

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.count // self.shard_size)

    @property
    def width(self) -> int:
        """Number of values of all gates for one image, D."""
        return sum(gate.size for gate in self.gates)

    @property
    def classes(self) -> int:
        """Number of logits, K."""
        return len(self.network.classes)

    @cached_property
    def gate_columns(self) -> list[str]:
        """Names of the D columns of gates."""
        return [name for gate in self.gates for name in gate.column_names]

    @cached_property
    def columns(self) -> list[str]:
        """Names of all columns of a shard."""
        return [*FIXED_COLUMNS, *(f"logit[{k}]" for k in range(self.classes)), *self.gate_columns]

    def rows(self, number: int) -> slice:
        """Return which images of the set a shard holds."""
        return slice(number * self.shard_size, min((number + 1) * self.shard_size, self.count))

    def size(self, number: int) -> int:
        """Return the number of images of a shard."""
        return len(range(*self.rows(number).indices(self.count)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the description, in hexadecimal: the fingerprint that every shard carries."""
        text = json.dumps(self._described(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, with the digest: the contents of ``atlas.json``."""
        return {**self._described(), "digest": self.digest}

    def _described(self) -> dict[str, Any]:
        described = {
            "format": FORMAT,
            "program": self.program,
            "torch": self.torch,
            "network": asdict(self.network),
            "images": asdict(self.images),
            "shard_size": self.shard_size,
            "thumbnails": {"side": self.side, "across": self.across},
            "gates": [gate.as_dict() for gate in self.gates],
            "left_out": self.left_out,
        }
        plain: dict[str, Any] = json.loads(json.dumps(described, allow_nan=False))
        return plain

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Plan:
        """Read what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that of an atlas of this format, or its digest is another one.
        """
        network, images = given["network"], given["images"]
        plan = cls(
            network=NetworkFacts(**{key: _tuple(value) for key, value in network.items()}),
            images=ImageSetFacts(**{key: _tuple(value) for key, value in images.items()}),
            gates=tuple(AtlasGate.from_dict(gate) for gate in given["gates"]),
            left_out=tuple(given["left_out"]),
            side=int(given["thumbnails"]["side"]),
            program=str(given["program"]),
            torch=str(given["torch"]),
            shard_size=int(given["shard_size"]),
            across=int(given["thumbnails"]["across"]),
        )
        if plan.digest != given["digest"]:
            raise ValueError("the digest is not that of the description")
        if not _is_sound(plan):
            raise ValueError("its numbers do not fit each other")
        return plan


def _is_sound(plan: Plan) -> bool:
    """Check that the numbers of a description fit each other, and that its names are text."""
    facts, images, gates = plan.network, plan.images, plan.gates
    firsts = list(accumulate((gate.size for gate in gates), initial=0))[:-1]
    sides = (plan.shard_size, plan.across, plan.side, *(side for gate in gates for side in gate.shape))
    names = (facts.name, facts.kind, images.title, images.corruption, *facts.classes, *images.classes, *plan.left_out)
    return (
        all(isinstance(name, str) for name in names)
        and isinstance(images.count, int)
        and images.count >= 0
        and min(sides) > 0
        and plan.side <= LARGEST_SIDE
        and [gate.first for gate in gates] == firsts
        and len({gate.name for gate in gates}) == len(gates)
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the description of an atlas, complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    text = json.dumps(plan.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / DESCRIPTION, lambda file: file.write(text.encode()))


def read_plan(folder: Path) -> Plan:
    """Read the description of an atlas.

    Raises:
        AtlasError: there is none, it is damaged, or of another format.
    """
    path = folder / DESCRIPTION
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AtlasError(
            "atlas.none",
            "there is no atlas in {folder}: {file} is missing or cannot be read ({reason}); build one with "
            "`cbam atlas build --out {folder}`",
            folder=str(folder),
            file=DESCRIPTION,
            reason=error.strerror or type(error).__name__,
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if isinstance(given, dict) and given.get("format") not in (None, FORMAT):
        raise AtlasError(
            "atlas.other-format",
            "{path} is of format {given}, and this program reads format {expected}; build the atlas again, or use "
            "the version of the program that built it",
            path=str(path),
            given=str(given["format"])[:20],
            expected=FORMAT,
        )
    try:
        return Plan.from_dict(given)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> AtlasError:
    return AtlasError(
        "atlas.damaged-description",
        "{path} does not describe an atlas, or was changed; build the atlas again, with --again",
        path=str(path),
    )


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of a shard."""
    return folder / "shards" / f"part-{number:05}.parquet"


def sheet_path(folder: Path, number: int) -> Path:
    """Return the path of the sheet with the thumbnails of a shard."""
    return folder / "thumbnails" / f"part-{number:05}.jpg"
