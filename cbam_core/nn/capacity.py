"""As many parameters as a CBAM has, spent on layers that gate nothing: the control for its capacity."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """A residual bottleneck, ``x + up(relu(down(x)))``, of two 1x1 convolutions without bias.

    A channel attention of ratio r has 2 C C / r weights, and so has a bottleneck of C / r channels: it can mix channels
    as well, but multiplies no map. `up` starts at 0, so a fresh bottleneck changes nothing.

    Args:
        in_channels: number of channels C of its input and output.
        hidden: number of channels in between.
    """

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(in_channels, hidden, 1, bias=False)
        self.up = nn.Conv2d(hidden, in_channels, 1, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return x and what the bottleneck adds to it."""
        added: Tensor = self.up(torch.relu(self.down(x)))
        return x + added


def bottleneck_of(in_channels: int, parameters: int) -> Bottleneck:
    """Make the bottleneck whose number of parameters is nearest to a given one.

    Args:
        in_channels: number of channels C.
        parameters: number of parameters wanted; the bottleneck has a multiple of 2 C, at least that.
    """
    return Bottleneck(in_channels, max(1, round(parameters / (2 * in_channels))))
