"""A film: a network's gates on a few fixed images during training, as NumPy arrays.

A film is one NPZ file without pickle, which pages open without torch. A gate's array is called
``gate:BLOCK:KIND`` where the gate is ``BLOCK.KIND``, as all of CBAM's are; any other has its name behind that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from cbam_core.errors import DataError, TrainingError
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.explanation import Block, Gate, blocks_of
from cbam_core.results.kinds import Kind, as_kind
from cbam_core.results.placement import Placement

FILM = "film.npz"
"""Name of a run's film in its folder."""

LARGEST = 20_000_000
"""Largest unpacked size of a film in bytes; the shipped ones have less than two million."""


def is_scene(epoch: int, last: int) -> bool:
    """Check that a film shows an epoch: 0, 1, 2, 4, 8 and so on, and the last."""
    return epoch == last or epoch & (epoch - 1) == 0


@dataclass(frozen=True, eq=False)
class FilmedGate:
    """One gate in all scenes of a film.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``, unique in a film.
        block: name of its block, such as ``"cbam1"``; ``"cbam1#2"`` at its second call.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        values: float32 (E, N, C), (E, N, H, W) or (E, N, C, H, W) for E scenes and N images.
    """

    name: str
    block: str
    kind: Kind
    values: Float32[np.ndarray, "e n ..."]

    @property
    def call(self) -> int:
        """Number of this call of its block in the forward, from 1."""
        _, _, number = self.block.rpartition("#")
        return int(number) if number.isdecimal() and number != self.block else 1


@dataclass(frozen=True, eq=False)
class Film:
    """The same images at several epochs.

    Attributes:
        classes: names of the K classes.
        images: inputs of the network before normalisation, uint8 RGB (N, H, W, 3).
        labels: true class of each image, (N,).
        epochs: epoch of each of the E scenes; 0 is before training.
        accuracy: validation accuracy at each scene, in [0, 1]; NaN where it was not measured.
        probabilities: probabilities of the classes, (E, N, K).
        gates: gates in order of execution; several of a block may be of one kind.
        placements: grid of each block's cells on the input; a block with an unknown grid is left out.
    """

    classes: tuple[str, ...]
    images: UInt8[np.ndarray, "n h w 3"]
    labels: Int64[np.ndarray, " n"]
    epochs: Int64[np.ndarray, " e"]
    accuracy: Float[np.ndarray, " e"]
    probabilities: Float32[np.ndarray, "e n k"]
    gates: tuple[FilmedGate, ...]
    placements: Mapping[str, Placement]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks, in order of execution."""
        return tuple(dict.fromkeys(gate.block for gate in self.gates))

    def gate(self, block: str, kind: Kind) -> FilmedGate | None:
        """Return the first gate of a kind in a block; None where it has none."""
        return next((gate for gate in self.gates if (gate.block, gate.kind) == (block, kind)), None)

    def shown(self, scene: int, image: int) -> tuple[Block, ...]:
        """Return the blocks of one scene for one image, as in an explanation.

        Args:
            scene: index of the scene.
            image: index of the image.
        """
        gates = ((gate.block, Gate(gate.name, gate.kind, gate.call, gate.values[scene, image])) for gate in self.gates)
        return blocks_of(gates, self.placements, (self.images.shape[2], self.images.shape[1]))

    def with_scene(self, scene: Film) -> Film:
        """Append the scenes of another film; later scenes of this one are removed first.

        Gates that only one of the two has are left out.
        """
        kept = self.epochs < scene.epochs[0]
        added = {gate.name: gate.values for gate in scene.gates}

        def joined(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            return np.concatenate([mine[kept], theirs])

        return Film(
            classes=self.classes,
            images=self.images,
            labels=self.labels,
            epochs=joined(self.epochs, scene.epochs),
            accuracy=joined(self.accuracy, scene.accuracy),
            probabilities=joined(self.probabilities, scene.probabilities),
            gates=tuple(
                replace(gate, values=joined(gate.values, added[gate.name])) for gate in self.gates if gate.name in added
            ),
            placements=self.placements,
        )

    def save(self, path: Path) -> None:
        """Write the film, complete or not at all.

        Raises:
            OSError: the folder cannot be written.
        """
        arrays: dict[str, np.ndarray] = {
            "classes": np.array(self.classes),
            "images": self.images,
            "labels": self.labels,
            "epochs": self.epochs,
            "accuracy": self.accuracy,
            "probabilities": self.probabilities,
        }
        arrays |= {_key(gate): gate.values for gate in self.gates}
        arrays |= {
            f"place:{block}": np.array([grid.start, grid.step] if grid.status == "exact" else grid.as_numbers())
            for block, grid in self.placements.items()
        }
        write_arrays(path, arrays)


def open_film(path: Path) -> Film:
    """Read a film.

    Raises:
        TrainingError: the file is missing, or is not a film.
    """
    try:
        return _from_arrays(read_arrays(path, largest=LARGEST))
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:  # the last three: arrays that do not fit
        raise TrainingError("training.no-film", "{path} is not the film of a training run", path=str(path)) from error


def _key(gate: FilmedGate) -> str:
    """Name of a gate's array in a file; colons in names are written as ``%3A``."""
    parts = ["gate", gate.block, gate.kind, gate.name]
    if gate.name == f"{gate.block}.{gate.kind}":
        parts.pop()
    return ":".join(quote(part, safe="/#") for part in parts)


def _gate(key: str, values: np.ndarray) -> FilmedGate:
    """Read the gate in an array of a file; raise a ValueError where the name is not that of a gate."""
    _, block, kind, *rest = map(unquote, key.split(":"))
    (name,) = rest or (f"{block}.{kind}",)
    if values.dtype.kind != "f":
        raise ValueError(f"the values of {name} are {values.dtype}")
    return FilmedGate(name, block, as_kind(kind), values)


def _placement(values: np.ndarray) -> Placement:
    """Read a placement; raise a ValueError where no cells lie like that."""
    if values.dtype.kind != "f" or values.shape not in (
        (2, 2),
        (7,),
    ):  # start and step if exact, or all
        raise ValueError("a block's cells have no place")
    return Placement.from_numbers(values.ravel().tolist())


_KINDS = {
    "classes": ("U", 1),
    "images": ("u", 4),
    "labels": ("iu", 1),
    "epochs": ("iu", 1),
    "accuracy": ("f", 1),
    "probabilities": ("f", 3),
}
"""NumPy kinds and number of axes of the arrays that every film has."""


def _from_arrays(arrays: dict[str, Any]) -> Film:
    for name, (kinds, axes) in _KINDS.items():
        if arrays[name].dtype.kind not in kinds or arrays[name].ndim != axes:
            raise ValueError(f"{name} is {arrays[name].dtype} of {arrays[name].ndim} axes")
    gates, placements = [], {}
    for name, values in arrays.items():
        if name.startswith("gate:"):
            gates.append(_gate(name, values))
        elif name.startswith("place:"):
            placements[name.removeprefix("place:")] = _placement(values)
    return Film(
        classes=tuple(arrays["classes"].tolist()),
        images=arrays["images"],
        labels=arrays["labels"],
        epochs=arrays["epochs"],
        accuracy=arrays["accuracy"],
        probabilities=arrays["probabilities"],
        gates=tuple(gates),
        placements=placements,
    )
