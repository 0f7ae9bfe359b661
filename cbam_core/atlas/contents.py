"""What an atlas holds, read from a folder or made of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int, Int32, Int64, UInt8

from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.tables import Tables


@runtime_checkable
class Thumbnails(Protocol):
    """Small pictures of the images."""

    def read(self, images: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "n side side 3"]:
        """Read the pictures of some images."""


@runtime_checkable
class Findable(Protocol):
    """Names of images that can be looked for."""

    def find(self, names: Sequence[str]) -> Int64[np.ndarray, " n"]:
        """Return the numbers of images by their names; -1 for names that none has."""


@dataclass(frozen=True, eq=False)
class ThumbnailArray:
    """Thumbnails in memory.

    Attributes:
        pixels: uint8 RGB, one for each image.
    """

    pixels: UInt8[np.ndarray, "n side side 3"]

    def read(self, images: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "k side side 3"]:
        """Read the pictures of some images."""
        chosen: UInt8[np.ndarray, "k side side 3"] = self.pixels[images]
        return chosen


@dataclass(frozen=True)
class Sheets:
    """Files that show many thumbnails each, for browsers.

    Image i is on sheet ``i // per_sheet``, at place ``i % per_sheet``, counted along rows.

    Attributes:
        paths: picture files, in order.
        per_sheet: number of images on each but the last.
        columns: number of images in a row.
        side: width and height of a thumbnail, in pixels.
    """

    paths: tuple[Path, ...]
    per_sheet: int
    columns: int
    side: int


@dataclass(frozen=True, eq=False)
class Contents:
    """Every gate of N images, and what else is known of them.

    Attributes:
        network: name of the network.
        title: name of the set, such as ``"cifar10:test"``.
        classes: names of the network's K classes; empty for a network without.
        gates: gates, in the order of their columns.
        values: their values, one row for each image and D columns; NaN for images that were not read.
        ids: name of each image in its set, such as ``"cifar10:test/17"`` or that of its file.
        labels: indices into `label_classes`; -1 for an image without a label.
        answers: indices into `classes`; -1 for a network without classes, or an image that was not read.
        confidence: probability of the answer, in [0, 1]; NaN without one.
        logits: outputs, (N, K); (N, 0) for a network without classes.
        label_classes: names of the set's classes; None for those of the network.
        ok: whether each image was read; None for those whose values are all finite.
        thumbnails: small pictures; None where there are none.
        sheets: the files that these lie in; None for pictures in memory.
        metadata: further columns of the user's, by name, N values each.
        scores: places of the images along their principal axes; None where they were not computed.
        tables: sums and lists that were gathered when the atlas was built; None where they were not.
        facts: all that the atlas says of itself.
        folder: its folder; None for one in memory.
    """

    network: str
    title: str
    classes: tuple[str, ...]
    gates: tuple[AtlasGate, ...]
    values: Float16[np.ndarray, "n d"]
    ids: Sequence[str]
    labels: Int32[np.ndarray, " n"]
    answers: Int32[np.ndarray, " n"]
    confidence: Float32[np.ndarray, " n"]
    logits: Float32[np.ndarray, "n k"]
    label_classes: tuple[str, ...] | None = None
    ok: Bool[np.ndarray, " n"] | None = None
    thumbnails: Thumbnails | None = None
    sheets: Sheets | None = None
    metadata: Mapping[str, np.ndarray] = field(default_factory=dict)
    scores: Float32[np.ndarray, "n p"] | None = None
    tables: Tables | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
