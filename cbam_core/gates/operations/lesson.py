"""What one forward taught: gates, multiplications that are none, and calls of modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from cbam_core.gates.operations.judging import Judged, Refusal
from cbam_core.gates.operations.products import Multiplication
from cbam_core.gates.operations.tensors import ModuleCall
from cbam_core.gates.operations.ways import MOST, Outcome
from cbam_core.gates.sites import Site


@dataclass(eq=False)
class Found:
    """One gate that multiplied a map.

    Attributes:
        judged: the gate.
        one: the multiplication.
        at: number of its call.
        call: call of a module in which it ran.
        owner: path of the module whose code multiplies.
        trail: places in the code, from the multiplication out to the owner's method.
        earlier: gate whose product is the map; None where it is no gate's.
        order: position among the gates of one multiplication.
    """

    judged: Judged
    one: Multiplication
    at: int
    call: ModuleCall
    owner: str
    trail: tuple[tuple[CodeType, int], ...]
    earlier: Found | None
    order: int


@dataclass(eq=False)
class OwnGate:
    """A gate of this library's own modules, whose output is recorded by a hook.

    Attributes:
        site: where it is.
        at: number of the torch calls before it.
    """

    site: Site
    at: int


@dataclass(eq=False)
class Refused:
    """A multiplication that is no gate.

    Attributes:
        refusal: the reason.
        owner: path of the module in which it ran.
        factor: shape of the factor.
        map: shape of what it multiplies.
    """

    refusal: Refusal
    owner: str
    factor: tuple[int, ...]
    map: tuple[int, ...]


@dataclass(eq=False)
class Lesson:
    """What one forward taught.

    Attributes:
        gates: gates in order of execution.
        refused: multiplications of tensors that depend on the input, and are no gates.
        within: call of a module for each torch call.
        modules: all calls of modules, in order.
        reads: whether Python looked at values, on which what runs may depend.
        outcomes: what it was told of them, by the number of the torch call; None for what cannot be compared.
        repeatable: whether the forward neither drew random numbers nor changed a buffer.
        unseen: whether tensors were used that no call which was followed had made.
        elsewhere: whether modules ran in another thread.
        multiplied: number of multiplications of two tensors that depend on the input.
        functions: function of each torch call.
    """

    gates: list[Found | OwnGate] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    within: list[ModuleCall] = field(default_factory=list)
    modules: list[ModuleCall] = field(default_factory=list)
    reads: bool = False
    outcomes: dict[int, Outcome | None] = field(default_factory=dict)
    repeatable: bool = True
    unseen: bool = False
    elsewhere: bool = False
    multiplied: int = 0
    functions: list[Callable[..., Any]] = field(default_factory=list)

    @property
    def way(self) -> dict[int, Outcome]:
        """What Python was told, by the number of the torch call; nothing where no later forward can be compared."""
        known = {at: outcome for at, outcome in self.outcomes.items() if outcome is not None}
        return known if self.repeatable and len(known) == len(self.outcomes) <= MOST else {}
