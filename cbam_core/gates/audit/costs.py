"""Parameters, multiply-adds and time of what makes a gate, counted by the calls of a forward."""

from __future__ import annotations

import logging
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import perf_counter

import torch
from torch import nn

from cbam_core.gates.audit.slices import Slice, run_steps
from cbam_core.gates.audit.tracing import Step
from cbam_core.gates.operations.functions import MIXING


def parameters_of(cuts: Iterable[Slice]) -> int:
    """Count the parameters that some gates are computed with, each once."""
    found = {
        id(one): one.numel()
        for cut in cuts
        for step in cut.steps
        for one in step.constants
        if isinstance(one, nn.Parameter)
    }
    return sum(found.values())


def multiply_adds_of(cuts: Iterable[Slice]) -> int:
    """Count the multiply-adds of some gates for one image: of layers, and one for each element that they multiply."""
    steps = {step.at: step for cut in cuts for step in cut.steps}
    products = {cut.product.at: math.prod(cut.map.shape) for cut in cuts}
    return sum(map(_multiply_adds, steps.values())) + sum(products.values())


def _multiply_adds(step: Step) -> int:
    weights = [one for one in step.constants if one.ndim >= 2]
    if step.name not in MIXING or not weights:
        return 0
    made, shape = math.prod(step.outputs[0][1].shape), weights[0].shape
    if step.name.startswith("conv_transpose"):
        return math.prod(step.inputs[0].shape) * math.prod(shape[1:])
    return made * (math.prod(shape[1:]) if step.name.startswith(("conv", "linear")) else int(shape[-2]))


def milliseconds_of(cuts: Sequence[Slice], repeats: int) -> float | None:
    """Run the calls of some gates alone, and return the median time of all in milliseconds; None where they fail."""
    runs = [partial(_apply, cut, torch.randn(cut.origin.shape, device=cut.device)) for cut in cuts if cut.whole]
    if len(runs) < len(cuts):
        return None
    try:
        return sum(median_milliseconds(run, repeats) for run in runs)
    except Exception:  # calls of others, run alone: anything may be raised
        logging.getLogger("cbam_lens").debug("a block's calls cannot be timed alone", exc_info=True)
        return None


def _apply(cut: Slice, maps: torch.Tensor) -> None:
    run_steps(cut.applied, {cut.origin: maps})


def median_milliseconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median time of several runs in milliseconds, after one that does not count."""
    run()
    times = []
    for _ in range(repeats):
        _wait_for_devices()
        start = perf_counter()
        run()
        _wait_for_devices()
        times.append(perf_counter() - start)
    return 1000 * statistics.median(times)


def _wait_for_devices() -> None:
    """Wait until a GPU has done what was asked of it."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
