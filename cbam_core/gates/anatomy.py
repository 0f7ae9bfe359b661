"""Sizes and costs of a network: for each layer, for each block, and for its gates.

A *multiply-add* is one multiplication whose result is added to a sum, for one image.

Counted: convolutions and linear layers, as modules or by calls of functions (without bias additions; a layer that runs
twice counts twice, as the perceptron of channel attention does), and each gate's multiplication of its feature map, one
per element. Blocks of other code than this library's are found by what a forward does, see `audit`.

Not counted: pooling, batch normalisation (which can be folded into the convolution before it), ReLU, sigmoid,
dropout, and the means and maxima that the gates compute.
"""

from __future__ import annotations

import copy
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cbam_core.gates.audit.costs import multiply_adds_of, parameters_of
from cbam_core.gates.audit.foreign import foreign_slices
from cbam_core.gates.audit.slices import Slice
from cbam_core.gates.finders import find_sites, search
from cbam_core.gates.operations.functions import MIXING, name_of
from cbam_core.gates.sites import Site
from cbam_core.nn.registry import input_channels

MOST_OF_A_QUICK_ONE = 10**10
"""Most multiply-adds of a network that are soon done, if every parameter were used at every pixel of the image."""


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

    The network itself does not run: a copy without its data, hooks or gradients does, once; on torch's meta device,
    unless it is a small one of this library's modules. One with modules of other code runs on a second copy, with
    numbers, for the gates that only operations show.

    Args:
        model: a network for RGB images.
        input_size: (width, height) of its input in pixels.

    Raises:
        CaptureError: the network is compiled, scripted or exported.
        ModelError: the network does not accept the size.
    """
    width, height = input_size
    device = "cpu" if _is_quick(model, width * height) else "meta"
    twin = _empty_copy(model, device)
    sites = find_sites(twin)
    gated = {site.gated for site in sites}
    layers: dict[str, Layer] = {}
    shown = set()
    for name, module in twin.named_modules():
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if own or module in gated or not any(module.children()):
            shown.add(name)
        module.register_forward_hook(_recorder(layers, name, own, gates=module in gated))
    counter = _Counter()
    counter.watch(twin)
    with torch.no_grad(), counter:
        twin(torch.zeros(1, input_channels(model), height, width, device=device))
    foreign = foreign_slices(model, input_size)
    counts = counter.counts + _products(model, foreign)
    layers = {
        name: replace(layer, multiply_adds=layer.multiply_adds + counts[name])
        for name, layer in layers.items()
        if name in shown or counts[name]
    }
    parameters = list(model.parameters())
    return Summary(
        input_size=input_size,
        layers=tuple(layers.values()),
        blocks=(*_blocks(twin, sites, layers), *_foreign_blocks(foreign)),
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        multiply_adds=sum(layer.multiply_adds for layer in layers.values()),
    )


def _is_quick(model: nn.Module, pixels: int) -> bool:
    """Whether a forward with numbers is certainly quick, and gives the shapes that it has without.

    On the meta device torch computes in Python; for that it imports its compiler, which takes 2 seconds.
    """
    parameters = list(model.parameters())
    known = all(one.dtype == torch.float32 for one in parameters) and not search(model)[1]
    return known and pixels * sum(one.numel() for one in parameters) <= MOST_OF_A_QUICK_ONE


def _empty_copy(model: nn.Module, device: str) -> nn.Module:
    """Copy a model in eval mode, without what its tensors hold and without hooks."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for key, value in vars(module).items():
            if "hooks" in key and isinstance(value, dict):
                memo[id(value)] = OrderedDict()  # never read: another thread may be changing it
        for parameter in module.parameters(recurse=False):
            empty = torch.zeros_like(parameter, device=device)
            memo[id(parameter)] = nn.Parameter(empty, requires_grad=False)
        for buffer in module.buffers(recurse=False):
            memo[id(buffer)] = torch.zeros_like(buffer, device=device)
    return copy.deepcopy(model, memo).eval()


def _recorder(layers: dict[str, Layer], name: str, parameters: int, *, gates: bool) -> Callable[..., None]:
    def record(module: nn.Module, _inputs: Any, output: Any) -> None:
        earlier = layers[name].multiply_adds if name in layers else 0
        layers[name] = Layer(
            name=name,
            kind=type(module).__name__,
            output_shape=tuple(output.shape[1:]) if isinstance(output, Tensor) else (),
            parameters=parameters,
            multiply_adds=earlier + (output.numel() if gates else 0),
        )

    return record


class _Counter(TorchFunctionMode):
    """Counts the multiply-adds of weights in a forward, by the innermost module whose call they are in."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self._stack = [""]

    def watch(self, model: nn.Module) -> None:
        """Follow the calls of a model's modules."""
        for name, module in model.named_modules():
            module.register_forward_pre_hook(partial(self._enter, name))
            module.register_forward_hook(self._leave)

    def _enter(self, name: str, _module: nn.Module, _inputs: Any) -> None:
        self._stack.append(name)

    def _leave(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        self._stack.pop()

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = name_of(func)
        if name in MIXING and isinstance(result, Tensor):
            given = [one for one in (*args, *(kwargs or {}).values()) if isinstance(one, Tensor)]
            self.counts[self._stack[-1]] += weighted(name, given, result)
        return result


def weighted(name: str, given: Sequence[Tensor], result: Tensor) -> int:
    """Count the multiply-adds of a call that weighs a tensor by parameters; 0 for another.

    Args:
        name: name of the function.
        given: tensors among its arguments, in order.
        result: what it returned.
    """
    weights = [
        one for one in given if one.ndim >= 2 and isinstance(one if one._base is None else one._base, nn.Parameter)
    ]
    if not weights:
        return 0
    shape = weights[0].shape
    if name.startswith("conv_transpose"):
        return given[0].numel() * math.prod(shape[1:])
    return result.numel() * (math.prod(shape[1:]) if name.startswith(("conv", "linear")) else int(shape[-2]))


def _products(model: nn.Module, foreign: Sequence[Slice]) -> Counter[str]:
    """Count the elements that gates of other code multiply, by the module whose code does."""
    paths = {module: name for name, module in model.named_modules()}
    counts: Counter[str] = Counter()
    for at, cut in {cut.product.at: cut for cut in foreign}.items():
        counts[paths.get(cut.site.gated, "") if at >= 0 else ""] += math.prod(cut.map.shape)
    return counts


def _foreign_blocks(foreign: Sequence[Slice]) -> Iterator[BlockCost]:
    by_block: dict[str, list[Slice]] = {}
    for cut in foreign:
        by_block.setdefault(cut.site.block, []).append(cut)
    for block, cuts in by_block.items():
        yield BlockCost(
            name=block,
            parameters=parameters_of(cuts),
            channel_parameters=parameters_of(cut for cut in cuts if cut.site.kind == "channel"),
            spatial_parameters=parameters_of(cut for cut in cuts if cut.site.kind == "spatial"),
            multiply_adds=multiply_adds_of(cuts),
        )


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
