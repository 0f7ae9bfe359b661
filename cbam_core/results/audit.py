"""What the blocks of a network are made of, in plain numbers and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cbam_core.errors import Message
from cbam_core.results.kinds import Kind

How = Literal["read", "probed", "both"]
"""How something was found: read off the calls of a forward, seen in gates of made-up maps, or both, which agreed."""

Order = Literal["channel, spatial", "spatial, channel", "side by side", "channel", "spatial", "one gate", "other"]
"""Order of a block's gates."""


FACT_WORDS: Mapping[str, str] = {
    "pools": "from the map",
    "planes": "planes, in order",
    "joined": "mean and maximum meet",
    "shared": "shared perceptron",
    "layers": "layers with weights",
    "hidden": "reduction ratio",
    "kernel": "kernel",
    "activations": "between the layers",
    "bias": "bias",
    "norms": "norm",
    "squash": "last function",
}
"""Names of what is known of a gate."""

VALUE_WORDS: Mapping[str, str] = {
    "yes": "yes",
    "no": "no",
    "none": "none",
    "mean": "mean",
    "max": "maximum",
    "learned": "the channels, by learned weights",
    "other": "other statistics",
    "sum": "in the sum before the last function",
    "before": "before the first layer",
    "apart": "after the last function",
    "logit": "before the last function",
    "hidden": "between the layers",
}
"""Values that are words; all others are numbers or names of functions."""

HOW_WORDS: Mapping[How, str] = {"read": "read", "probed": "probed", "both": "read and probed"}
"""How something was found."""

ORDER_WORDS: Mapping[Order, str] = {
    "channel, spatial": "channel weights, then a mask",
    "spatial, channel": "a mask, then channel weights",
    "side by side": "channel weights and a mask side by side",
    "channel": "channel weights",
    "spatial": "a mask",
    "one gate": "one gate for each element",
    "other": "other gates",
}
"""Order of a block's gates."""

STYLE_WORDS: Mapping[str, str] = {
    "CBAM": "CBAM",
    "CBAM, light": "light CBAM",
    "CBAM-like": "like CBAM",
    "channel part of CBAM": "channel part of CBAM",
    "spatial part of CBAM": "spatial part of CBAM",
    "SE": "squeeze-and-excitation (SE)",
    "ECA": "efficient channel attention (ECA)",
    "scSE": "concurrent squeeze-and-excitation (scSE)",
    "BAM": "bottleneck attention (BAM)",
    "coordinate attention": "coordinate attention",
    "unknown": "of no known name",
}
"""What a block is called."""


@dataclass(frozen=True)
class GateAudit:
    """What one gate is made of; None where it cannot be told.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        kind: axes along which it differs.
        channels: number of channels of the map that it is computed from.
        pools: what of the map it is computed from: ``"mean"``, ``"max"``, ``"learned"``, or the name of another pool.
        joined: where the pools meet: ``"sum"`` of the logits, ``"before"`` the layers, ``"apart"`` after a squash of
            each, ``"planes"`` of one convolution, ``"one"`` where there is one pool.
        shared: whether mean and maximum pass through the same layers.
        layers: number of layers with weights between a pool and the squash.
        hidden: number of hidden units; None also where there is no hidden layer.
        kernel: sides of the largest kernel.
        dilation: distance between neighbouring cells of the kernel.
        bias: whether a constant is added.
        norms: norms among the layers: ``"hidden"``, ``"logit"``.
        activations: functions between the layers.
        late: functions between the last layer and the squash.
        squash: last function, such as ``"sigmoid"``; ``"none"`` where there is none.
        planes: pools in the order in which one convolution takes them.
        ordered: whether it matters which position, of a mask which channel, has which value.
        scale: factor of the gate before it multiplies the map.
        shift: what is added to it then.
        other_map: whether it is computed from another map than the one that it multiplies.
        how: how each of these was found, by name; what is missing cannot be told.
    """

    name: str
    kind: Kind
    channels: int
    pools: tuple[str, ...] | None = None
    joined: str | None = None
    shared: bool | None = None
    layers: int | None = None
    hidden: int | None = None
    kernel: tuple[int, ...] | None = None
    dilation: int = 1
    bias: bool | None = None
    norms: tuple[str, ...] | None = None
    activations: tuple[str, ...] | None = None
    late: tuple[str, ...] = ()
    squash: str | None = None
    planes: tuple[str, ...] | None = None
    ordered: bool | None = None
    scale: float = 1.0
    shift: float = 0.0
    other_map: bool = False
    how: Mapping[str, How] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Channels for each hidden unit; None where there is no hidden layer, or that cannot be told."""
        return self.channels / self.hidden if self.hidden else None


@dataclass(frozen=True)
class BlockAudit:
    """What one block is made of, and what it costs.

    Attributes:
        name: path of the block; of gates in two modules, both.
        style: what it is, such as ``"CBAM"``, or ``"unknown"``.
        order: order of its gates.
        gates: its gates.
        residual: whether its input is added to its output.
        deviations: what differs from the paper, one sentence each.
        unknown: what cannot be told, one sentence each.
        parameters: number of parameters that make its gates.
        multiply_adds: number of multiply-adds for one image: layers, and products of gates and maps.
        milliseconds: median time of its own calls, run alone on a map of that size; None where they cannot be run.
    """

    name: str
    style: str
    order: Order
    gates: tuple[GateAudit, ...]
    residual: bool
    deviations: tuple[Message, ...]
    unknown: tuple[Message, ...]
    parameters: int
    multiply_adds: int
    milliseconds: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is what the paper describes, as far as can be told."""
        return self.style == "CBAM" and not self.deviations


