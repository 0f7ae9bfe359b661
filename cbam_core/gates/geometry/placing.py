"""Locating every block's map on the network's input, by following one forward of a black image."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.gates.finders import find_sites
from cbam_core.gates.geometry.calls import tensors
from cbam_core.gates.geometry.tracker import Following, GridTracker
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FeatureWatcher
from cbam_core.nn.registry import input_channels
from cbam_core.results.placement import Placement


def place(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Placement]:
    """Locate the cells of every block's maps on the input.

    Runs one forward of a black image in this thread, and follows every operation. The places are those of the local
    path, with gates held: a channel gate makes every cell depend on the whole image, but moves none.

    Args:
        model: a network in eval mode.
        input_size: (width, height) in pixels.

    Returns:
        The placement of each block by its name, with its status; that of a map which could not be followed is
        ``"unknown"``.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
        ModelError: the model does not accept this size.
    """
    image = _black(model, input_size)
    tracker = GridTracker(model)
    tracker.start(image)
    found: dict[str, Placement] = {}

    def record(site: Site, features: Tensor) -> None:
        grid = tracker.placement(features)
        if grid is not None:
            found.setdefault(site.block, grid)

    with FeatureWatcher(model, find_sites(model), entering=record, mode=Following(tracker)), torch.no_grad():
        model(image)
    return found


def locate(model: nn.Module, input_size: tuple[int, int], layers: Iterable[str]) -> dict[str, Placement]:
    """Locate the cells of the maps that some layers return, whether they have gates or not.

    Args:
        model: a network in eval mode, which only this thread uses.
        input_size: (width, height) in pixels.
        layers: paths of modules.

    Returns:
        The placement of the first output of each module by its path; layers that did not run, or return no map, are
        left out.
    """
    image = _black(model, input_size)
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
        with Following(tracker), torch.no_grad():
            model(image)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _black(model: nn.Module, input_size: tuple[int, int]) -> Tensor:
    parameter = next(model.parameters(), torch.empty(0))
    shape = (1, input_channels(model), input_size[1], input_size[0])
    return torch.zeros(shape, device=parameter.device, dtype=parameter.dtype)
