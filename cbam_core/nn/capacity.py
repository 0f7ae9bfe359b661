"""As many parameters as a CBAM has, spent on layers that gate nothing: the control for its capacity."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import ModelError
from cbam_core.nn.cbam import CBAM, ChannelAttention
from cbam_core.nn.insertion import attach


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


def spend(model: nn.Module, places: Mapping[str, tuple[int, int]]) -> int:
    """Put bottlenecks after some layers of a network, in place.

    Args:
        model: a network without attention.
        places: for each layer by its path, the number of its output's channels, and of the parameters to spend there.

    Returns:
        Number of parameters of all bottlenecks; each differs from what was wanted by at most C, its number of channels.

    Raises:
        ModelError: the network has no layer of such a path.
    """
    layers = {path: _layer(model, path) for path in places}
    spent = 0
    for path, (channels, parameters) in places.items():
        block = bottleneck_of(channels, parameters)
        attach(layers[path], block.train(layers[path].training))
        spent += sum(weight.numel() for weight in block.parameters())
    return spent


def places_of_cbam(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Find the CBAM blocks of this library that have channel weights: channels and parameters by path."""
    return {
        path: (_channels(gate), sum(weight.numel() for weight in block.parameters()))
        for path, block in model.named_modules()
        if isinstance(block, CBAM)
        for gate in block.modules()
        if isinstance(gate, ChannelAttention)
    }


def _channels(gate: ChannelAttention) -> int:
    return int(gate.fc[0].get_parameter("weight").shape[1])


def _layer(model: nn.Module, path: str) -> nn.Module:
    try:
        return model.get_submodule(path)
    except AttributeError:
        raise ModelError("model.no-such-layer", "the network has no layer {layer}", layer=path) from None
