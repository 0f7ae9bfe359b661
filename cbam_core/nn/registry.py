"""The networks that weights can be for, by name, and what their state dicts must hold.

Each network registers itself, by `register_architecture` above its class; `cbam_core.nn` imports those that ship.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, get_args

import torch
from torch import Tensor, nn

from cbam_core.errors import ModelError
from cbam_core.nn.cbam import Gates, SpatialAttention

Shapes = Mapping[str, tuple[int, ...]]
"""Names of a state dict's tensors and their shapes."""


@dataclass(frozen=True)
class Argument:
    """Values that one argument of a network's constructor may have.

    Attributes:
        default: default value, an integer or a string.
        allowed: allowed values: a `range` of integers, or a tuple of strings.
        knob: whether descriptions name the value only where it is not the default.
    """

    default: int | str
    allowed: Sequence[int] | Sequence[str]
    knob: bool = False


@dataclass(frozen=True)
class TensorSpec:
    """Shape and type that one entry of a state dict must have.

    Attributes:
        shape: its shape.
        dtype: type that the network computes with.
        may_be_infinite: whether the network itself holds infinity there, as in a mask of attention.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    may_be_infinite: bool = False


@dataclass(frozen=True, eq=False)
class Architecture:
    """A network that can be built by name, within bounds that prevent a hostile file from taking much memory.

    Attributes:
        name: registered name.
        build: function that builds the network, freshly initialised, from keyword arguments.
        arguments: allowed values of these, by name.
        input_size: (width, height) in pixels that it was designed for.
        sides: widths and heights in pixels that it accepts.
        infer: function that reads the arguments off the shapes of a plain state dict; omits those it cannot infer.
        resized: function that returns the sides that it accepts with certain arguments; None if they do not matter.
    """

    name: str
    build: Callable[..., nn.Module]
    arguments: Mapping[str, Argument]
    input_size: tuple[int, int]
    sides: range
    infer: Callable[[Shapes], dict[str, int | str]]
    resized: Callable[[Mapping[str, Any]], range] | None = None

    def sides_with(self, arguments: Mapping[str, Any]) -> range:
        """Return the widths and heights in pixels that it accepts with these arguments."""
        return self.sides if self.resized is None else self.resized(arguments)

    def input_size_with(self, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return (width, height) in pixels that it is designed for with these arguments."""
        if self.resized is None:
            return self.input_size
        side = self.resized(arguments)[0]
        return side, side


CLASS_COUNTS = Argument(default=10, allowed=range(1, 10_001))
"""Allowed values of ``num_classes``."""

ARCHITECTURES: dict[str, Architecture] = {}
"""Registered networks by name."""


def register(architecture: Architecture) -> None:
    """Register a network, for `build`, `recognise` and checkpoints.

    Raises:
        ModelError: another network has this name.
    """
    if architecture.name in ARCHITECTURES:
        raise ModelError(
            "model.registered-twice",
            "a network named {name} is already registered; choose another name",
            name=architecture.name,
        )
    ARCHITECTURES[architecture.name] = architecture


FAMILIES: dict[str, Callable[[str], Architecture]] = {}
"""Functions that describe networks of a library by their name there, by the name of the library."""


def register_family(library: str, lookup: Callable[[str], Architecture]) -> None:
    """Register the networks of a library, as ``"LIBRARY:NAME"``.

    Args:
        library: name before the colon.
        lookup: function that describes a network; it raises `ModelError` for an unknown name.
    """
    FAMILIES[library] = lru_cache(maxsize=64)(lookup)


Network = TypeVar("Network", bound=type[nn.Module])


def register_architecture(
    *,
    arguments: Mapping[str, Argument],
    input_size: tuple[int, int],
    sides: range,
    infer: Callable[[Shapes], dict[str, int | str]],
    resized: Callable[[Mapping[str, Any]], range] | None = None,
) -> Callable[[Network], Network]:
    """Register the decorated class under its own name; the arguments are those of `Architecture`.

    Raises:
        ModelError: another network has this name.
    """

    def add(network: Network) -> Network:
        register(Architecture(network.__name__, network, arguments, input_size, sides, infer, resized))
        return network

    return add


