"""A network with everything that is needed to use it: classes, preprocessing, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from cbam_core.arguments import instance_of
from cbam_core.data.fitting import decode_to_fit, fit_image
from cbam_core.data.images import ImageSource
from cbam_core.data.normalisation import as_grey, normalise
from cbam_core.errors import CheckpointError, Message, fill
from cbam_core.nn.registry import input_channels
from cbam_core.results.usual import Usual
from cbam_core.weights.card import Card
from cbam_core.weights.description import Description, Triple, two_names


@dataclass(frozen=True)
class Source:
    """The file that a network was loaded from.

    Attributes:
        digest: SHA-256 of the file in hexadecimal.
        weights: name in the file of the weights that were taken; "" where they have none.
        known: names of all weights of this network in the file, those that are taken by default first.
    """

    digest: str
    weights: str
    known: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """A trained network with everything that is needed to use it.

    Attributes:
        model: network in eval mode, for normalised images (B, 3, H, W); shared, never changed.
        classes: names of the K classes, in the order of the outputs; of a network with one output, two names, and its
            sigmoid is the probability of the second; () for a network that is no classifier, or whose classes are not
            known.
        mean: mean of each channel for normalisation, RGB, in [0, 1].
        std: standard deviation of each channel for normalisation, RGB, in [0.001, 1000].
        input_size: (width, height) in pixels that images are fitted to.
        architecture: registered name; "" for any other module, which can be shown but not saved.
        arguments: arguments of its constructor.
        card: model card: how it was made.
        name: name on pages and in files.
        digest: SHA-256 of its file in hexadecimal, or of the file and what was chosen or stated when it was opened; ""
            for a network without a file.
        usual: what its gates usually do; None if that is not known.
        remarks: what was left out or chosen when its file was opened.
        source: file that it was loaded from; None for a network without a file.
        crop_share: share of the sides of the largest centred box that ``fit="crop"`` takes of an image, in (0, 1].
    """

    model: nn.Module = field(repr=False)
    classes: tuple[str, ...]
    mean: Triple
    std: Triple
    input_size: tuple[int, int]
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    card: Card = field(default=Card(), repr=False)
    name: str = ""
    digest: str = ""
    usual: Usual | None = field(default=None, repr=False)
    remarks: tuple[Message, ...] = field(default=(), repr=False)
    source: Source | None = field(default=None, repr=False)
    crop_share: float = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        if len(self.classes) == 1:  # one output: a softmax over it would always be 100 %
            object.__setattr__(self, "classes", two_names(self.classes[0]))

    def __repr__(self) -> str:
        classes = fill("{classes} classes", {"classes": len(self.classes)}) if self.classes else "no classes"
        return f"Classifier({self.name!r}, {self.kind}, {classes}, input {self.input_size[0]}×{self.input_size[1]})"

    @property
    def kind(self) -> str:
        """Registered name of the network, or the class of its module."""
        return self.architecture or type(self.model).__name__

    @property
    def fill(self) -> tuple[int, int, int]:
        """Colour of padding, uint8 RGB: the mean, which is about 0 after normalisation."""
        red, green, blue = (round(255 * value) for value in self.mean)
        return red, green, blue

    @property
    def description(self) -> Description:
        """Return the description that is saved with the weights.

        Raises:
            CheckpointError: the network has no registered architecture, or the values contradict each other.
        """
        self._check_described()
        return Description(
            architecture=self.architecture,
            arguments=self.arguments,
            classes=self.classes,
            mean=self.mean,
            std=self.std,
            input_size=self.input_size,
            card=self.card,
        )

    def _check_described(self) -> None:
        if not self.architecture:
            raise CheckpointError(
                "checkpoint.no-description",
                "{name} cannot be saved: it does not say which registered architecture it is; "
                "give its classifier 'architecture' and 'arguments'",
                name=self.name or "this network",
            )

    def normalise(self, pixels: UInt8[np.ndarray, "h w 3"]) -> Float32[Tensor, "planes h w"]:
        """Scale pixels to [0, 1], subtract the mean and divide by the standard deviation of each channel.

        Args:
            pixels: uint8 RGB of the network's input size.

        Returns:
            The network's input, without a batch axis; bit-identical to torchvision's ToTensor and Normalize.
        """
        planes = torch.from_numpy(pixels.transpose(2, 0, 1).copy())  # (H, W, 3) -> (3, H, W)
        return self.normalise_batch(planes[None])[0].contiguous()

    def normalise_batch(self, images: UInt8[Tensor, "b 3 h w"]) -> Float32[Tensor, "b planes h w"]:
        """Normalise a batch of RGB images; of a network for grey ones, their brightness.

        Args:
            images: uint8 RGB of the network's input size, on any device.
        """
        if self.in_channels == 1:
            return normalise(as_grey(images), self.mean[:1], self.std[:1])
        return normalise(images, self.mean, self.std)

    @property
    def in_channels(self) -> int:
        """Channels of the network's input: 3 for RGB, 1 for grey."""
        known = self.arguments.get("in_channels") if self.architecture else input_channels(self.model)
        return 1 if known == 1 else 3

    def preprocess(
        self, image: ImageSource, fit: str = "crop", *, square: tuple[float, float, float] | None = None
    ) -> Float32[Tensor, "planes h w"]:
        """Decode an image, fit it to the network's input, and normalise it.

        Args:
            image: path, bytes, PIL image, or uint8 RGB array (H, W, 3).
            fit: ``"crop"``, ``"square"``, ``"pad"`` or ``"squash"``.
            square: (left, top, side) in pixels of the original, for ``fit="square"``.

        Returns:
            The network's input, without a batch axis.

        Raises:
            ImageError: the image cannot be decoded or fitted.
        """
        size = self.input_size
        picture = decode_to_fit(image, size, fit, square=square, share=self.crop_share)
        share, grid = self.crop_share, picture.grid
        fitted, _, _ = fit_image(picture.pixels, size, fit, square=square, fill=self.fill, grid=grid, share=share)
        return self.normalise(fitted)


CLASSIFIER = instance_of("a loaded network, as load_classifier returns it", Classifier)
"""Kind of argument."""
