"""A small residual network for CIFAR-10 with a CBAM in every block.

Sources: residual blocks by K. He et al., *Deep Residual Learning for Image Recognition*, 2016, with CBAM at the end of
the residual branch as Woo et al. place it (2018, section 3, figure 3); shortcuts that average before they project by
T. He et al., *Bag of Tricks for Image Classification*, 2019, section 4.2.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cbam_core.errors import ModelError
from cbam_core.nn.cbam import CBAM
from cbam_core.nn.registry import (
    CLASS_COUNTS,
    GATE_CHOICE,
    GATE_KNOBS,
    Shapes,
    class_count,
    gate_choice,
    gate_knobs,
    register_architecture,
)

SMALLEST, LARGEST = 32, 512
"""Smallest side in pixels that `CBAM_ResNet` accepts, also its usual one; largest that a checkpoint may name."""

STEM = 32
"""Channels of the first convolution."""

STAGES = ((64, 2), (128, 2), (224, 2))
"""Channels and blocks of the stages; each halves the resolution: 16x16, 8x8 and 4x4 for 32x32 pixels."""


class ResidualBlock(nn.Module):
    """Two convolutions and a CBAM, added to a shortcut.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the output.
        halves: whether 2x2 maximum pooling after the first convolution halves the resolution: unlike a stride, it
            uses every position, and each cell stays in the middle of the area that it stands for.
        ratio: ratio of the channel attention.
        kernel_size: side of the spatial attention's kernel.
        gates: gates of the CBAM.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        halves: bool = False,
        ratio: int = 16,
        kernel_size: int = 7,
        gates: str = "both",
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2) if halves else nn.Identity()
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.cbam = CBAM(out_channels, ratio, kernel_size, gates)
        self.shortcut: nn.Module = nn.Identity()
        if halves or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(2) if halves else nn.Identity(),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Float[Tensor, "b c_in h_in w_in"]) -> Float[Tensor, "b c_out h_out w_out"]:
        """Return the sum of shortcut and gated branch, rectified."""
        branch = functional.relu(self.bn1(self.pool(self.conv1(x))))
        branch = self.cbam(self.bn2(self.conv2(branch)))
        return functional.relu(branch + self.shortcut(x))


def _infer(shapes: Shapes) -> dict[str, int | str]:
    return {**class_count(shapes, "fc.weight"), **gate_knobs(shapes, "stage3.0.cbam"), **gate_choice(shapes)}


@register_architecture(
    arguments={"num_classes": CLASS_COUNTS, **GATE_KNOBS, "gates": GATE_CHOICE},
    input_size=(32, 32),
    sides=range(SMALLEST, LARGEST + 1),
    infer=_infer,
)
class CBAM_ResNet(nn.Module):  # noqa: N801 - named as the reference network is
    """The second network: six residual blocks, each with a CBAM, and a linear classifier on their mean.

    Args:
        num_classes: number of classes K.
        ratio: ratio of every channel attention.
        kernel_size: side of every spatial attention's kernel.
        gates: gates of every block; all but ``"both"`` give variants for ablations.

    Raises:
        ModelError: fewer than one class, or sizes that do not fit each other.
    """

    def __init__(self, num_classes: int = 10, ratio: int = 16, kernel_size: int = 7, gates: str = "both") -> None:
        super().__init__()
        if num_classes < 1:
            raise ModelError(
                "model.no-classes",
                "a classifier needs at least one class; given {num_classes}",
                num_classes=num_classes,
            )
        self.conv = nn.Conv2d(3, STEM, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(STEM)
        channels = STEM
        for number, (width, depth) in enumerate(STAGES, start=1):
            blocks = []
            for index in range(depth):
                blocks.append(ResidualBlock(channels, width, index == 0, ratio, kernel_size, gates))
                channels = width
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Float[Tensor, "b ch h w"]) -> Float[Tensor, "b k"]:
        """Return the logits of a batch of normalised RGB images.

        Raises:
            ModelError: the images are not RGB, or of a size that the network does not accept.
        """
        _check_input(x)
        x = functional.relu(self.bn(self.conv(x)))
        for number in range(1, len(STAGES) + 1):
            x = self.get_submodule(f"stage{number}")(x)
        logits: Tensor = self.fc(self.pool(x).flatten(1))
        return logits


def _check_input(x: Tensor) -> None:
    _, channels, height, width = x.shape
    if channels == 3 and min(height, width) >= SMALLEST:
        return
    raise ModelError(
        "model.input-size",
        "CBAM_ResNet takes RGB images with sides of {smallest} pixels or more, "
        "shape (batch, 3, {smallest}, {smallest}); given (batch, {channels}, {height}, {width}): "
        "resize the images to {smallest}×{smallest}",
        smallest=SMALLEST,
        channels=channels,
        height=height,
        width=width,
    )
