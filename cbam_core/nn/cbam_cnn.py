"""The course's network: three convolutions, each followed by a CBAM, and a two-layer classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.arguments import TEXT, WHOLE, takes
from cbam_core.errors import ModelError
from cbam_core.nn.cbam import CBAM, Gates
from cbam_core.nn.registry import (
    CLASS_COUNTS,
    GATE_KNOBS,
    Argument,
    Shapes,
    class_count,
    gate_choice,
    gate_knobs,
    register_architecture,
)

SMALLEST, LARGEST = 32, 39
"""Range of sides in pixels that `CBAM_CNN` accepts by default: three halvings must give 4x4."""

KNOBS: Mapping[str, Argument] = {
    **GATE_KNOBS,
    "in_channels": Argument(default=3, allowed=range(1, 4, 2), knob=True),
    "hidden": Argument(default=512, allowed=range(1, 8193), knob=True),
    "image_size": Argument(default=32, allowed=range(8, 513, 8), knob=True),
}


def _infer(shapes: Shapes) -> dict[str, int | str]:
    gates = {**gate_knobs(shapes, "cbam3"), **gate_choice(shapes)}
    return {**class_count(shapes, "fc2.weight"), **gates, **_infer_sizes(shapes)}


def _infer_sizes(shapes: Shapes) -> dict[str, int | str]:
    """Read channels and sides of the input, and the hidden width, off the shapes where they are not the usual ones."""
    found: dict[str, int | str] = {}
    first, linear = shapes.get("conv1.weight", ()), shapes.get("fc1.weight", ())
    if len(first) == 4 and first[1] in KNOBS["in_channels"].allowed:
        found["in_channels"] = first[1]
    if len(linear) == 2:
        found["hidden"] = linear[0]
        side = math.isqrt(linear[1] // 128)
        if linear[1] == 128 * side**2:
            found["image_size"] = 8 * side
    return {name: value for name, value in found.items() if value != KNOBS[name].default}


def _sides(arguments: Mapping[str, Any]) -> range:
    side = arguments.get("image_size", SMALLEST)
    return range(side, side + 8)


@register_architecture(
    arguments={"num_classes": CLASS_COUNTS, "gates": Argument(default="both", allowed=get_args(Gates)), **KNOBS},
    input_size=(32, 32),
    sides=range(SMALLEST, LARGEST + 1),
    infer=_infer,
    resized=_sides,
)
class CBAM_CNN(nn.Module):  # noqa: N801 - the name that the course and saved code use
    """The reference network for CIFAR-10: 1,150,896 parameters with ten classes.

    State dicts use exactly these names (``conv1``, ``cbam1.channel_attn.fc.0.weight``, ...), so weights from the
    course's own code load here, and those from here load there. Input: (B, 3, H, W), normalised RGB with sides of 32
    to 39 pixels. Output: logits (B, K).

    Args:
        num_classes: number of classes K.
        gates: gates of every block; all but ``"both"`` give variants of the reference network for ablations.
        ratio: ratio of every channel attention.
        kernel_size: side of every spatial attention's kernel.
        in_channels: channels of the input: 3 for RGB, 1 for grey.
        hidden: width of the hidden linear layer.
        image_size: smallest side in pixels of the input, a multiple of 8; sides of up to 7 more give the same grid.

    Raises:
        ModelError: fewer than one class, unknown gates, or sizes that do not fit each other.
    """

    @takes(ModelError, num_classes=WHOLE, gates=TEXT, hidden=WHOLE, image_size=WHOLE, in_channels=WHOLE)
    def __init__(
        self,
        num_classes: int = 10,
        gates: str = "both",
        ratio: int = 16,
        kernel_size: int = 7,
        in_channels: int = 3,
        hidden: int = 512,
        image_size: int = 32,
    ) -> None:
        super().__init__()
        if num_classes < 1:
            raise ModelError(
                "model.no-classes",
                "a classifier needs at least one class; given {num_classes}",
                num_classes=num_classes,
            )
        if image_size < 8 or image_size % 8:
            raise ModelError(
                "model.image-size",
                "CBAM_CNN needs an image size that is a multiple of 8; given {image_size}",
                image_size=image_size,
            )
        self.in_channels, self.image_size = in_channels, image_size
        self.conv1 = nn.Conv2d(in_channels, 32, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.cbam1 = CBAM(32, ratio, kernel_size, gates)

        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.cbam2 = CBAM(64, ratio, kernel_size, gates)

        self.conv3 = nn.Conv2d(64, 128, kernel_size=3, padding=1)
        self.bn3 = nn.BatchNorm2d(128)
        self.relu3 = nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.cbam3 = CBAM(128, ratio, kernel_size, gates)

        self.fc1 = nn.Linear(128 * (image_size // 8) ** 2, hidden)
        self.relu4 = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(hidden, num_classes)

    def forward(self, x: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b k"]:
        """Return the logits of a batch of normalised RGB images.

        Raises:
            ModelError: the images do not have the network's channels, or a size that it accepts.
        """
        _check_input(x, self.in_channels, self.image_size)
        x = self.cbam1(self.pool1(self.relu1(self.bn1(self.conv1(x)))))  # (B, 32, 16, 16)
        x = self.cbam2(self.pool2(self.relu2(self.bn2(self.conv2(x)))))  # (B, 64, 8, 8)
        x = self.cbam3(self.pool3(self.relu3(self.bn3(self.conv3(x)))))  # (B, 128, 4, 4)
        x = torch.flatten(x, 1)
        logits: Tensor = self.fc2(self.dropout(self.relu4(self.fc1(x))))
        return logits


def _check_input(x: Tensor, in_channels: int, smallest: int) -> None:
    _, channels, height, width = x.shape
    largest = smallest + 7
    if channels == in_channels and smallest <= height <= largest and smallest <= width <= largest:
        return
    given = {"channels": channels, "height": height, "width": width}
    if in_channels == 1:
        raise ModelError(
            "model.input-size",
            "this CBAM_CNN takes grey images with sides of {smallest} to {largest} pixels, "
            "shape (batch, 1, {smallest}, {smallest}); given (batch, {channels}, {height}, {width}): "
            "turn the images grey and resize them to {smallest}×{smallest}",
            smallest=smallest,
            largest=largest,
            **given,
        )
    raise ModelError(
        "model.input-size",
        "CBAM_CNN takes RGB images with sides of {smallest} to {largest} pixels, "
        "shape (batch, 3, {smallest}, {smallest}); given (batch, {channels}, {height}, {width}): "
        "resize the images to {smallest}×{smallest}",
        smallest=smallest,
        largest=largest,
        **given,
    )