GATE_KNOBS: Mapping[str, Argument] = {
    "ratio": Argument(default=16, allowed=range(1, 33), knob=True),
    "kernel_size": Argument(default=7, allowed=range(1, 16, 2), knob=True),
}
"""Allowed sizes of the gates of every block."""


def gate_knobs(shapes: Shapes, block: str) -> dict[str, int | str]:
    """Read ratio and kernel size off the weights of one block; empty where they are missing or are the usual ones.

    Args:
        shapes: the tensors of a plain state dict.
        block: name of the block with the most channels, whose hidden units tell ratios apart best.
    """
    found: dict[str, int | str] = {}
    hidden = shapes.get(f"{block}.channel_attn.fc.0.weight", ())
    if len(hidden) == 2 and 0 < hidden[0] <= hidden[1]:
        found["ratio"] = hidden[1] // hidden[0]
    kernel = shapes.get(f"{block}.spatial_attn.conv.weight", ())
    if len(kernel) == 4 and kernel[2] == kernel[3]:
        found["kernel_size"] = kernel[3]
    return {name: value for name, value in found.items() if value != GATE_KNOBS[name].default}


GATE_CHOICE = Argument(default="both", allowed=get_args(Gates), knob=True)
"""Gates that every block may have."""


def gate_choice(shapes: Shapes) -> dict[str, int | str]:
    """Read the gates of every block off the names of the weights; empty where a block has both."""
    parts = ("channel_attn.fc.0.weight", "spatial_attn.conv.weight")
    channel, spatial = (any(name.endswith(part) for name in shapes) for part in parts)
    lacking = {(True, False): "channel", (False, True): "spatial", (False, False): "none"}
    gates = lacking.get((channel, spatial))
    return {} if gates is None else {"gates": gates}


def class_count(shapes: Shapes, layer: str) -> dict[str, int | str]:
    """Read the argument ``num_classes`` off the weight of the last linear layer; empty where that is missing.

    Args:
        shapes: the tensors of a plain state dict.
        layer: name of the weight, such as ``"fc.weight"``.
    """
    shape = shapes.get(layer, ())
    return {"num_classes": shape[0]} if len(shape) == 2 else {}


def input_channels(model: nn.Module) -> int:
    """Return the channels of a network's input: those of its first convolution; 3 for a network without one.

    Convolutions of spatial attention do not count: they take planes that are made from a map.
    """
    if type(model).__name__ in ARCHITECTURES or type(model).__module__.startswith("cbam_core."):
        return int(getattr(model, "in_channels", 3))
    masks = {module.conv for module in model.modules() if isinstance(module, SpatialAttention)}
    first = next((one for one in model.modules() if isinstance(one, nn.Conv2d) and one not in masks), None)
    return 3 if first is None else first.in_channels


def input_axes(model: nn.Module) -> int:
    """Return the axes of a network's input beside batch and channels: 1 for signals, 2 for images, 3 for volumes.

    They are those of its first convolution; 2 for a network without one.
    """
    first = next((one for one in model.modules() if isinstance(one, nn.modules.conv._ConvNd)), None)
    return 2 if first is None else len(first.kernel_size)


def known_names() -> tuple[str, ...]:
    """Return the names of all registered networks, sorted, for messages that list them."""
    return tuple(sorted(ARCHITECTURES))


def find(name: str) -> Architecture:
    """Return the registered network of that name, or that of a registered library.

    Raises:
        ModelError: there is none.
    """
    library, _, own = name.partition(":")
    if library in FAMILIES:
        return FAMILIES[library](own)
    if name not in ARCHITECTURES:
        raise ModelError(
            "model.unknown-architecture",
            "there is no network named {name}; the known ones are {known}",
            name=repr(name[:60]),
            known=", ".join(known_names()),
        )
    return ARCHITECTURES[name]


