"""The two gates of CBAM, as Woo et al. describe them, with the course's names for every part.

Source: S. Woo, J. Park, J.-Y. Lee, I. S. Kweon, *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3,
https://arxiv.org/abs/1807.06521. Both sigmoids are submodules, so that a forward hook gets the gate itself.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.arguments import TEXT, WHOLE, instance_of, takes
from cbam_core.errors import ModelError
from cbam_core.nn.capacity import bottleneck_of

MODULE = instance_of("a network, an nn.Module", nn.Module)
"""Kind of argument."""


class ChannelAttention(nn.Module):
    """Multiply each channel by one weight in (0, 1): *what* to keep (paper, section 3, "Channel attention module").

    The weight of a channel comes from its mean and its maximum over the feature map: both pass through one shared
    two-layer perceptron, and a sigmoid of their sum is the weight.

    Args:
        in_channels: number of channels C of the feature map.
        ratio: the hidden layer has C // ratio units; the paper uses 16.

    Raises:
        ModelError: C is smaller than ratio, which would leave no hidden unit, or one of them is less than 1.
    """

    @takes(ModelError, in_channels=WHOLE, ratio=WHOLE)
    def __init__(self, in_channels: int, ratio: int = 16) -> None:
        super().__init__()
        if in_channels < 1 or ratio < 1:
            raise ModelError(
                "model.channels-not-positive",
                "channel attention needs at least one channel and a ratio of at least 1; "
                "given {channels} channels and ratio {ratio}",
                channels=in_channels,
                ratio=ratio,
            )
        if in_channels < ratio:
            raise ModelError(
                "model.ratio-too-large",
                "channel attention with ratio {ratio} needs at least {ratio} channels; given {channels}: "
                "use a ratio of {channels} or less",
                channels=in_channels,
                ratio=ratio,
            )
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(in_channels, in_channels // ratio, bias=False),
            nn.ReLU(),
            nn.Linear(in_channels // ratio, in_channels, bias=False),
        )
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return x with every channel multiplied by its weight."""
        average = self.fc(self.avg_pool(x).flatten(1))  # (B, C, H, W) -> (B, C)
        maximum = self.fc(self.max_pool(x).flatten(1))
        weights: Tensor = self.sigmoid(average + maximum)
        return x * weights[:, :, None, None]


class SpatialAttention(nn.Module):
    """Multiply each position by one weight in (0, 1): *where* to look (paper, section 3, "Spatial attention module").

    The weight of a position comes from the mean and the maximum over channels, at that position and around it: two
    planes, in that order, go through one convolution without bias and a sigmoid.

    Args:
        kernel_size: side of the convolution, odd; the paper uses 7.

    Raises:
        ModelError: the side is even or not positive, so that the mask would not have the map's size.
    """

    @takes(ModelError, kernel_size=WHOLE)
    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ModelError(
                "model.kernel-even",
                "spatial attention needs an odd kernel size such as 3, 5 or 7; given {kernel_size}",
                kernel_size=kernel_size,
            )
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return x with every position multiplied by its weight."""
        planes = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)  # (B, 2, H, W)
        mask: Tensor = self.sigmoid(self.conv(planes))  # (B, 1, H, W)
        return x * mask


Gates = Literal["both", "channel", "spatial", "none", "bottleneck"]
"""Gates of a block; all but ``"both"`` are for ablations, ``"bottleneck"`` is the control for its parameters."""


class CBAM(nn.Module):
    """Channel attention, then spatial attention; keeps the shape (paper, section 3, equations 1 and 2).

    Args:
        in_channels: number of channels C of the feature map.
        ratio: see `ChannelAttention`.
        kernel_size: see `SpatialAttention`.
        gates: which gates the block has; with ``"none"`` the map passes unchanged, and with
            ``"bottleneck"`` it passes a `Bottleneck` of as many parameters, which gates nothing.

    Raises:
        ModelError: `gates` is unknown, or an argument does not fit a gate that the block has.
    """

    @takes(ModelError, in_channels=WHOLE, ratio=WHOLE, kernel_size=WHOLE, gates=TEXT)
    def __init__(self, in_channels: int, ratio: int = 16, kernel_size: int = 7, gates: str = "both") -> None:
        super().__init__()
        if gates not in get_args(Gates):
            raise ModelError(
                "model.unknown-gates",
                "a block has one of {known} as its gates; given {given}",
                known=", ".join(get_args(Gates)),
                given=repr(gates)[:60],
            )
        has_channel, has_spatial = gates in ("both", "channel"), gates in ("both", "spatial")
        self.channel_attn: nn.Module = ChannelAttention(in_channels, ratio) if has_channel else nn.Identity()
        self.spatial_attn: nn.Module = SpatialAttention(kernel_size) if has_spatial else nn.Identity()
        if gates == "bottleneck":
            parameters = 2 * in_channels * (in_channels // ratio) + 2 * kernel_size**2
            self.channel_attn = bottleneck_of(in_channels, parameters)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return x after both gates."""
        gated: Tensor = self.spatial_attn(self.channel_attn(x))
        return gated
