"""What a gate is made of, read off the calls that compute it: pools, layers, norms, and the order of planes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cbam_core.gates.audit.slices import Slice
from cbam_core.gates.audit.tracing import Step
from cbam_core.gates.operations.functions import JOINS, MIXING, VIEWS
from cbam_core.gates.operations.tensors import Tracked

MEANS = frozenset({"mean", "nanmean", "sum", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
                   "avg_pool1d", "avg_pool2d", "avg_pool3d"})  # fmt: skip
MAXIMA = frozenset({"amax", "max", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool1d",
                    "max_pool2d", "max_pool3d", "max_pool2d_with_indices"})  # fmt: skip
OTHERS = frozenset({"std", "var", "norm", "lp_pool2d", "logsumexp", "amin", "min", "median", "prod", "std_mean",
                    "var_mean", "linalg_norm", "linalg_vector_norm", "quantile", "kthvalue", "topk", "sort", "aminmax",
                    "linalg_matrix_norm", "fractional_max_pool2d"})  # fmt: skip
NORMS = frozenset({"batch_norm", "group_norm", "layer_norm", "instance_norm", "rms_norm", "local_response_norm"})
ACTIVATIONS = frozenset({"relu", "relu6", "gelu", "silu", "hardswish", "leaky_relu", "elu", "prelu", "mish", "selu",
                         "celu", "softplus", "hardtanh", "tanh", "sigmoid", "swish"})  # fmt: skip

Label = str
"""Where values come from: ``"map"``, a pool, or ``"learned"`` for a layer that was applied to the map itself."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One convolution or linear layer.

    Attributes:
        step: its call.
        weight: its weights.
        bias: its bias; None where it has none.
        labels: pools that its input comes from.
    """

    step: Step
    weight: Tensor
    bias: Tensor | None
    labels: frozenset[Label]

    @property
    def outputs(self) -> int:
        """Number of its output channels."""
        name = self.step.name
        return int(self.weight.shape[0] if name.startswith(("conv", "linear")) else self.weight.shape[-1])

    @property
    def inputs(self) -> int:
        """Number of its input channels."""
        return int(self.weight.shape[1 if self.step.name.startswith(("conv", "linear")) else -2])

    @property
    def kernel(self) -> tuple[int, ...]:
        """Sides of its kernel; empty for a linear layer."""
        return tuple(self.weight.shape[2:]) if self.step.name.startswith("conv") else ()

    @property
    def dilation(self) -> int:
        """Largest distance between neighbouring cells of its kernel."""
        given = self.step.argument(5, "dilation")
        return given if isinstance(given, int) else max(given) if isinstance(given, tuple | list) and given else 1


@dataclass(frozen=True, eq=False)
class Reading:
    """What the calls of a slice say.

    Attributes:
        pools: pools of the map, in the order of the calls.
        layers: convolutions and linear layers, in order.
        norms: norms among the layers: ``"hidden"`` before the last layer, ``"logit"`` after it.
        resting: whether these norms are all batch norms, which in eval mode do not depend on the values.
        activations: functions between layers, by their names.
        late: functions after the last layer and before the gate, without the squash.
        joined: whether some layer takes several pools at once, through all of its inputs.
        planes: pools in the order in which they are stacked; empty where they are not.
        offset: whether a constant is added, by a bias or otherwise.
    """

    pools: tuple[Label, ...]
    layers: tuple[Layer, ...]
    norms: tuple[str, ...]
    resting: bool
    activations: tuple[str, ...]
    late: tuple[str, ...]
    joined: bool
    planes: tuple[Label, ...]
    offset: bool

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """Weights of the layers, each once."""
        return tuple({id(layer.weight): layer.weight for layer in self.layers}.values())

    @property
    def depth(self) -> int:
        """Largest number of layers that one pool passes through."""
        labels = {label for layer in self.layers for label in layer.labels} or {""}
        return max(
            (len({id(one.weight) for one in self.layers if not label or label in one.labels}) for label in labels),
            default=0,
        )

    @property
    def shared(self) -> bool | None:
        """Whether the pools pass through the same layers, one after another; None where there are not two pools."""
        if len(self.pools) < 2 or not self.layers:
            return None
        by_weight: dict[int, set[Label]] = {}
        for layer in self.layers:
            by_weight.setdefault(id(layer.weight), set()).update(layer.labels)
        return all(labels >= set(self.pools) for labels in by_weight.values())


def read(cut: Slice) -> Reading:
    """Read what the calls of a slice say; what was not seen is missing."""
    labels, joins, mixed = _labels(cut)
    layers = _layers(cut, labels)
    found = {label for step in cut.steps for label in _pool(step, labels)}
    acts = [step for step in cut.steps if step.name in ACTIVATIONS and step is not cut.last]
    norms = [step for step in cut.steps if step.name in NORMS]
    between = _Between(cut, layers)
    return Reading(
        pools=tuple(sorted(found, key=_by_paper)) or (("learned",) if layers else ()),
        layers=layers,
        norms=tuple(dict.fromkeys("hidden" if between.is_before(step) else "logit" for step in norms)),
        resting=all(step.name == "batch_norm" for step in norms),
        activations=tuple(dict.fromkeys(one.name for one in acts if between.is_before(one) and between.is_after(one))),
        late=tuple(dict.fromkeys(one.name for one in acts if between.is_after(one) and not between.is_before(one))),
        joined=any(layer.step.values_from[0] in mixed or layer.inputs > cut.channels for layer in layers[:1]),
        planes=next(iter(joins.values()), ()) if cut.site.kind == "spatial" else (),
        offset=any(layer.bias is not None for layer in layers) or _adds_constant(cut, between),
    )


def _by_paper(label: Label) -> tuple[int, str]:
    return {"mean": 0, "max": 1}.get(label, 2), label


class _Between:
    """Where calls of a slice stand among its layers."""

    def __init__(self, cut: Slice, layers: tuple[Layer, ...]) -> None:
        self._before: dict[Tracked, frozenset[int]] = {}
        self._layers = frozenset(layer.step.at for layer in layers)
        for step in cut.steps:
            known = frozenset({step.at}).union(*(self._before.get(one, frozenset()) for one in step.inputs))
            for _, made in step.outputs:
                self._before[made] = known
        above = [self._before.get(one, frozenset()) for layer in layers for one in layer.step.inputs]
        self._needed = frozenset().union(*above)

    def is_before(self, step: Step) -> bool:
        """Check whether a layer takes what a call makes."""
        return step.at in self._needed

    def is_after(self, step: Step) -> bool:
        """Check whether a call takes what a layer makes."""
        return any(self._layers.intersection(self._before.get(one, ())) for one in step.inputs)


def _pool(step: Step, labels: Mapping[Tracked, frozenset[Label]]) -> tuple[Label, ...]:
    """Return the pool that a call is, where it takes the map itself."""
    if "map" not in {label for one in step.values_from for label in labels.get(one, ())}:
        return ()
    if step.name in MEANS:
        return ("mean",)
    if step.name in MAXIMA and len(step.values_from) == 1:
        return ("max",)
    if step.name in MIXING:
        return ("learned",) if weights_of(step) else ("mean",)
    return (_unusual_pool(step.name),) if step.name in OTHERS or _shrinks(step) else ()


def _shrinks(step: Step) -> bool:
    """Check whether a call makes fewer values than it takes, other than by leaving some out."""
    if step.name in VIEWS | JOINS:
        return False
    return math.prod(step.outputs[0][1].shape) < math.prod(step.values_from[0].shape)


def _unusual_pool(name: str) -> Label:
    """Name a pool by its function, such as ``adaptive_max_pool2d_with_indices``; probes check it."""
    return "max" if "max_pool" in name else "mean" if "avg_pool" in name else name


def weights_of(step: Step) -> list[Tensor]:
    """Return the weights of a convolution, a linear layer or a matrix product; numbers that are all equal are none."""
    found = [one for one in step.constants if one.ndim >= 2]
    return [one for one in found if isinstance(one, nn.Parameter) or bool((one != one.flatten()[:1]).any())]


def _labels(cut: Slice) -> tuple[dict[Tracked, frozenset[Label]], dict[Tracked, tuple[Label, ...]], set[Tracked]]:
    """Follow the pools through the calls.

    Returns:
        Where each tensor's values come from; what was stacked in which order; and tensors in whose single values
        several pools are mixed.
    """
    labels: dict[Tracked, frozenset[Label]] = {cut.origin: frozenset({"map"})}
    joins: dict[Tracked, tuple[Label, ...]] = {}
    mixed: set[Tracked] = set()
    for step in cut.steps:
        given = [labels.get(one, frozenset()) for one in step.values_from]
        pool = _pool(step, labels)
        found = frozenset(pool) if pool else frozenset().union(*given)
        for _, made in step.outputs:
            labels[made] = found | labels.get(made, frozenset()) if step.name == "__setitem__" else found
            if step.name in JOINS and all(len(one) == 1 for one in given) and len(set(given)) > 1:
                joins[made] = tuple(next(iter(one)) for one in given)
            if mixed.intersection(step.values_from) or _mixes(step, given):
                mixed.add(made)
    return labels, joins, mixed


def _mixes(step: Step, given: list[frozenset[Label]]) -> bool:
    """Check whether a call puts several pools into single values."""
    if step.name in JOINS or step.name in MIXING or step.name == "__setitem__":
        return False
    return len(set(given)) > 1 or (len(given) == 1 and len(given[0]) > 1 and step.name in MEANS | MAXIMA | OTHERS)


def _layers(cut: Slice, labels: Mapping[Tracked, frozenset[Label]]) -> tuple[Layer, ...]:
    found = []
    for step in cut.steps:
        weights = weights_of(step)
        if step.name in MIXING and weights and step.values_from:
            bias = step.argument(2, "bias")
            if step.name == "addmm":
                bias = step.argument(0, "input")
            kept = bias if isinstance(bias, Tensor) else None
            weight = next((one for one in weights if one is not kept), weights[0])
            found.append(Layer(step, weight, kept, labels.get(step.values_from[0], frozenset())))
    return tuple(found)


def _adds_constant(cut: Slice, between: _Between) -> bool:
    return any(
        step.name in ("add", "sub") and between.is_after(step) and any(one.numel() > 1 for one in step.constants)
        for step in cut.steps
    )