def complete_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, int | str]:
    """Return every argument of the named network: the given ones, checked, and defaults for the others.

    Knobs are left out where they have their default.

    Raises:
        ModelError: the network is unknown, has no such argument, or does not accept the value.
    """
    architecture = find(name)
    for key in arguments:
        if key not in architecture.arguments:
            raise ModelError(
                "model.unknown-argument",
                "{architecture} has no argument {argument}; it takes {known}",
                architecture=name,
                argument=repr(key[:60]),
                known=", ".join(architecture.arguments),
            )
    complete: dict[str, int | str] = {}
    for key, argument in architecture.arguments.items():
        value = arguments.get(key, argument.default)
        if type(value) is not type(argument.default) or value not in argument.allowed:
            _refuse_value(name, key, argument, value)
        if not argument.knob or value != argument.default:
            complete[key] = value
    return complete


def _refuse_value(name: str, key: str, argument: Argument, value: object) -> None:
    given = repr(value)[:60]
    if isinstance(argument.allowed, range) and argument.allowed.step == 1:
        raise ModelError(
            "model.argument-range",
            "{architecture} takes whole numbers from {smallest} to {largest} for {argument}; given {given}",
            architecture=name,
            argument=key,
            smallest=argument.allowed[0],
            largest=argument.allowed[-1],
            given=given,
        )
    raise ModelError(
        "model.argument-choice",
        "{architecture} takes one of {choices} for {argument}; given {given}",
        architecture=name,
        argument=key,
        choices=", ".join(map(str, argument.allowed)),
        given=given,
    )


def build(name: str, arguments: Mapping[str, Any] | None = None) -> nn.Module:
    """Build the named network, freshly initialised, in training mode.

    Args:
        name: a registered name.
        arguments: arguments of its constructor; the others have their defaults.

    Raises:
        ModelError: the network is unknown or does not accept the arguments.
    """
    return find(name).build(**complete_arguments(name, arguments or {}))


def assemble(name: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
    """Build the named network with the given weights, in eval mode, without initialising others first.

    Args:
        name: a registered name.
        arguments: arguments of its constructor.
        tensors: a complete state dict, as `expected_tensors` describes it; the network keeps these tensors.

    Raises:
        ModelError: the network is unknown or does not accept the arguments.
    """
    complete = complete_arguments(name, arguments)
    with torch.device("meta"):
        model = find(name).build(**complete)
    model.load_state_dict(tensors, strict=True, assign=True)
    if any(tensor.is_meta for tensor in model.buffers()):  # no state dict has them: the constructor computes them
        with torch.random.fork_rng(devices=[]):
            model = find(name).build(**complete)
        model.load_state_dict(tensors, strict=True)
    return model.eval()


def expected_tensors(name: str, arguments: Mapping[str, Any]) -> Mapping[str, TensorSpec]:
    """Return what a state dict of the named network must hold, without allocating it.

    Raises:
        ModelError: the network is unknown or does not accept the arguments.
    """
    return _expected(find(name), tuple(sorted(complete_arguments(name, arguments).items())))


@lru_cache(maxsize=64)
def _expected(architecture: Architecture, items: tuple[tuple[str, Any], ...]) -> Mapping[str, TensorSpec]:
    with torch.device("meta"):
        state = architecture.build(**dict(items)).state_dict()
    return MappingProxyType({key: TensorSpec(tuple(t.shape), t.dtype) for key, t in state.items()})


def recognise(shapes: Shapes) -> tuple[Architecture, dict[str, int | str]] | None:
    """Find the registered network whose state dict is most similar to this one, and the arguments that shapes reveal.

    The arguments are not checked here: `complete_arguments` does.

    Args:
        shapes: the tensors of a plain state dict.

    Returns:
        None where no network shares at least half of the names.
    """
    best: tuple[float, Architecture, dict[str, int | str]] | None = None
    for architecture in ARCHITECTURES.values():
        arguments = architecture.infer(shapes)
        try:
            expected = expected_tensors(architecture.name, arguments)
        except ModelError:
            expected = expected_tensors(architecture.name, {})
        likeness = len(expected.keys() & shapes.keys()) / len(expected.keys() | shapes.keys())
        if likeness >= 0.5 and (best is None or likeness > best[0]):
            best = likeness, architecture, arguments
    return None if best is None else (best[1], best[2])
