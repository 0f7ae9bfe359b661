"""Sizes and costs of a network: for each layer, for each block, and for its gates.

A *multiply-add* is one multiplication whose result is added to a sum, for one image.

Counted: convolutions and linear layers (without bias additions; a layer that runs twice counts twice, as the
perceptron of channel attention does), and each gate's multiplication of its feature map, one per element.

Not counted: pooling, batch normalisation (which can be folded into the convolution before it), ReLU, sigmoid,
dropout, and the means and maxima that the gates compute.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.gates.finders import find_sites
from cbam_core.gates.sites import Site
from cbam_core.nn.registry import input_channels


@dataclass(frozen=True)
class Layer:
    """One module with parameters or operations of its own.

    Attributes:
        name: path in the network, such as ``"cbam1.channel_attn.fc.0"``.
        kind: class name, such as ``"Conv2d"``.
        output_shape: shape of the output for one image, without the batch axis, such as (32, 16, 16).
        parameters: number of parameters, without those of modules inside it.
        multiply_adds: number of multiply-adds (see above) of all its calls in one forward.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class BlockCost:
    """What the gates of one block add to their network.

    Attributes:
        name: path of the block, such as ``"cbam1"``; empty where the block is the network itself.
        parameters: number of parameters of all its gates.
        channel_parameters: number of parameters of its channel attention.
        spatial_parameters: number of parameters of its spatial attention.
        multiply_adds: number of multiply-adds of all its gates.
    """

    name: str
    parameters: int
    channel_parameters: int
    spatial_parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """Sizes and costs of a network, for one input image.

    Attributes:
        input_size: (width, height) in pixels.
        layers: layers in the order in which they first finish.
        blocks: blocks with gates, in the order in which they are found.
        parameters: number of parameters of the whole network.
        trainable: number of parameters that training may change.
        multiply_adds: number of multiply-adds of one forward.
    """

    input_size: tuple[int, int]
    layers: tuple[Layer, ...]
    blocks: tuple[BlockCost, ...]
    parameters: int
    trainable: int
    multiply_adds: int

    @property
    def cbam_parameters(self) -> int:
        """Number of parameters of all blocks."""
        return sum(block.parameters for block in self.blocks)

    @property
    def cbam_multiply_adds(self) -> int:
        """Number of multiply-adds of all blocks."""
        return sum(block.multiply_adds for block in self.blocks)

    @property
    def cbam_parameter_share(self) -> float:
        """Share of the blocks in all parameters, in [0, 1]."""
        return self.cbam_parameters / max(self.parameters, 1)

    @property
    def cbam_multiply_add_share(self) -> float:
        """Share of the blocks in all multiply-adds, in [0, 1]."""
        return self.cbam_multiply_adds / max(self.multiply_adds, 1)


def summarise(model: nn.Module, input_size: tuple[int, int]) -> Summary:
    """Count a network's layers, parameters and multiply-adds.

    The network itself does not run: a copy without data, hooks or gradients does, once, on torch's meta device.

    Args:
        model: a network for RGB images.
        input_size: (width, height) of its input in pixels.

    Raises:
        CaptureError: the network is compiled, scripted or exported.
        ModelError: the network does not accept the size.
    """
    twin = _meta_copy(model)
    sites = find_sites(twin)
    gated = {site.gated for site in sites}
    layers: dict[str, Layer] = {}
    for name, module in twin.named_modules():
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if own or module in gated or not any(module.children()):
            module.register_forward_hook(_counter(layers, name, own, gates=module in gated))
    width, height = input_size
    with torch.no_grad():
        twin(torch.empty(1, input_channels(model), height, width, device="meta"))
    parameters = list(model.parameters())
    return Summary(
        input_size=input_size,
        layers=tuple(layers.values()),
        blocks=tuple(_blocks(twin, sites, layers)),
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        multiply_adds=sum(layer.multiply_adds for layer in layers.values()),
    )


def _meta_copy(model: nn.Module) -> nn.Module:
    """Copy a model in eval mode, without data in its tensors and without hooks."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for key, value in vars(module).items():
            if "hooks" in key and isinstance(value, dict):
                memo[id(value)] = OrderedDict()  # never read: another thread may be changing it
        for parameter in module.parameters(recurse=False):
            empty = torch.empty_like(parameter, device="meta")
            memo[id(parameter)] = nn.Parameter(empty, requires_grad=False)
        for buffer in module.buffers(recurse=False):
            memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo).eval()


def _counter(layers: dict[str, Layer], name: str, parameters: int, *, gates: bool) -> Callable[..., None]:
    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        earlier = layers[name].multiply_adds if name in layers else 0
        layers[name] = Layer(
            name=name,
            kind=type(module).__name__,
            output_shape=tuple(output.shape[1:]),
            parameters=parameters,
            multiply_adds=earlier + (output.numel() if gates else _multiply_adds(module, output)),
        )

    return count


def _multiply_adds(module: nn.Module, output: Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        return output.numel() * math.prod(module.kernel_size) * (module.in_channels // module.groups)
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return 0


def _blocks(model: nn.Module, sites: list[Site], layers: dict[str, Layer]) -> list[BlockCost]:
    paths = {module: name for name, module in model.named_modules()}
    known = set(paths.values())
    by_block: dict[str, list[Site]] = {}
    for site in sites:
        by_block.setdefault(site.block, []).append(site)
    return [
        BlockCost(
            name=block if block in known else "",
            parameters=_parameters(own),
            channel_parameters=_parameters(site for site in own if site.kind == "channel"),
            spatial_parameters=_parameters(site for site in own if site.kind == "spatial"),
            multiply_adds=_cost(layers, {paths[site.gated] for site in own}),
        )
        for block, own in by_block.items()
    ]


def _parameters(sites: Iterable[Site]) -> int:
    own = {parameter for site in sites for parameter in site.gated.parameters()}
    return sum(parameter.numel() for parameter in own)


def _cost(layers: dict[str, Layer], paths: set[str]) -> int:
    """Sum the multiply-adds of all layers at or below the given paths."""
    return sum(
        layer.multiply_adds
        for name, layer in layers.items()
        if any(not path or name == path or name.startswith(f"{path}.") for path in paths)
    )
