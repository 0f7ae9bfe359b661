"""The part of a forward that makes one gate: the calls between a feature map and the tensor that multiplies one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from cbam_core.gates.audit.tracing import Step, Trace, with_tensors
from cbam_core.gates.operations.functions import UNCHANGED, VIEWS
from cbam_core.gates.operations.layout import channel_axis
from cbam_core.gates.operations.lesson import Found
from cbam_core.gates.operations.tensors import Tracked
from cbam_core.gates.sites import Site

Env = dict[Tracked, Tensor]
"""Values of tensors in one run of a slice."""


@dataclass(frozen=True, eq=False)
class Slice:
    """What makes one gate.

    Attributes:
        gate: the gate.
        site: where it is, and what it is called.
        origin: map that it is computed from.
        steps: calls that compute it from the origin, in order.
        whole: whether every way from the gate leads back to the origin through calls that were seen.
        other: whether the origin is another tensor than the map that the gate multiplies.
        product: call that multiplies.
        applied: these calls, and those that bring the gate to the map and multiply.
    """

    gate: Found
    site: Site
    origin: Tracked
    steps: tuple[Step, ...]
    whole: bool
    other: bool
    product: Step
    applied: tuple[Step, ...]

    @property
    def source(self) -> Tracked:
        """Tensor that holds the gate."""
        return self.gate.judged.part.source

    @cached_property
    def core(self) -> Tracked:
        """Tensor whose view or unchanged copy holds the gate."""
        steps = {made: step for step in self.steps for _, made in step.outputs}
        core = self.source
        while (step := steps.get(core)) is not None and step.name in VIEWS | UNCHANGED and step.values_from:
            core = step.values_from[0]
        return core

    @property
    def last(self) -> Step | None:
        """Call that made the gate; None where it was not seen."""
        return self.maker(self.core)

    def maker(self, tensor: Tracked) -> Step | None:
        """Return the call of the slice that made a tensor."""
        return next((step for step in self.steps if any(made is tensor for _, made in step.outputs)), None)

    @property
    def map(self) -> Tracked:
        """Map that the gate multiplies."""
        return self.gate.one.map

    @property
    def channels(self) -> int:
        """Number of channels of the origin."""
        return self.origin.shape[self.axis]

    @cached_property
    def axis(self) -> int:
        """Axis of the origin's channels."""
        return channel_axis(self.origin.place) or 1

    @property
    def weights(self) -> list[Tensor]:
        """Numbers that the calls take besides the map."""
        return [one for step in self.steps for one in step.constants if one.is_floating_point()]

    @cached_property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next((one.device for one in self.weights), torch.device("cpu"))

    @property
    def is_exact(self) -> bool:
        """Whether the calls compute with numbers of at least 32 bits, so that small differences can be seen."""
        return all(one.dtype in (torch.float32, torch.float64) for one in self.weights)

    @property
    def positions(self) -> tuple[int, ...]:
        """Sides of the origin without batch and channels."""
        return tuple(side for at, side in enumerate(self.origin.shape) if at not in (0, self.axis))

    def run(self, maps: Tensor) -> Env:
        """Compute the gate of another map.

        Args:
            maps: map (C, P) with its positions in one axis; batches of one are what the calls were seen with.

        Returns:
            Values of every tensor between the map and the gate.
        """
        shaped = maps.to(self.device).reshape(1, self.channels, *self.positions).movedim(1, self.axis)
        return run_steps(self.steps, {self.origin: shaped.clone()})


def run_steps(steps: tuple[Step, ...], env: Env) -> Env:
    """Call functions again, with other values of the tensors that depend on the input."""
    with torch.no_grad():
        for step in steps:
            args, kwargs = _arguments(step, env)
            result = step.func(*args, **kwargs)
            for path, tracked in step.outputs:
                written = path[:1] == ("written",)
                found: Any = (args, kwargs) if written else result
                for key in path[1:] if written else path:
                    found = found[key]
                env[tracked] = found
    return env


