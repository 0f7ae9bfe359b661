"""The course's network: three convolutions, each followed by a CBAM, and a two-layer classifier."""

from __future__ import annotations

from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import ModelError
from cbam_core.nn.cbam import CBAM, Gates
from cbam_core.nn.registry import CLASS_COUNTS, Argument, Shapes, class_count, register_architecture

SMALLEST, LARGEST = 32, 39
"""Range of sides in pixels that `CBAM_CNN` accepts: three halvings must give 4x4."""


def _infer(shapes: Shapes) -> dict[str, int | str]:
    found = class_count(shapes, "fc2.weight")
    has_channel, has_spatial = (any(part in name for name in shapes) for part in ("channel_attn", "spatial_attn"))
    lacking = {(True, False): "channel", (False, True): "spatial", (False, False): "none"}
    gates = lacking.get((has_channel, has_spatial))
    return found if gates is None else {**found, "gates": gates}


@register_architecture(
    arguments={"num_classes": CLASS_COUNTS, "gates": Argument(default="both", allowed=get_args(Gates))},
    input_size=(32, 32),
    sides=range(SMALLEST, LARGEST + 1),
    infer=_infer,
)
class CBAM_CNN(nn.Module):  # noqa: N801 - the name that the course and saved code use
    """The reference network for CIFAR-10: 1,150,896 parameters with ten classes.

    State dicts use exactly these names (``conv1``, ``cbam1.channel_attn.fc.0.weight``, ...), so weights from the
    course's own code load here, and those from here load there. Input: (B, 3, H, W), normalised RGB with sides of 32
    to 39 pixels. Output: logits (B, K).

    Args:
        num_classes: number of classes K.
        gates: gates of every block; all but ``"both"`` give variants of the reference network for ablations.

    Raises:
        ModelError: fewer than one class, or unknown gates.
    """

    def __init__(self, num_classes: int = 10, gates: str = "both") -> None:
        super().__init__()
        if num_classes < 1:
            raise ModelError(
                "model.no-classes",
                "a classifier needs at least one class; given {num_classes}",
                num_classes=num_classes,
            )
        self.conv1 = nn.Conv2d(3, 32, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.cbam1 = CBAM(32, gates=gates)

        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.cbam2 = CBAM(64, gates=gates)

        self.conv3 = nn.Conv2d(64, 128, kernel_size=3, padding=1)
        self.bn3 = nn.BatchNorm2d(128)
        self.relu3 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.cbam3 = CBAM(128, gates=gates)

        self.fc1 = nn.Linear(128 * 4 * 4, 512)
        self.relu4 = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(512, num_classes)

    def forward(self, x: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b k"]:
        """Return the logits of a batch of normalised RGB images.

        Raises:
            ModelError: the images are not RGB, or not of a size that the network accepts.
        """
        _check_input(x)
        x = self.cbam1(self.pool1(self.relu1(self.bn1(self.conv1(x)))))  # (B, 32, 16, 16)
        x = self.cbam2(self.pool2(self.relu2(self.bn2(self.conv2(x)))))  # (B, 64, 8, 8)
        x = self.cbam3(self.pool3(self.relu3(self.bn3(self.conv3(x)))))  # (B, 128, 4, 4)
        x = torch.flatten(x, 1)
        logits: Tensor = self.fc2(self.dropout(self.relu4(self.fc1(x))))
        return logits


def _check_input(x: Tensor) -> None:
    _, channels, height, width = x.shape
    if channels == 3 and SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST:
        return
    raise ModelError(
        "model.input-size",
        "CBAM_CNN takes RGB images with sides of {smallest} to {largest} pixels, "
        "shape (batch, 3, {smallest}, {smallest}); given (batch, {channels}, {height}, {width}): "
        "resize the images to {smallest}x{smallest}",
        smallest=SMALLEST,
        largest=LARGEST,
        channels=channels,
        height=height,
        width=width,
    )
