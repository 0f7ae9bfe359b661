"""Labelled images for training: all in memory, as uint8 tensors on the training device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from cbam_core.data.dataset import Dataset, Labels
from cbam_core.errors import TrainingError

SPLIT_SEED = 20181008
"""Seed of the shuffle that selects the validation images, the same for every run."""


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images.

    Attributes:
        pixels: RGB values, uint8 (N, 3, H, W).
        labels: indices of the classes, int64 (N,).
    """

    pixels: Tensor
    labels: Tensor

    @classmethod
    def from_arrays(cls, images: UInt8[np.ndarray, "n h w 3"], labels: Labels) -> Images:
        """Copy arrays of the data set to tensors."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return cls(pixels, torch.from_numpy(labels.astype(np.int64)))

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> Images:
        """Copy a set of images, all of one size, into tensors.

        Raises:
            DataError: the images have no labels.
        """
        return cls.from_arrays(np.asarray(dataset.images[:]), dataset.known_labels)

    @property
    def side(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def held_out(self, count: int) -> tuple[Images, Images]:
        """Split into a training part and `count` validation images, the same ones for every run.

        Raises:
            TrainingError: no image would be left for training.
        """
        if count >= len(self.labels):
            raise TrainingError(
                "training.nothing-left",
                "holding {count} images out leaves none of the {total} to train on; hold fewer out (validation)",
                count=count,
                total=len(self.labels),
            )
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
        kept, held = order[: len(order) - count], order[len(order) - count :]
        return Images(self.pixels[kept], self.labels[kept]), Images(self.pixels[held], self.labels[held])

    def to(self, device: torch.device) -> Images:
        """Copy the images to another device."""
        return Images(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Split:
    """Images to train on, and others to watch the training with.

    Attributes:
        train: images that are trained on.
        validation: images on which accuracy and loss are measured after each epoch.
    """

    train: Images
    validation: Images
