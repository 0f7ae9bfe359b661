"""Filming a network while it learns: the same eight images, at chosen epochs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cbam_core.data.samples import PER_CLASS, sample_sheet
from cbam_core.errors import TrainingError
from cbam_core.gates import capture, place
from cbam_core.results.film import FILM, Film, is_scene, open_film
from cbam_core.training.callbacks import History, Watch
from cbam_core.training.loop import Prepare

FIXED = tuple(PER_CLASS * label for label in (0, 1, 2, 3, 4, 5, 7, 8))
"""Places in the sample sheet of the eight images that every run is watched on: one each of eight classes."""


class Camera:
    """Takes scenes of a network: its gates and probabilities on the eight fixed images.

    Args:
        classes: names of the classes.
        prepare: makes uint8 images the network's input.
    """

    def __init__(self, classes: tuple[str, ...], prepare: Prepare) -> None:
        sheet = sample_sheet()
        self._classes, self._prepare = classes, prepare
        self._images = sheet.images[list(FIXED)]
        self._labels = sheet.labels[list(FIXED)].astype(np.int64)
        self._pixels = torch.from_numpy(np.ascontiguousarray(self._images.transpose(0, 3, 1, 2)))

    def take(self, model: nn.Module, epoch: int, accuracy: float = float("nan")) -> Film:
        """A film of one scene; `model` is in eval mode."""
        device = next(model.parameters()).device
        with torch.inference_mode(), capture(model) as record:
            logits = model(self._prepare(self._pixels.to(device)))
        height, width = self._pixels.shape[2:]
        return Film(
            classes=self._classes,
            images=self._images,
            labels=self._labels,
            epochs=np.array([epoch], np.int64),
            accuracy=np.array([accuracy]),
            probabilities=_scene(logits.float().softmax(1)),
            gates={(gate.block, gate.kind): _scene(gate.values) for gate in record.gates},
            placements=place(model, (width, height)),
        )


class Filming(Watch):
    """A `Watch` that keeps a film in the run's folder.

    Args:
        folder: of the run.
        camera: takes the scenes.
        epochs: of the whole run.
    """

    def __init__(self, folder: Path, camera: Camera, epochs: int) -> None:
        self._path, self._camera, self._epochs = folder / FILM, camera, epochs

    def begin(self, model: nn.Module, history: History) -> None:
        """Film the untrained network; or, where a run goes on without its film, the network as it is."""
        if not history.epochs:
            self._camera.take(model, 0).save(self._path)
            return
        try:
            open_film(self._path)
        except TrainingError as error:
            logging.getLogger("cbam_lens").warning("the film begins anew: %s", error)
            last = history.epochs[-1]
            self._camera.take(model, last.number, last.validation_accuracy).save(self._path)

    def epoch(self, model: nn.Module, history: History) -> None:
        """Film the epochs that a film shows."""
        last = history.epochs[-1]
        if is_scene(last.number, self._epochs):
            scene = self._camera.take(model, last.number, last.validation_accuracy)
            open_film(self._path).with_scene(scene).save(self._path)


def _scene(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.float().cpu().numpy()[None]
    return array