@dataclass(frozen=True)
class Audit:
    """What the blocks of one network are made of.

    Attributes:
        network: name of the network.
        input_size: (width, height) in pixels of the forward that was followed.
        blocks: blocks in order of execution.
        milliseconds: median time of one forward of one image; None where it was not measured.
        repeats: number of forwards, and of runs of each block, that were timed.
        why_none: why there is no block; None where there are some.
    """

    network: str
    input_size: tuple[int, int]
    blocks: tuple[BlockAudit, ...]
    milliseconds: float | None = None
    repeats: int = 0
    why_none: str | None = None

    @property
    def groups(self) -> tuple[tuple[BlockAudit, ...], ...]:
        """Blocks that are made alike, but for names and numbers of channels, together."""
        found: dict[Any, list[BlockAudit]] = {}
        for block in self.blocks:
            found.setdefault(_likeness(block), []).append(block)
        return tuple(tuple(blocks) for blocks in found.values())

    @property
    def parameters(self) -> int:
        """Number of parameters of all blocks."""
        return sum(block.parameters for block in self.blocks)

    @property
    def multiply_adds(self) -> int:
        """Number of multiply-adds of all blocks."""
        return sum(block.multiply_adds for block in self.blocks)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, with English sentences."""
        return {
            "network": self.network,
            "input_size": list(self.input_size),
            "forward_milliseconds": self.milliseconds,
            "repeats": self.repeats,
            "why_none": self.why_none,
            "blocks": [_block(block) for block in self.blocks],
        }


_OF_ONE_BLOCK = ("name", "channels", "hidden", "how")


def _likeness(block: BlockAudit) -> Any:
    gates = tuple(
        (*(value for name, value in vars(gate).items() if name not in _OF_ONE_BLOCK), gate.ratio)
        for gate in block.gates
    )
    codes = tuple(one.code for one in (*block.deviations, *block.unknown))
    return block.style, block.order, block.residual, gates, codes


def facts_of(gate: GateAudit) -> list[tuple[str, str, How]]:
    """Return what is known of a gate as pairs of a name and a value, with how each was found.

    The names are attributes of `GateAudit`; what does not apply to the gate, or cannot be told, is left out.
    """
    found: dict[str, str | None] = {
        "pools": _listed(gate.pools),
        "planes": _listed(gate.planes),
        "joined": gate.joined if gate.joined not in (None, "one", "planes") else None,
        "shared": _yes(gate.shared),
        "layers": None if gate.layers is None else str(gate.layers),
        "hidden": None if gate.ratio is None else f"{gate.ratio:.3g}",
        "kernel": None if gate.kernel is None else "×".join(map(str, gate.kernel)),
        "activations": _listed(gate.activations) if gate.hidden else None,
        "bias": _yes(gate.bias),
        "norms": None if gate.norms is None else _listed(gate.norms) or "no",
        "squash": gate.squash,
    }
    return [(name, value, gate.how[name]) for name, value in found.items() if value and name in gate.how]


def _listed(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else ", ".join(names)


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _block(block: BlockAudit) -> dict[str, Any]:
    return {
        "name": block.name,
        "style": block.style,
        "order": block.order,
        "residual": block.residual,
        "parameters": block.parameters,
        "multiply_adds": block.multiply_adds,
        "milliseconds": block.milliseconds,
        "deviations": [one.as_dict() for one in block.deviations],
        "cannot_tell": [one.as_dict() for one in block.unknown],
        "gates": [_gate(gate) for gate in block.gates],
    }


def _gate(gate: GateAudit) -> dict[str, Any]:
    found = {name: value for name, value in vars(gate).items() if name != "how"}
    return {**{name: list(value) if isinstance(value, tuple) else value for name, value in found.items()},
            "ratio": gate.ratio, "how": dict(gate.how)}  # fmt: skip
