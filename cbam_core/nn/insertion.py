"""CBAM after any layer of any network, and out again, with the network's own weights and names untouched.

An inserted block is a child of its layer, named ``cbam``: so copies, state dicts, devices and modes know it as any
other module. A plain `nn.Sequential` runs its children in order, and the block is one more at its end. Any other layer
becomes an instance of a subclass of its class, whose forward is the layer's own and then the block.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.arguments import TEXT, WHOLE, list_of, takes
from cbam_core.errors import ModelError
from cbam_core.nn.cbam import CBAM, MODULE
from cbam_core.nn.dry_run import DryRun, MapShape
from cbam_core.nn.layer_names import matching

NAMES = ("cbam", "inserted_cbam", "inserted_cbam_2")
"""Names of the new child: the first one that the layer does not use itself."""


class InsertedCBAM(CBAM):
    """A CBAM that `insert_cbam` put after a layer.

    Args:
        in_channels: number of channels C of the layer's output.
        ratio: see `ChannelAttention`.
        kernel_size: see `SpatialAttention`.
        gates: see `CBAM`.
        gradual: whether the output is ``x + a * (CBAM(x) - x)`` with a parameter ``a`` that starts at 0; then the
            output is x at first.
    """

    a: nn.Parameter | None

    def __init__(
        self, in_channels: int, ratio: int = 16, kernel_size: int = 7, gates: str = "both", *, gradual: bool = False
    ) -> None:
        super().__init__(in_channels, ratio, kernel_size, gates)
        self.register_parameter("a", nn.Parameter(torch.zeros(())) if gradual else None)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return x after both gates, or as much of that as `a` says."""
        gated = super().forward(x)
        return gated if self.a is None else x + self.a * (gated - x)


@dataclass(frozen=True)
class InsertedBlock:
    """One block that was inserted.

    Attributes:
        layer: path of the layer whose output it takes.
        block: path of the block, as `capture` names it.
        channels: number of channels of the map.
        map_size: (width, height) of the map at the input size of the dry run.
        parameters: number of parameters of the block.
        runs: how often the layer runs in one forward, each time followed by this block.
    """

    layer: str
    block: str
    channels: int
    map_size: tuple[int, int]
    parameters: int
    runs: int = 1


