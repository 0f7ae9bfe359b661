"""The networks that a file of weights can be for, by name, and what their state dicts must hold.

Each network enters itself, with `register_architecture` above its class; `cbam_core.nn` imports those that ship.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cbam_core.errors import ModelError

Shapes = Mapping[str, tuple[int, ...]]
"""Names of a state dict's tensors and their shapes."""


@dataclass(frozen=True)
class Argument:
    """What one argument of a network's constructor may be.

    Attributes:
        default: its value when nobody says otherwise; an integer or a text.
        allowed: every value it may have: a `range` of integers, or a tuple of texts.
    """

    default: int | str
    allowed: Sequence[int] | Sequence[str]


@dataclass(frozen=True)
class TensorSpec:
    """What one entry of a state dict must be.

    Attributes:
        shape: its sides.
        dtype: the type that the network computes with.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Architecture:
    """A network that can be built by name, within bounds that keep a hostile file from taking much memory.

    Attributes:
        name: the registered name.
        build: makes the network, freshly initialised, from keyword arguments.
        arguments: what these may be.
        input_size: (width, height) in pixels that it was made for.
        sides: widths and heights in pixels that it takes.
        infer: reads the arguments off the shapes of a plain state dict; leaves out what it cannot tell.
    """

    name: str
    build: Callable[..., nn.Module]
    arguments: Mapping[str, Argument]
    input_size: tuple[int, int]
    sides: range
    infer: Callable[[Shapes], dict[str, int | str]]


CLASS_COUNTS = Argument(default=10, allowed=range(1, 10_001))
"""What ``num_classes`` may be."""

ARCHITECTURES: dict[str, Architecture] = {}
"""Every registered network by its name."""


def register(architecture: Architecture) -> None:
    """Make a network known to `build`, `recognise` and the checkpoints.

    Raises:
        ModelError: another network has the name.
    """
    if architecture.name in ARCHITECTURES:
        raise ModelError(
            "model.registered-twice",
            "a network named {name} is already registered; choose another name",
            name=architecture.name,
        )
    ARCHITECTURES[architecture.name] = architecture


Network = TypeVar("Network", bound=type[nn.Module])


def register_architecture(
    *,
    arguments: Mapping[str, Argument],
    input_size: tuple[int, int],
    sides: range,
    infer: Callable[[Shapes], dict[str, int | str]],
) -> Callable[[Network], Network]:
    """Register the class below under its own name; the arguments are those of `Architecture`.

    Raises:
        ModelError: another network has the name.
    """

    def enter(network: Network) -> Network:
        register(Architecture(network.__name__, network, arguments, input_size, sides, infer))
        return network

    return enter


def class_count(shapes: Shapes, layer: str) -> dict[str, int | str]:
    """Read the argument ``num_classes`` off the weight of the last linear layer; nothing where it is not there.

    Args:
        shapes: the tensors of a plain state dict.
        layer: name of the weight, such as ``"fc.weight"``.
    """
    shape = shapes.get(layer, ())
    return {"num_classes": shape[0]} if len(shape) == 2 else {}


def known_names() -> tuple[str, ...]:
    """The names of all registered networks, sorted, for sentences that list them."""
    return tuple(sorted(ARCHITECTURES))


def find(name: str) -> Architecture:
    """The registered network of that name.

    Raises:
        ModelError: there is none.
    """
    if name not in ARCHITECTURES:
        raise ModelError(
            "model.unknown-architecture",
            "there is no network named {name}; the known ones are {known}",
            name=repr(name[:60]),
            known=", ".join(known_names()),
        )
    return ARCHITECTURES[name]


def complete_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, int | str]:
    """Every argument of the named network: the given ones, checked, and defaults for the others.

    Raises:
        ModelError: the network is unknown, has no such argument, or does not take the value.
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
        complete[key] = value
    return complete


def _refuse_value(name: str, key: str, argument: Argument, value: object) -> None:
    given = repr(value)[:60]
    if isinstance(argument.allowed, range):
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
    """Make the named network, freshly initialised, in training mode.

    Args:
        name: a registered name.
        arguments: of its constructor; defaults for those left out.

    Raises:
        ModelError: the network is unknown or does not take the arguments.
    """
    return find(name).build(**complete_arguments(name, arguments or {}))


def assemble(name: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
    """Make the named network around given weights, in eval mode, without initialising others first.

    Args:
        name: a registered name.
        arguments: of its constructor.
        tensors: a complete state dict, as `expected_tensors` describes it; the network keeps these tensors.

    Raises:
        ModelError: the network is unknown or does not take the arguments.
    """
    complete = complete_arguments(name, arguments)
    with torch.device("meta"):
        model = find(name).build(**complete)
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.eval()


def expected_tensors(name: str, arguments: Mapping[str, Any]) -> Mapping[str, TensorSpec]:
    """What a state dict of the named network must hold, found without allocating it.

    Raises:
        ModelError: the network is unknown or does not take the arguments.
    """
    return _expected(find(name), tuple(sorted(complete_arguments(name, arguments).items())))


@lru_cache(maxsize=64)
def _expected(architecture: Architecture, items: tuple[tuple[str, Any], ...]) -> Mapping[str, TensorSpec]:
    with torch.device("meta"):
        state = architecture.build(**dict(items)).state_dict()
    return MappingProxyType({key: TensorSpec(tuple(t.shape), t.dtype) for key, t in state.items()})


def recognise(shapes: Shapes) -> tuple[Architecture, dict[str, int | str]] | None:
    """The registered network whose state dict looks most like this one, and its arguments where shapes tell.

    The arguments are as found: `complete_arguments` says whether the network takes them.

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
