"""Locating every block's map on the network's input, by following one forward of a black image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.finders import search
from cbam_core.gates.geometry.calls import tensors
from cbam_core.gates.geometry.tracker import Following, GridTracker
from cbam_core.gates.operations.isolation import Inputs
from cbam_core.gates.operations.plan import PlannedGate
from cbam_core.gates.operations.watch import OperationWatch
from cbam_core.gates.sites import BlockCalls, Site
from cbam_core.gates.watcher import FeatureWatcher
from cbam_core.nn.registry import input_channels
from cbam_core.results.placement import Placement


def place(model: nn.Module, input_size: tuple[int, int], *, every_call: bool = False) -> dict[str, Placement]:
    """Locate the cells of every block's maps on the input.

    Runs one forward of a black image in this thread, and follows every operation. The places are those of the local
    path, with gates held: a channel gate makes every cell depend on the whole image, but moves none.

    Args:
        model: a network in eval mode.
        input_size: (width, height) in pixels.
        every_call: whether later calls of a block are located too, under names such as ``"cbam1#2"``.

    Returns:
        The placement of each block by its name, with its status; that of a map which could not be followed is
        ``"unknown"``.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
        ModelError: the model does not accept this size.
    """
    own, others = search(model)
    found = _on_black(model, input_size, partial(_follow, model, own, others))
    return {name: grid for name, grid in found.placements.items() if every_call or name in found.blocks}


def _follow(model: nn.Module, own: Sequence[Site], others: bool, image: Tensor) -> _Found:
    found = _Found(model, image)
    watch = _MapWatch(model, own, found.enter_planned) if others else None
    try:
        if watch is not None:
            watch.start(((image,), {}))
        with FeatureWatcher(model, own, entering=found.enter, mode=Following(found.tracker)):
            model(image)
    finally:
        if watch is not None:
            watch.close()
    return found


class _Found:
    """Placements of the maps that gates multiply, as they come by."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        self.tracker = GridTracker(model)
        self.tracker.start(image)
        self.placements: dict[str, Placement] = {}
        self.blocks: set[str] = set()
        self._calls = BlockCalls()

    def enter(self, site: Site, features: Tensor) -> None:
        """Take the map that a gate of a module of this library will multiply."""
        self._add(site.name, site.block, features)

    def enter_planned(self, gate: PlannedGate, features: Tensor) -> None:
        """Take the map that a gate of another module will multiply."""
        self._add(gate.site[0], gate.site[1], features)

    def _add(self, name: str, block: str, features: Tensor) -> None:
        called = self._calls.next_name(name, block)
        grid = self.tracker.placement(features)
        self.blocks.add(block)
        if grid is not None:
            self.placements.setdefault(called, grid)


class _MapWatch(OperationWatch):
    """Reports the maps that are about to be multiplied by gates which operations show."""

    def __init__(self, model: nn.Module, own: Sequence[Site], entering: Callable[[PlannedGate, Tensor], None]) -> None:
        super().__init__(model, own, lambda values: values)
        self._entering = entering

    def start(self, inputs: Inputs) -> None:
        super().start(inputs)
        if self._counter is not None:
            self._counter.entering = self._entering


def locate(model: nn.Module, input_size: tuple[int, int], layers: Sequence[str]) -> dict[str, Placement]:
    """Locate the cells of the maps that some layers return, whether they have gates or not.

    Args:
        model: a network in eval mode, which only this thread uses.
        input_size: (width, height) in pixels.
        layers: paths of modules.

    Returns:
        The placement of the first output of each module by its path; layers that did not run, or return no map, are
        left out.
    """
    return _on_black(model, input_size, partial(_locate, model, layers))


def _locate(model: nn.Module, layers: Sequence[str], image: Tensor) -> dict[str, Placement]:
    tracker = GridTracker(model)
    tracker.start(image)
    found: dict[str, Placement] = {}

    def record(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        features = next(tensors([output]), None)
        grid = None if features is None else tracker.placement(features)
        if grid is not None:
            found.setdefault(name, grid)

    handles = [model.get_submodule(name).register_forward_hook(partial(record, name)) for name in layers]
    try:
        with Following(tracker):
            model(image)
    finally:
        for handle in handles:
            handle.remove()
    return found


Answer = TypeVar("Answer")


def _on_black(model: nn.Module, input_size: tuple[int, int], look: Callable[[Tensor], Answer]) -> Answer:
    """Look at a forward of a black image, of the channels that the network seems to take, else of three or one.

    It runs without gradients, and takes no random numbers from those who run it next.
    """
    parameter = next(model.parameters(), torch.empty(0))
    dtype = parameter.dtype if parameter.is_floating_point() else torch.get_default_dtype()
    errors: list[Exception] = []
    for channels in dict.fromkeys((input_channels(model), 3, 1)):
        image = torch.zeros((1, channels, input_size[1], input_size[0]), device=parameter.device, dtype=dtype)
        with torch.random.fork_rng(devices=[image.device] if image.is_cuda else []), torch.no_grad():
            try:
                return look(image)
            except CaptureError:
                raise
            except Exception as error:  # whatever a model raises on a shape
                errors.append(error)
    raise errors[0]