@dataclass(frozen=True, repr=False)
class Insertion:
    """What `insert_cbam` put where; printing it shows a table.

    Attributes:
        blocks: the blocks, in the order of the network's modules.
        ratio: ratio of each channel attention.
        kernel_size: side of each spatial attention's kernel.
        gradual: whether each block begins without effect.
    """

    blocks: tuple[InsertedBlock, ...]
    ratio: int
    kernel_size: int
    gradual: bool

    @property
    def parameters(self) -> int:
        """Number of parameters of all blocks."""
        return sum(block.parameters for block in self.blocks)

    def __repr__(self) -> str:
        rows = [("after", "block", "channels", "map", "parameters"), *map(_row, self.blocks)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        count = f"{len(self.blocks)} CBAM blocks" if len(self.blocks) != 1 else "1 CBAM block"
        title = f"{count}, {self.parameters:,} parameters, ratio {self.ratio}, kernel {self.kernel_size}"
        return "\n".join([title, *table, _AT_FIRST[self.gradual]])


_AT_FIRST = {
    True: "Each block begins without effect (a = 0): the output is that of the network without them.",
    False: "A fresh block multiplies its map by about 0.25: train before use, or insert with gradual=True.",
}


def _row(block: InsertedBlock) -> tuple[str, ...]:
    width, height = block.map_size
    runs = f" (runs {block.runs} times)" if block.runs > 1 else ""
    return block.layer, block.block, str(block.channels), f"{width}×{height}", f"{block.parameters:,}{runs}"


WHERE = TEXT.or_else(list_of("names or patterns of layers", TEXT))
SIZE = WHOLE.or_else(list_of("a side, or (width, height), in pixels", WHOLE, 2))
"""Kinds of arguments."""


@takes(ModelError, model=MODULE, where=WHERE, ratio=WHOLE, kernel_size=WHOLE, gates=TEXT, size=SIZE.or_none)
def insert_cbam(
    model: nn.Module,
    where: str | Sequence[str],
    *,
    ratio: int = 16,
    kernel_size: int = 7,
    gates: str = "both",
    gradual: bool = False,
    size: int | tuple[int, int] | None = None,
    sample: Any = None,
) -> Insertion:
    """Put a CBAM after some layers of a network, in place.

    Weights, buffers and names of the network stay as they are, the indices of an `nn.Sequential` too: its state dict
    only gets further tensors, such as ``layer1.0.cbam.channel_attn.fc.0.weight``. `remove_cbam` takes the blocks out.

    A fresh CBAM has channel weights and masks of about 0.5, so it multiplies its map by about 0.25, at each place: a
    pretrained network does not know such maps, and must be trained before it is used. With ``gradual=True`` a block is
    ``x + a * (CBAM(x) - x)`` with a parameter `a` that starts at 0: the output is the same at first, bit for bit, while
    `capture` shows the gates already. `a` learns first, and the gates as soon as it is not 0.

    The blocks have the device, the type and the mode of their layers, and random weights of torch's generator. Make the
    optimiser, and wrap the network for several devices, after this call.

    Args:
        model: any network; it is changed only if all blocks fit.
        where: names of layers, as ``model.named_modules()`` gives them, or patterns, in a sequence or in one text with
            spaces between them: ``"layer[1-4]"`` for the four stages of a ResNet, ``"layer[1-4].*"`` for its blocks,
            ``"layer[1-4].*.bn2"`` inside the blocks before the addition, as in the paper. ``*`` does not match a dot; a
            part ``**`` matches any number of parts.
        ratio: see `ChannelAttention`.
        kernel_size: see `SpatialAttention`.
        gates: gates of each block, see `CBAM`; with ``"bottleneck"`` it has as many parameters and gates nothing.
        gradual: whether each block begins without effect.
        size: side, or (width, height), in pixels of the input for the dry run that finds the number of channels; None
            for that which the network states, or a usual one. The result does not depend on it.
        sample: input for the dry run instead, for networks that take no image; a tuple is several arguments.

    Returns:
        What was inserted; it prints as a table.

    Raises:
        ModelError: the network is scripted, no layer matches, a layer's output is no (B, C, H, W) or has fewer
            channels than `ratio`, a layer does not run or has a block already, or the network does not run with this
            input.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError("model.scripted", "the network is scripted: insert into the plain network, and script it then")
    names = matching([name for name in _names(model) if name], where)
    for name in names:
        _check_layer(name, model.get_submodule(name))
    run = DryRun(model, size, sample)
    shapes = run.outputs(names)
    blocks = {name: _block_for(name, shapes[name], (ratio, kernel_size, gates), gradual=gradual) for name in names}
    _try_out(run, blocks, shapes)
    inserted = []
    for name, block in blocks.items():
        layer = model.get_submodule(name)
        child = attach(layer, block.to(device=_device(layer, model)).train(layer.training))
        inserted.append(_described(name, child, block, shapes[name]))
    return Insertion(tuple(inserted), ratio, kernel_size, gradual)


@takes(ModelError, model=MODULE)
def remove_cbam(model: nn.Module) -> tuple[str, ...]:
    """Take out all blocks that `insert_cbam` put into a network, in place.

    The network is as it was before, with the classes of its modules, and computes the same, bit for bit, as far as it
    was not trained in between.

    Args:
        model: a network.

    Returns:
        Paths of the removed blocks.

    Raises:
        ModelError: the network has none.
    """
    removed = inserted_blocks(model)
    if not removed:
        raise ModelError("model.nothing-inserted", "there is no CBAM to remove that insert_cbam put into this network")
    for path in removed:
        holder, _, child = path.rpartition(".")
        layer = model.get_submodule(holder)
        delattr(layer, child)
        if isinstance(layer, Followed):
            _set_class(layer, layer.host)
    return tuple(removed)


def inserted_blocks(model: nn.Module) -> dict[str, InsertedCBAM]:
    """Return the blocks that `insert_cbam` put into a network, by path."""
    return {name: module for name, module in model.named_modules() if isinstance(module, InsertedCBAM)}


def _names(model: nn.Module) -> Iterator[str]:
    """Yield the names of a network's modules, each module's first, without those inside of inserted blocks."""
    blocks = [f"{path}." for path in inserted_blocks(model)]
    for name, _ in model.named_modules():
        if not any(f"{name}.".startswith(path) for path in blocks):
            yield name


def _check_layer(name: str, layer: nn.Module) -> None:
    """Check that a block can be put after a layer, whatever its output is."""
    if any(isinstance(child, InsertedCBAM) for child in layer.children()):
        raise ModelError(
            "model.inserted-twice",
            "layer {layer} has an inserted CBAM already; take it out with remove_cbam first",
            layer=name,
        )
    sealed = isinstance(layer, torch.jit.ScriptModule | torch.fx.GraphModule) or "forward" in vars(layer)
    if sealed or type(layer).__name__ == "OptimizedModule":
        raise ModelError(
            "model.sealed-layer",
            "layer {layer} is compiled, scripted or exported, or its forward was replaced: insert into the plain "
            "network first",
            layer=name,
        )


def _block_for(name: str, shape: MapShape, sizes: tuple[int, int, str], *, gradual: bool) -> InsertedCBAM:
    """Make the block for a layer's output.

    Raises:
        ModelError: the output has fewer channels than `ratio`, or a size cannot be.
    """
    ratio, kernel_size, gates = sizes
    if 0 < shape.channels < ratio:
        raise ModelError(
            "model.inserted-ratio",
            "layer {layer} has {channels} channels, fewer than the ratio {ratio}: give a ratio of {channels} or less, "
            "or leave this layer out",
            layer=name,
            channels=shape.channels,
            ratio=ratio,
        )
    return InsertedCBAM(shape.channels, ratio, kernel_size, gates, gradual=gradual).to(dtype=shape.dtype)


def _try_out(run: DryRun, blocks: dict[str, InsertedCBAM], shapes: dict[str, MapShape]) -> None:
    """Put the blocks into the copy of the network, and check that each runs once whenever its layer does.

    Raises:
        ModelError: the layer's own code runs its children in a way of its own.
    """
    for name, block in blocks.items():
        layer = run.model.get_submodule(name)
        attach(layer, block.to(device=_device(layer, run.model)))
    counts = run.count(blocks)
    for name in blocks:
        if counts[name] != shapes[name].runs:
            raise ModelError(
                "model.children-run-otherwise",
                "layer {layer} runs whatever children it has, so that a CBAM cannot be its child: choose a layer in it",
                layer=name,
            )


def _device(layer: nn.Module, model: nn.Module) -> torch.device:
    tensors = (*layer.parameters(), *layer.buffers(), *model.parameters())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def _described(name: str, child: str, block: InsertedCBAM, shape: MapShape) -> InsertedBlock:
    count = sum(parameter.numel() for parameter in block.parameters())
    return InsertedBlock(name, f"{name}.{child}", shape.channels, (shape.width, shape.height), count, shape.runs)


def attach(layer: nn.Module, block: InsertedCBAM) -> str:
    """Make a block follow a layer; return the name of the new child."""
    child = next(name for name in NAMES if not hasattr(layer, name))
    if type(layer).forward is not nn.Sequential.forward:
        _set_class(layer, _followed(type(layer), child))
    layer.add_module(child, block)
    return child


def _set_class(layer: nn.Module, kind: type[nn.Module]) -> None:
    layer.__class__ = kind


class Followed:
    """A layer that an inserted block follows; classes made of this one and the layer's own are the layer's class.

    Attributes:
        host: class of the layer before.
        child: name of the block among its children.
    """

    host: ClassVar[type[nn.Module]]
    child: ClassVar[str]

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Return what the layer's own forward gives, after the block."""
        own: Any = self.host
        return getattr(self, self.child)(own.forward(self, *inputs, **named))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy and pickle by the class of the layer: this one exists in this process alone."""
        parts: Any = super().__reduce_ex__(protocol)
        make, given, *state = parts
        if make is not copyreg.__newobj__:  # type: ignore[attr-defined]
            return parts
        return _made_anew, (self.host, self.child, *given[1:]), *state


class _FollowedContainer(Followed):
    """A container with a forward of its own, whose code must not meet the block among the children."""

    _modules: dict[str, nn.Module]

    def _own(self) -> dict[str, nn.Module]:
        return {name: module for name, module in self._modules.items() if name != self.child}

    def __len__(self) -> int:
        return len(self._own())

    def __iter__(self) -> Iterator[Any]:
        own = self._own()
        return iter(own if issubclass(self.host, nn.ModuleDict) else own.values())

    def keys(self) -> Any:
        """Names of the children."""
        return self._own().keys()

    def items(self) -> Any:
        """Names and children."""
        return self._own().items()

    def values(self) -> Any:
        """The children."""
        return self._own().values()


_CLASSES: dict[tuple[type, str], type[nn.Module]] = {}


def _followed(host: type[nn.Module], child: str) -> type[nn.Module]:
    """Return the class of layers of a class that a block follows; it has the name of that class."""
    known = _CLASSES.get((host, child))
    if known is not None:
        return known
    container = issubclass(host, nn.Sequential | nn.ModuleList | nn.ModuleDict)
    shown = {"__module__": host.__module__, "__qualname__": host.__qualname__, "__doc__": host.__doc__}
    bases = (_FollowedContainer if container else Followed, host)
    metaclass: Any = type(host)
    made = metaclass(host.__name__, bases, {**shown, "host": host, "child": child})
    return _CLASSES.setdefault((host, child), made)


def _made_anew(host: type[nn.Module], child: str, *given: Any) -> nn.Module:
    made = _followed(host, child)
    return made.__new__(made, *given)
