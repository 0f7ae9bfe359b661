"""How one gate came about in a forward: its branches, what its squash was given, and the map on both sides of it.

Nothing is taken for granted: a branch counts as one only where the numbers of this forward add up to the bit, so a
subclass that computes its gate in another way shows what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn import functional

from cbam_core.errors import CaptureError
from cbam_core.gates.channel_trace import not_passed
from cbam_core.gates.hooks import HookEntry
from cbam_core.gates.looking import all_sites
from cbam_core.gates.operations.functions import name_of
from cbam_core.gates.operations.switching import Switch
from cbam_core.gates.record import RecordedGate, smallest
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FeatureWatcher, Watcher, capture
from cbam_core.results.kinds import AXES

_MOST_OF_A_BRANCH = 1 << 20
"""Largest number of values that a layer of a branch takes or returns."""

SQUASHES = frozenset({"sigmoid", "hardsigmoid"})
"""Functions whose input is recorded in modules of other classes."""


class Branches(NamedTuple):
    """What a gate of CBAM adds before its sigmoid.

    Attributes:
        average: of the mean: channel (1, C), spatial (1, H, W) in float64.
        maximum: of the maximum, likewise.
        bias: number that the convolution adds; 0 for none.
        convolution: layer that a spatial mask comes from; None for channel weights.
    """

    average: Tensor
    maximum: Tensor
    bias: float = 0.0
    convolution: nn.Conv2d | None = None


@dataclass(frozen=True, eq=False)
class FollowedGate:
    """One gate of a forward of one image, as it came about.

    Attributes:
        gate: the gate, as `cbam_core.capture` records it.
        block: its block, without the number of a call.
        before: map that it multiplies, a detached copy; None where it was not seen.
        after: map after the multiplication.
        unsquashed: what the squash was given, in the gate's shape; None where that is not known.
        squash: name of the squash: ``"sigmoid"`` or ``"hardsigmoid"``; None where it is not known.
        branches: parts of `unsquashed`; None where they are not known.
    """

    gate: RecordedGate
    before: Tensor | None
    after: Tensor | None
    unsquashed: Tensor | None
    squash: str | None
    branches: Branches | None


def follow_gate(model: nn.Module, batch: Float[Tensor, "1 ..."], name: str) -> FollowedGate:
    """Run a forward, and record how one gate came about.

    No hook is left on the model, and forwards of other threads are ignored.

    Args:
        model: a network.
        batch: input of the network, of one image.
        name: name of the gate, as `cbam_core.capture` gives it: ``"cbam1.spatial"``, or ``"cbam1#2.spatial"`` for the
            second call of its block in one forward.

    Raises:
        CaptureError: the gate does not exist, or the model cannot be watched.
    """
    with torch.inference_mode():
        site = _site_of(all_sites(model, batch), name)
    maps = _Maps()
    steps = _SquashSteps(model, site) if site.by_operation else _OwnSteps(model, site)
    watched = FeatureWatcher(model, [site], entering=maps.enter, leaving=maps.leave)
    with watched, steps, capture(model) as record, torch.inference_mode():
        model(batch)
    gate = next((one for one in record.gates if one.name == name), None)
    if gate is None:
        raise not_passed(name.rpartition(".")[0])
    before, after = maps.of_call(gate)
    with torch.inference_mode():
        unsquashed, squash = steps.squash_of(gate)
        branches = None
        if before is not None and unsquashed is not None:
            branches = steps.branches_of(gate, before, unsquashed)
    return FollowedGate(gate, before, after, unsquashed, squash, branches)


def _site_of(sites: Sequence[Site], name: str) -> Site:
    """Find the gate that a name means, with or without the number of a call.

    Raises:
        CaptureError: there is no such gate.
    """
    for site in sites:
        module, _, last = site.name.rpartition(".")
        if re.fullmatch(rf"{re.escape(module)}(#[1-9][0-9]*)?\.{re.escape(last)}", name):
            return site
    raise CaptureError(
        "capture.no-gate",
        "there is no gate {given}; this network has {known}",
        given=repr(name)[:60],
        known=", ".join(site.name for site in sites) or "none",
    )


class _Maps:
    """Maps on both sides of one gate, for each of its calls."""

    def __init__(self) -> None:
        self._before: list[Tensor] = []
        self._after: list[Tensor] = []

    def enter(self, _site: Site, features: Tensor) -> None:
        self._before.append(features.detach().clone())  # the live tensor may be changed in place later

    def leave(self, _site: Site, features: Tensor) -> None:
        self._after.append(features.detach().clone())

    def of_call(self, gate: RecordedGate) -> tuple[Tensor | None, Tensor | None]:
        """Return both maps of the gate's call, checked: one is the other multiplied by the gate."""
        place = gate.call - 1
        if place >= min(len(self._before), len(self._after)):
            return None, None
        before, after = self._before[place], self._after[place]
        return (before, after) if _is_product(gate, before, after) else (None, None)


