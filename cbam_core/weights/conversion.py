"""Weights of CBAM blocks carried between the common ways to write them, exactly or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cbam_core.errors import CheckpointError, Message
from cbam_core.nn.registry import expected_tensors, recognise
from cbam_core.weights.contents import Contents
from cbam_core.weights.file import WeightsFile
from cbam_core.weights.finding import copies_of_any, is_bookkeeping, listed
from cbam_core.weights.layouts import LAYOUTS, MEAN_FIRST, FoundBlock, Layout, Planes, find_blocks
from cbam_core.weights.stored import DamagedError, in_memory

OWN = LAYOUTS["cbam-lens"]
LARGEST_BLOCK = 1 << 24
"""Most numbers of one block's tensors that are read to carry them."""


@dataclass(frozen=True, eq=False)
class Converted:
    """A state dict whose blocks are written in another way.

    Attributes:
        tensors: every tensor by its new name.
        blocks: blocks as they were found.
        notes: what was dropped or folded, and which order of planes was taken.
    """

    tensors: dict[str, Tensor]
    blocks: tuple[FoundBlock, ...]
    notes: tuple[Message, ...]


@dataclass(frozen=True, eq=False)
class _Plain:
    """The weights of one block as formulas have them.

    Attributes:
        block: where they were found.
        layers: matrices (out, in) of the perceptron; None where there is none.
        biases: biases of the two; None where they are 0.
        kernel: kernel (1, 2, k, k) with the mean first; None where there is none.
        offset: number (1,) that is added to the mask's logit.
    """

    block: FoundBlock
    layers: tuple[Tensor, Tensor] | None
    biases: tuple[Tensor, Tensor] | None
    kernel: Tensor | None
    offset: Tensor