def _arguments(step: Step, env: Env) -> tuple[Any, Any]:
    """Put values in the place of tensors; of one without a value only its shape or type is asked for."""
    if step.is_flat:
        args: Any = [_value(env, one) if isinstance(one, Tracked) else one for one in step.args]
        kwargs: Any = {key: _value(env, one) if isinstance(one, Tracked) else one for key, one in step.kwargs.items()}
    else:
        change = partial(_value, env)
        args, kwargs = with_tensors(step.args, change, Tracked), with_tensors(step.kwargs, change, Tracked)
    if step.is_in_place and args and isinstance(args[0], Tensor):
        args = (args[0].clone(), *args[1:])  # the tensor before the call is kept
    return args, kwargs


def _value(env: Env, tracked: Tracked) -> Tensor:
    found = env.get(tracked)
    return torch.zeros(tracked.shape) if found is None else found


def slices_of(trace: Trace) -> list[Slice]:
    """Cut out what makes each gate of a forward; the second call of one module is left out."""
    found: dict[str, Slice] = {}
    for gate, site in trace.gates:
        if site.name not in found:
            found[site.name] = _slice(trace, gate, site)
    return [*found.values()]


def _slice(trace: Trace, gate: Found, site: Site) -> Slice:
    source = gate.judged.part.source
    partial: list[Slice] = []
    for number, origin in enumerate(_origins(trace, gate)):
        steps, reached, leaves = _between(trace, source, origin)
        product = trace.steps[gate.at]
        applied, _, _ = _between(trace, product.outputs[0][1], origin)
        other = bool(number and not _same(trace, gate, origin))
        made = Slice(gate, site, origin, steps, reached and not leaves, other, product, applied)
        if made.whole:
            return made
        partial.append(made)
    return partial[0]  # the map itself is the first origin


def _same(trace: Trace, gate: Found, origin: Tracked) -> bool:
    return origin in views_back(trace, gate.one.map)


def _origins(trace: Trace, gate: Found) -> Iterator[Tracked]:
    """Yield maps that a gate may be computed from: what it multiplies, and what an earlier gate of the block does."""
    earlier: Found | None = gate
    seen: set[Found] = set()
    while earlier is not None and earlier not in seen:
        seen.add(earlier)
        yield from views_back(trace, earlier.one.map)
        earlier = earlier.earlier


def views_back(trace: Trace, tensor: Tracked) -> list[Tracked]:
    """Return a tensor, and those that it is an unchanged copy or a view of, the nearest first."""
    found = [tensor]
    while (step := trace.makers.get(found[-1])) is not None:
        if step.name not in VIEWS | UNCHANGED or not step.values_from:
            break
        found.append(step.values_from[0])
    return found


def views_on(trace: Trace, tensor: Tracked) -> set[Tracked]:
    """Return a tensor, and its unchanged copies and views."""
    found = {tensor}
    for step in trace.steps.values():
        if step.name in VIEWS | UNCHANGED and found.intersection(step.values_from):
            found.update(made for _, made in step.outputs)
    return found


def _between(trace: Trace, source: Tracked, origin: Tracked) -> tuple[tuple[Step, ...], bool, set[Tracked]]:
    """Walk back from a gate to a map: the calls between, whether the map was met, and where else the ways began."""
    steps: dict[int, Step] = {}
    leaves: set[Tracked] = set()
    waiting, seen, reached = [source], {source}, False
    while waiting:
        tensor = waiting.pop()
        step = trace.makers.get(tensor)
        if tensor is origin:
            reached = True
        elif step is None:
            leaves.add(tensor)
        elif step.at not in steps:
            steps[step.at] = step
            waiting += [one for one in step.values_from if one not in seen]
            seen.update(step.values_from)
    return tuple(steps[at] for at in sorted(steps)), reached, leaves
