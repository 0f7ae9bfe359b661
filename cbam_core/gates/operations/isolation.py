"""A forward beside the real one changes nothing: its inputs are copies, and random numbers stay as they were."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


def copied_inputs(inputs: Any) -> Any:
    """Copy the tensors of nested arguments; other values are shared."""
    if isinstance(inputs, Tensor):
        copied = inputs.detach().clone(memory_format=torch.preserve_format)
        return copied.requires_grad_() if inputs.requires_grad and torch.is_grad_enabled() else copied
    if isinstance(inputs, Iterator):
        raise CaptureError(
            "capture.iterator",
            "an input of the network is an iterator, which can be run through once only, but gates are looked for in "
            "a forward beside the real one: pass a list",
        )
    if type(inputs) in (tuple, list):
        return type(inputs)(copied_inputs(item) for item in inputs)
    if isinstance(inputs, dict) and type(inputs) is dict:
        return {key: copied_inputs(item) for key, item in inputs.items()}
    if isinstance(inputs, tuple) and hasattr(inputs, "_fields"):
        return type(inputs)(*(copied_inputs(item) for item in inputs))
    return inputs


@contextmanager
def random_state_kept(model: nn.Module) -> Iterator[Callable[[], bool]]:
    """Leave the random numbers of torch, Python and NumPy as they were; give a check whether some were drawn."""
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    state, python, drawn = torch.get_rng_state(), random.getstate(), drawn_by_python()
    numpy = sys.modules.get("numpy")
    arrays = numpy.random.get_state() if numpy is not None else None
    gpus = [device.index for device in devices]

    def has_drawn() -> bool:
        same = torch.equal(torch.get_rng_state(), state) and drawn_by_python() == drawn
        same = same and (numpy is None or _same_state(numpy.random.get_state(), arrays))
        return not same or any(not torch.equal(torch.cuda.get_rng_state(gpu), one) for gpu, one in on_gpus.items())

    with torch.random.fork_rng(devices=gpus, enabled=bool(devices)):
        on_gpus = {gpu: torch.cuda.get_rng_state(gpu) for gpu in gpus}
        try:
            yield has_drawn
        finally:
            if not torch.equal(torch.get_rng_state(), state):  # other threads draw numbers from it too
                torch.set_rng_state(state)
            if random.getstate() != python:
                random.setstate(python)
            if numpy is not None and not _same_state(numpy.random.get_state(), arrays):
                numpy.random.set_state(arrays)


def drawn_by_python() -> Any:
    """Return what tells whether Python's random numbers were drawn in between."""
    return random.getstate()


def _same_state(one: Any, other: Any) -> bool:
    return bool((one[1] == other[1]).all()) and one[2:] == other[2:]