def convert(tensors: Mapping[str, Tensor], target: Layout, planes: Planes | None = None) -> Converted:
    """Write every CBAM of a state dict in another way; other tensors stay as they are.

    Biases of 0 are dropped, and a norm behind the kernel is folded into it where nothing is left to add. For layouts
    with biases and norms, such that change nothing are made.

    Args:
        tensors: the state dict.
        target: how the blocks are to be written.
        planes: order of the planes of each kernel in the state dict, where names do not say it.

    Raises:
        CheckpointError: there is no block, something of one cannot be carried, or the order of planes is unknown.
    """
    blocks = find_blocks({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    if not blocks:
        raise CheckpointError(
            "convert.no-block",
            "no CBAM was found among the {count} tensors: expected a perceptron such as {layers} beside a kernel "
            "such as {kernel}",
            count=len(tensors),
            layers="channel_attention.fc1.weight",
            kernel="spatial_attention.conv1.weight",
        )
    notes: dict[str, Message] = {}
    used = {name for block in blocks for name in block.names(tensors)}
    written: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for block in blocks:
            if name in (block.layers or (block.kernel,))[:1]:
                plain = _read(block, tensors, planes, notes)
                written.update(_written(plain, target, notes))
        if name not in used:
            written[name] = tensor
    return Converted(written, tuple(blocks), tuple(notes.values()))


def _read(block: FoundBlock, tensors: Mapping[str, Tensor], planes: Planes | None, notes: dict[str, Message]) -> _Plain:
    kernel, offset = None, torch.zeros(1, dtype=torch.float64)
    if block.kernel is not None:
        kernel, offset = _kernel(block, block.kernel, tensors, planes, notes)
    if block.layers is None:
        return _Plain(block, None, None, kernel, offset)
    first, second = (tensors[name].flatten(1) for name in block.layers)
    biases = None
    if any(bool(tensors[name].count_nonzero()) for name in block.biases):
        paths = (name.removesuffix("weight") + "bias" for name in block.layers)
        found = [tensors.get(path, one.new_zeros(len(one))) for path, one in zip(paths, (first, second), strict=True)]
        biases = (found[0], found[1])
    return _Plain(block, (first, second), biases, kernel, offset)


def _kernel(
    block: FoundBlock, name: str, tensors: Mapping[str, Tensor], planes: Planes | None, notes: dict[str, Message]
) -> tuple[Tensor, Tensor]:
    """Read a kernel with the mean first, and what is added to its result."""
    order = planes or block.planes
    if order is None:
        raise CheckpointError(
            "convert.planes",
            "the kernel {name} has two planes, and neither its shape nor its name says which is the mean and which "
            "the maximum: look into the code that made the file, and say it with `cbam convert FILE --planes "
            "mean,max` or `--planes max,mean`",
            name=name,
        )
    notes["planes"] = Message(
        "convert.planes-taken",
        "the planes of the kernel were taken as {first}, {second}, which shapes do not say",
        {"first": order[0], "second": order[1]},
    )
    kernel = tensors[name] if order == MEAN_FIRST else tensors[name].flip(1)
    offset = tensors[block.kernel_bias].double() if block.kernel_bias else torch.zeros(1, dtype=torch.float64)
    if not block.norm:
        return kernel, offset
    notes["norm"] = Message(
        "convert.folded",
        "the norm behind the kernel was folded into it, with {eps} added to its variance",
        {"eps": f"{OWN.eps:g}"},
    )
    return _folded(block, tensors, kernel, offset)


def _folded(block: FoundBlock, tensors: Mapping[str, Tensor], kernel: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Fold a norm with fixed statistics into the kernel before it; return what is still to be added."""
    variance, mean = tensors[f"{block.norm}.running_var"].double(), tensors[f"{block.norm}.running_mean"].double()
    weight, bias = tensors.get(f"{block.norm}.weight"), tensors.get(f"{block.norm}.bias")
    scale = (variance + OWN.eps).rsqrt() * (1.0 if weight is None else weight.double())
    added = (offset - mean) * scale + (0.0 if bias is None else bias.double())
    return (kernel.double() * scale.reshape(-1, 1, 1, 1)).to(kernel.dtype), added


def _written(plain: _Plain, target: Layout, notes: dict[str, Message]) -> Iterator[tuple[str, Tensor]]:
    block = plain.block
    if plain.layers is not None:
        yield from _written_layers(plain, plain.layers, target)
    if plain.kernel is not None:
        path = f"{block.prefix}{target.spatial}"
        kernel = plain.kernel if target.planes == MEAN_FIRST else plain.kernel.flip(1)
        yield f"{path}.{target.conv}.weight", kernel.contiguous()
        if target.norm:
            yield from _norm(f"{path}.{target.norm}", plain.offset.to(kernel.dtype), target.eps)
        elif bool(plain.offset.count_nonzero()):
            raise _constant(block.norm or block.kernel_bias, target)
    if (block.biases and not target.bias) or (block.kernel_bias and not target.norm):
        notes["bias"] = Message("convert.zero-bias", "biases of 0 were dropped, which changes nothing")


def _written_layers(plain: _Plain, layers: tuple[Tensor, Tensor], target: Layout) -> Iterator[tuple[str, Tensor]]:
    if plain.biases is not None and not target.bias:
        raise CheckpointError(
            "convert.bias",
            "{name} is a bias that is not 0, and the layout {layout} has none: these weights cannot be carried over "
            "exactly",
            name=plain.block.biases[0],
            layout=target.name,
        )
    for number, (path, matrix) in enumerate(zip(target.layers, layers, strict=True)):
        shaped = matrix[:, :, None, None] if target.convolutions else matrix
        yield f"{plain.block.prefix}{target.channel}.{path}.weight", shaped.contiguous()
        if target.bias:
            bias = matrix.new_zeros(len(matrix)) if plain.biases is None else plain.biases[number]
            yield f"{plain.block.prefix}{target.channel}.{path}.bias", bias


def _constant(name: str, target: Layout) -> CheckpointError:
    return CheckpointError(
        "convert.constant",
        "{name} adds a constant to the mask's logit, and the layout {layout} adds none: these weights cannot be "
        "carried over exactly",
        name=name,
        layout=target.name,
    )


def _norm(path: str, offset: Tensor, eps: float) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a norm that only adds a number (1,)."""
    yield f"{path}.weight", torch.ones_like(offset)
    yield f"{path}.bias", offset
    yield f"{path}.running_mean", torch.zeros_like(offset)
    yield f"{path}.running_var", torch.full_like(offset, 1 - eps)
    yield f"{path}.num_batches_tracked", torch.tensor(0)


def carried(file: WeightsFile) -> tuple[WeightsFile, tuple[Message, ...]]:
    """Return a file of a known network with its blocks in this library's layout, where they are written in another.

    A file is returned as it is where no block is written otherwise, or what comes out is not a network that is known.

    Raises:
        CheckpointError: the network is known, but something of a block cannot be carried, or the order of planes is
            unknown.
    """
    shapes = file.shapes
    foreign = [block for block in find_blocks(shapes) if not block.own]
    if not foreign or not _is_known(foreign, shapes):
        return file, ()
    used = {name for block in foreign for name in block.names(shapes)}
    names = [name for name in shapes if name in used]
    if sum(_count(shapes[name]) for name in names) > LARGEST_BLOCK:
        return file, ()
    try:
        held = {name: file.tensors[name].load() for name in names}
    except DamagedError:
        return file, ()  # reading it says so
    done = convert(held, OWN)
    kept = {name: stored for name, stored in file.tensors.items() if name not in used}
    contents = Contents(kept | {name: in_memory(one) for name, one in done.tensors.items()}, file.contents.facts,
                        file.contents.modules, file.contents.objects)  # fmt: skip
    remark = Message(
        "checkpoint.renamed",
        "the blocks are written in another layout, and were carried over with the same outputs: {names}",
        {"names": listed([*dict.fromkeys(block.written for block in foreign)])},
    )
    return replace(file, contents=contents), (remark, *done.notes)


def _is_known(blocks: list[FoundBlock], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Check whether these blocks in this library's layout would complete a network that is known."""
    used = {name for block in blocks for name in block.names(shapes)}
    now = {name: shape for name, shape in shapes.items() if name not in used}
    for block in blocks:
        for name, path in zip(block.layers or (), OWN.layers, strict=False):
            now[f"{block.prefix}{OWN.channel}.{path}.weight"] = shapes[name][:2]
        if block.kernel is not None:
            now[f"{block.prefix}{OWN.spatial}.{OWN.conv}.weight"] = shapes[block.kernel]
    copies = copies_of_any(now)
    found = recognise({name: now[given] for name, given in copies[0].names.items()}) if copies else None
    if found is None:
        return False
    expected = expected_tensors(found[0].name, found[1])
    return all(is_bookkeeping(name) or name in copies[0].names for name in expected)


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
