"""Filming a network during training: its gates on the same eight images, at chosen epochs."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from torch import nn

from cbam_core.data.fitting import fit_image
from cbam_core.data.samples import film_images
from cbam_core.errors import TrainingError
from cbam_core.network import Classifier
from cbam_core.observing import observe, placements
from cbam_core.results.film import FILM, Film, FilmedGate, is_scene, open_film
from cbam_core.results.history import History
from cbam_core.training.callbacks import Callback


def filmed_images(size: int = 0) -> tuple[UInt8[np.ndarray, "n h w 3"], Int64[np.ndarray, " n"]]:
    """Return the eight images of CIFAR-10 that a film shows, and their labels.

    Args:
        size: side in pixels; 0 for their own.
    """
    images, labels = film_images()
    if size not in (0, images.shape[1]):
        images = np.stack([fit_image(image, (size, size))[0] for image in images])
    return images, labels.astype(np.int64)


class Camera:
    """Records scenes of a network: its gates and probabilities on a few fixed images.

    Args:
        classifier: says how images are prepared for the network, and what its classes are.
        images: uint8 RGB (N, H, W, 3) of the network's input size; None for eight of CIFAR-10.
        labels: their classes.
    """

    def __init__(
        self,
        classifier: Classifier,
        images: UInt8[np.ndarray, "n h w 3"] | None = None,
        labels: Int64[np.ndarray, " n"] | None = None,
    ) -> None:
        self._classifier = classifier
        usual, classes = filmed_images()
        self._images = usual if images is None else images
        self._labels = classes if labels is None else labels

    def take(self, model: nn.Module, epoch: int, accuracy: float = float("nan")) -> Film:
        """Record a film of one scene.

        Raises:
            ModelError: the network is in training mode, or its logits are not finite.
        """
        classifier = replace(self._classifier, model=model)
        seen = observe(classifier, self._images)
        return Film(
            classes=classifier.classes,
            images=self._images,
            labels=self._labels,
            epochs=np.array([epoch], np.int64),
            accuracy=np.array([accuracy]),
            probabilities=seen.probabilities[None],
            gates=tuple(FilmedGate(gate.name, gate.block, gate.kind, gate.values[None]) for gate in seen.gates),
            placements=placements(model, classifier.input_size),
        )


class Filming(Callback):
    """A callback that keeps a film in the run's folder.

    Args:
        folder: folder of the run.
        camera: recorder of the scenes.
        epochs: number of epochs of the whole run.
    """

    def __init__(self, folder: Path, camera: Camera, epochs: int) -> None:
        self._path, self._camera, self._epochs = folder / FILM, camera, epochs

    def begin(self, model: nn.Module, history: History) -> None:
        """Film the untrained network, or, where a run continues without its film, the current one."""
        if not history.epochs:
            self._camera.take(model, 0).save(self._path)
            return
        try:
            open_film(self._path)
        except TrainingError as error:
            logging.getLogger("cbam_lens").warning("the film starts again: %s", error)
            last = history.epochs[-1]
            self._camera.take(model, last.number, last.validation_accuracy).save(self._path)

    def epoch(self, model: nn.Module, history: History) -> None:
        """Film the network after the epochs that a film shows."""
        last = history.epochs[-1]
        if is_scene(last.number, self._epochs):
            scene = self._camera.take(model, last.number, last.validation_accuracy)
            open_film(self._path).with_scene(scene).save(self._path)
