"""A forward beside the real one changes nothing: its inputs are copies, and random numbers stay as they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
def random_state_kept(model: nn.Module) -> Iterator[None]:
    """Leave the random numbers of torch, Python and NumPy as they were."""
    import random

    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    state, python = torch.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy")
    arrays = numpy.random.get_state() if numpy is not None else None
    with torch.random.fork_rng(devices=[device.index for device in devices], enabled=bool(devices)):
        try:
            yield
        finally:
            if not torch.equal(torch.get_rng_state(), state):  # other threads draw numbers from it too
                torch.set_rng_state(state)
            if random.getstate() != python:
                random.setstate(python)
            if numpy is not None and not _same_state(numpy.random.get_state(), arrays):
                numpy.random.set_state(arrays)


def _same_state(one: Any, other: Any) -> bool:
    return bool((one[1] == other[1]).all()) and one[2:] == other[2:]