def _is_product(gate: RecordedGate, before: Tensor, after: Tensor) -> bool:
    """Check that a map (1, C, H, W) times a gate is the other, along the axes of the gate's kind."""
    if before.ndim != 4 or before.shape != after.shape or gate.values.ndim != 1 + len(AXES[gate.kind]):
        return False
    shape = [1] * 4
    for axis, size in zip(AXES[gate.kind], gate.values.shape[1:], strict=True):
        shape["BCHW".index(axis)] = size
    if any(side not in (1, whole) for side, whole in zip(shape, before.shape, strict=True)):
        return False
    product = before.double() * (gate.scale * gate.values.double().reshape(shape) + gate.shift)
    reach = float(product.abs().max()) if product.numel() else 0.0
    return torch.allclose(product, after.double(), rtol=1e-3, atol=1e-3 * reach)


@dataclass(eq=False)
class _Call:
    """What one call of a module of this library computed."""

    layer: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    unsquashed: Tensor | None = None


class _OwnSteps(Watcher):
    """Steps of one gate of this library's modules, or of their subclasses."""

    def __init__(self, model: nn.Module, site: Site) -> None:
        super().__init__(model)
        self._site = site
        self._layer = getattr(site.gated, "fc" if site.kind == "channel" else "conv", None)
        self._calls: list[_Call] = []

    def __enter__(self) -> None:
        entries: list[HookEntry] = [
            (self._site.gated._forward_pre_hooks, self._begin),
            (self._site.tap._forward_pre_hooks, self._squashed),
        ]
        if isinstance(self._layer, nn.Module):
            entries.append((self._layer._forward_hooks, self._passed))
        self.open(entries)

    @property
    def _call(self) -> _Call | None:
        """The call that runs; None in another thread, or outside a forward."""
        here = self._seen is not None and get_ident() == self._owner
        return self._calls[-1] if here and self._calls else None

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        if self._seen is not None and get_ident() == self._owner:
            self._calls.append(_Call())

    def _passed(self, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if self._call is not None:
            self._call.layer.append((inputs[0].detach().clone(), output.detach().clone()))

    def _squashed(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self._call is not None:
            self._call.unsquashed = inputs[0].detach().clone()

    def squash_of(self, gate: RecordedGate) -> tuple[Tensor | None, str | None]:
        """Return what the squash was given, and its name, where it gives the recorded gate to the bit."""
        given = self._calls[gate.call - 1].unsquashed if gate.call <= len(self._calls) else None
        if given is None:
            return None, None
        forward: Callable[[Tensor], Tensor] = self._site.tap.forward  # without the hooks of others
        if not torch.equal(smallest(forward(given.clone()), AXES[gate.kind]), gate.values):
            return None, None
        return smallest(given, AXES[gate.kind]), type(self._site.tap).__name__.lower()

    def branches_of(self, gate: RecordedGate, before: Tensor, unsquashed: Tensor) -> Branches | None:
        """Return the branches of the gate's call, where their sum is what the squash was given, to the bit."""
        layer = self._calls[gate.call - 1].layer
        if gate.kind == "channel":
            return _perceptron_branches(layer, before, unsquashed)
        if len(layer) != 1 or not isinstance(self._layer, nn.Conv2d):
            return None
        return _plane_branches(self._layer, layer[0], before, unsquashed)


def _perceptron_branches(layer: list[tuple[Tensor, Tensor]], before: Tensor, unsquashed: Tensor) -> Branches | None:
    """Return both results of the shared perceptron."""
    if len(layer) != 2:
        return None
    mean, highest = functional.adaptive_avg_pool2d(before, 1).flatten(1), before.amax(dim=(2, 3))
    for (first, average), (second, maximum) in (layer, reversed(layer)):
        fits = first.shape == mean.shape and torch.allclose(first, mean, rtol=1e-4, atol=1e-6)
        if fits and torch.equal(second, highest) and torch.equal(average + maximum, unsquashed):
            return Branches(average, maximum)
    return None


def _plane_branches(
    layer: nn.Conv2d, call: tuple[Tensor, Tensor], before: Tensor, unsquashed: Tensor
) -> Branches | None:
    """Split what a convolution of two planes gave into what each plane adds.

    The network adds all products in one sum, so the parts are computed anew in float64. That of the mean is rounded to
    float32, and that of the maximum is the rest, which makes their sum exact.
    """
    planes, output = call
    means = before.mean(dim=1), before.amax(dim=1)
    order = next((one for one in ((0, 1), (1, 0)) if planes.shape[1] == 2 and _are(planes, means, one)), None)
    if order is None or layer.weight.shape[:2] != (1, 2) or not torch.equal(output[:, 0], unsquashed):
        return None
    bias = 0.0 if layer.bias is None else float(layer.bias)
    average = _added_by(layer, planes, order[0]).float().double()
    return Branches(average, unsquashed.double() - bias - average, bias, layer)


def _are(planes: Tensor, means: tuple[Tensor, Tensor], order: tuple[int, int]) -> bool:
    """Check that the planes in an order are the mean and the maximum over channels."""
    return all(torch.equal(planes[:, place], mean) for place, mean in zip(order, means, strict=True))


def _added_by(layer: nn.Conv2d, planes: Float[Tensor, "1 2 h w"], plane: int) -> Float64[Tensor, "1 h w"]:
    """Compute what one of two planes adds to a convolution's result, without its bias."""
    weight, chosen = layer.weight.detach()[:, [plane]].double(), planes[:, [plane]].double()
    added: Tensor = layer._conv_forward(chosen, weight, None)[:, 0]
    return added


def padding_share(layer: nn.Conv2d, size: tuple[int, int]) -> Float64[Tensor, "h w"] | None:
    """Compute which share of a kernel reads zeros beyond the border at each cell, in [0, 1].

    The kernel's weights count by their absolute values.

    Args:
        layer: convolution of few planes to one.
        size: (rows, columns) of its input.

    Returns:
        The shares, or None where what lies beyond the border is not zeros.
    """
    if layer.padding_mode != "zeros":
        return None
    weight = layer.weight.detach().abs().double()
    inside = layer._conv_forward(weight.new_ones(1, weight.shape[1], *size), weight, None)[0, 0]
    share: Tensor = (1 - inside / weight.sum().clamp_min(torch.finfo(torch.float64).tiny)).clamp(0, 1)
    return share


class _SquashMode(Switch):
    """Records the inputs and results of squashing functions while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = name_of(func)
        given = next(iter((*args, *(kwargs or {}).values())), None) if name in SQUASHES else None
        if not isinstance(given, Tensor):
            return func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():
            kept = given.detach().clone()  # the function may work in place
        result = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():
            self.calls.append((name, kept, result.detach().clone()))
        return result


class _LayerCall(NamedTuple):
    """What one call of a convolution or linear layer was given, and what it returned."""

    layer: nn.Module
    given: Tensor
    result: Tensor


class _SquashSteps(Watcher):
    """Squashes, and the layers before them, inside the module that owns a gate which operations show."""

    def __init__(self, model: nn.Module, site: Site) -> None:
        super().__init__(model)
        self._site = site
        self._mode = _SquashMode()
        self._layers: list[list[_LayerCall]] = []

    def __enter__(self) -> None:
        owner = self._site.gated
        always = owner._forward_hooks_always_called
        entries: list[HookEntry] = [
            (owner._forward_pre_hooks, self._begin),
            (owner._forward_hooks, self._end, always),
        ]
        layers = (one for one in owner.modules() if isinstance(one, nn.Conv2d | nn.Linear) and one is not owner)
        self.open(entries + [(layer._forward_hooks, self._passed) for layer in layers])

    def __exit__(self, *error: object) -> None:
        self._mode.turn_off()
        super().__exit__(*error)

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        if self._seen is not None and get_ident() == self._owner:
            self._layers.append([])
            self._mode.turn_on()

    def _passed(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if self._layers and inputs and self._seen is not None and get_ident() == self._owner:
            with torch._C.DisableTorchFunction():  # the network's own calls are counted
                if max(inputs[0].numel(), output.numel()) <= _MOST_OF_A_BRANCH:
                    self._layers[-1].append(_LayerCall(layer, inputs[0].detach().clone(), output.detach().clone()))

    def _end(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if get_ident() == self._owner:
            self._mode.turn_off()

    def squash_of(self, gate: RecordedGate) -> tuple[Tensor | None, str | None]:
        """Return what the squash was given, and its name, where exactly one call gave the recorded gate to the bit."""
        found = [
            (given.reshape(gate.values.shape), name)
            for name, given, result in self._mode.calls
            if result.numel() == gate.values.numel() and torch.equal(result.reshape(gate.values.shape), gate.values)
        ]
        same = found and all(torch.equal(given, found[0][0]) for given, _ in found)
        return found[0] if same else (None, None)

    def branches_of(self, gate: RecordedGate, before: Tensor, unsquashed: Tensor) -> Branches | None:
        """Return the branches of the gate's call, where its layers add up to what the squash was given, to the bit."""
        calls = self._layers[gate.call - 1] if gate.call <= len(self._layers) else []
        if gate.kind == "channel":
            found = (_perceptron_branches(layer, before, unsquashed) for layer in _perceptrons(calls))
        else:
            found = (
                _plane_branches(one.layer, (one.given, one.result), before, unsquashed)
                for one in calls
                if gate.kind == "spatial" and isinstance(one.layer, nn.Conv2d) and one.result.shape[1] == 1
            )
        return next((one for one in found if one is not None), None)


def _perceptrons(calls: Sequence[_LayerCall]) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Yield what layers may be as a perceptron that is called twice: what its first is given, what its last returns.

    The second call begins after the first has ended, so that each result is of what was given before it.
    """
    places: dict[nn.Module, list[int]] = {}
    for place, one in enumerate(calls):
        places.setdefault(one.layer, []).append(place)
    twice = [(*found,) for found in places.values() if len(found) == 2]
    for first in twice:
        for last in twice:
            if first[0] <= last[0] < first[1] <= last[1]:
                pairs = zip(first, last, strict=True)
                yield [(calls[begin].given.flatten(1), calls[end].result.flatten(1)) for begin, end in pairs]
