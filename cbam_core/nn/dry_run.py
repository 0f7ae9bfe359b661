"""A forward beside the real network, to learn the shapes of what its layers give."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.errors import ModelError, text_of
from cbam_core.nn.registry import ARCHITECTURES, input_channels

USUAL_SIDES = (224, 32, 299, 28, 64, 96, 128, 256, 384, 512)
"""Sides in pixels of the input that are tried, in this order, for a network that does not state its own."""


@dataclass(frozen=True)
class MapShape:
    """Shape and type of what one layer gives.

    Attributes:
        channels: number of channels.
        height: height in cells, at the size of the dry run.
        width: width in cells.
        dtype: type of its numbers.
        runs: how often the layer runs in one forward.
    """

    channels: int
    height: int
    width: int
    dtype: torch.dtype
    runs: int


class DryRun:
    """Forwards of a copy of a network in eval mode; the copy shares the parameters, and the network is not touched.

    Args:
        model: a network.
        size: side, or (width, height), in pixels of the input; None for that which the network states, or a usual one.
        sample: input of the network instead; a tuple is several arguments.

    Raises:
        ModelError: the network does not run with this input, or with any of the usual ones.
    """

    def __init__(self, model: nn.Module, size: int | tuple[int, int] | None = None, sample: Any = None) -> None:
        shared = {id(parameter): parameter for parameter in model.parameters()}
        self.model: nn.Module = copy.deepcopy(model, shared).eval()
        self._sizes = [_pair(size)] if size is not None else [*_stated(model), *map(_pair, USUAL_SIDES)]
        self._sample = sample

    def outputs(self, names: Iterable[str]) -> dict[str, MapShape]:
        """Return the shape of what each of some layers gives.

        Raises:
            ModelError: a layer does not run, or gives no (B, C, H, W).
        """
        given: dict[str, list[Any]] = {name: [] for name in names}
        handles = [
            self.model.get_submodule(name).register_forward_hook(
                lambda _m, _i, out, seen=seen: seen.append(_outline(out))
            )
            for name, seen in given.items()
        ]
        try:
            square = self._run(given.values())
        finally:
            for handle in handles:
                handle.remove()
        return {name: _shape(name, seen, square=square) for name, seen in given.items()}

    def count(self, blocks: Mapping[str, nn.Module]) -> dict[str, int]:
        """Count how often each of some modules runs in one forward."""
        calls: dict[str, list[Any]] = {name: [] for name in blocks}
        handles = [
            block.register_forward_hook(lambda _m, _i, _o, seen=calls[name]: seen.append(None))
            for name, block in blocks.items()
        ]
        try:
            self._run(calls.values())
        finally:
            for handle in handles:
                handle.remove()
        return {name: len(seen) for name, seen in calls.items()}

    def _run(self, seen: Iterable[list[Any]]) -> bool:
        """Run a forward at the first size that the network takes; return whether its input was square."""
        errors = []
        for sample in self._samples():
            for one in seen:
                one.clear()
            try:
                with torch.no_grad(), torch.random.fork_rng(devices=[]):
                    self.model(*sample) if isinstance(sample, tuple) else self.model(sample)
            except Exception as error:  # code of somebody else can raise anything
                errors.append(error)
                continue
            return isinstance(sample, Tensor) and sample.ndim == 4 and sample.shape[2] == sample.shape[3]
        reason = text_of(errors[0]).partition("\n")[0][:200]
        if self._sample is not None or len(self._sizes) == 1:
            raise ModelError(
                "model.dry-run",
                "the network does not run with this input ({reason}); give another size= or sample=",
                reason=reason,
            )
        raise ModelError(
            "model.dry-run-sizes",
            "the network does not run with images of {sides} pixels ({reason}); give size= or sample=",
            sides=", ".join(str(side) for side in USUAL_SIDES),
            reason=reason,
        )

    def _samples(self) -> Iterable[Any]:
        if self._sample is not None:
            yield self._sample
            return
        like = next((one for one in self.model.parameters() if one.is_floating_point()), torch.zeros(()))
        for width, height in self._sizes:
            yield torch.zeros(1, input_channels(self.model), height, width, dtype=like.dtype, device=like.device)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _stated(model: nn.Module) -> list[tuple[int, int]]:
    """Return the (width, height) that a network of timm or of this program states."""
    known = ARCHITECTURES.get(type(model).__name__)
    if known is not None:
        return [known.input_size]
    stated = getattr(model, "pretrained_cfg", None)
    size = stated.get("input_size") if isinstance(stated, Mapping) else None
    return [(size[2], size[1])] if isinstance(size, list | tuple) and len(size) == 3 else []


def _outline(output: object) -> tuple[tuple[int, ...], torch.dtype] | str:
    """Return shape and type of a tensor, or the name of another type."""
    return (tuple(output.shape), output.dtype) if isinstance(output, Tensor) else type(output).__name__


def _shape(name: str, seen: list[Any], *, square: bool) -> MapShape:
    """Read the shape off all that a layer gave.

    Raises:
        ModelError: the layer did not run, or gave no (B, C, H, W), or maps with different channels.
    """
    if not seen:
        raise ModelError(
            "model.layer-not-run",
            "layer {layer} does not run in a forward, though its children may: choose one of them",
            layer=name,
        )
    for one in seen:
        if isinstance(one, str) or len(one[0]) != 4:
            raise _no_map(name, one if isinstance(one, str) else str(one[0]))
        _, second, third, fourth = one[0]
        if square and second == third != fourth:
            raise _no_map(name, f"{one[0]}, channels last")
    channels = sorted({shape[1] for shape, _ in seen})
    if len(channels) > 1:
        raise ModelError(
            "model.layer-channels-differ",
            "layer {layer} runs several times, with {channels} channels: one CBAM cannot follow it",
            layer=name,
            channels=" and ".join(map(str, channels)),
        )
    shape, dtype = seen[0]
    return MapShape(shape[1], shape[2], shape[3], dtype, len(seen))


def _no_map(name: str, given: str) -> ModelError:
    return ModelError(
        "model.no-map",
        "the output of layer {layer} is no feature map of shape (B, C, H, W), but {given}: choose another layer",
        layer=name,
        given=given,
    )
