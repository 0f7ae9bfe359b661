"""A network's gates on a few fixed images while it learnt, as plain numbers: what the Training page plays.

A film is one NPZ file without pickle. It holds no torch, so pages can open it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from cbam_core.errors import DataError, TrainingError
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.placement import Placement

FILM = "film.npz"
"""Name of a run's film in its folder."""

LARGEST = 20_000_000
"""Bytes that a film may hold unpacked; ours hold under two million."""


def is_scene(epoch: int, last: int) -> bool:
    """Whether a film shows an epoch: 0, 1, 2, 4, 8 and so on, and the last."""
    return epoch == last or epoch & (epoch - 1) == 0


@dataclass(frozen=True, eq=False)
class Film:
    """The same images at several epochs.

    Attributes:
        classes: names of the K classes.
        images: what the network saw, uint8 RGB (N, H, W, 3).
        labels: true class of each image, (N,).
        epochs: of the E scenes; 0 is before training.
        accuracy: on the held-out images at each scene, in [0, 1]; not a number where it was not measured.
        probabilities: (E, N, K).
        gates: by block and kind, such as ``("cbam1", "spatial")``: (E, N, C), (E, N, H, W) or (E, N, C, H, W).
        placements: where the cells of each block lie on the input; a block without a place is left out.
    """

    classes: tuple[str, ...]
    images: UInt8[np.ndarray, "n h w 3"]
    labels: Int64[np.ndarray, " n"]
    epochs: Int64[np.ndarray, " e"]
    accuracy: Float[np.ndarray, " e"]
    probabilities: Float32[np.ndarray, "e n k"]
    gates: Mapping[tuple[str, str], Float32[np.ndarray, "e n ..."]]
    placements: Mapping[str, Placement]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks, in order of execution."""
        return tuple(dict.fromkeys(block for block, _ in self.gates))

    def with_scene(self, scene: Film) -> Film:
        """This film and the scenes of another one; later scenes of this one are cut off first."""
        kept = self.epochs < scene.epochs[0]

        def joined(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            return np.concatenate([mine[kept], theirs])

        return Film(
            classes=self.classes,
            images=self.images,
            labels=self.labels,
            epochs=joined(self.epochs, scene.epochs),
            accuracy=joined(self.accuracy, scene.accuracy),
            probabilities=joined(self.probabilities, scene.probabilities),
            gates={key: joined(values, scene.gates[key]) for key, values in self.gates.items()},
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
        arrays |= {f"gate:{block}:{kind}": values for (block, kind), values in self.gates.items()}
        arrays |= {
            f"place:{block}": np.array([placement.start, placement.step])
            for block, placement in self.placements.items()
        }
        write_arrays(path, arrays)


def open_film(path: Path) -> Film:
    """Read a film.

    Raises:
        TrainingError: the file is missing, or is no film.
    """
    try:
        return _from_arrays(read_arrays(path, largest=LARGEST))
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:  # the last three: arrays that do not fit
        raise TrainingError("training.no-film", "{path} is not the film of a training run", path=str(path)) from error


def _from_arrays(arrays: dict[str, Any]) -> Film:
    gates, placements = {}, {}
    for name, values in arrays.items():
        if name.startswith("gate:"):
            _, block, kind = name.split(":")
            gates[block, kind] = values
        elif name.startswith("place:"):
            start, step = values.tolist()
            placements[name.removeprefix("place:")] = Placement(tuple(start), tuple(step))
    return Film(
        classes=tuple(arrays["classes"].tolist()),
        images=arrays["images"],
        labels=arrays["labels"],
        epochs=arrays["epochs"],
        accuracy=arrays["accuracy"],
        probabilities=arrays["probabilities"],
        gates=gates,
        placements=placements,
    )
