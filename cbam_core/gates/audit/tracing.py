"""Every torch call of one forward, so that parts of it can be read, counted and run again on other maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.finders import search
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.functions import changes_in_place, name_of
from cbam_core.gates.operations.isolation import Inputs
from cbam_core.gates.operations.judging import Refusal, entries_used, judge
from cbam_core.gates.operations.learning import Learner, follow
from cbam_core.gates.operations.lesson import Found
from cbam_core.gates.operations.naming import name_gates
from cbam_core.gates.operations.products import multiplications
from cbam_core.gates.operations.tensors import Tracked, tensors_in
from cbam_core.gates.sites import Site

BY_FIRST = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as", "align_as"})
"""Functions of which the second argument gives a shape or a type, and no values."""


@dataclass(frozen=True, eq=False)
class Step:
    """One torch call of a forward.

    Attributes:
        at: number of the call in the forward, from 0.
        func: function that was called.
        name: one name for all its spellings.
        path: path of the module in which it ran.
        args: positional arguments; tensors that depend on the input are replaced by what is known of them.
        kwargs: named arguments, in the same way.
        inputs: tensors that depend on the input.
        constants: tensors that do not, such as weights.
        outputs: tensors that it made or wrote into, with the keys that lead to them in its result; keys that begin
            with ``"written"`` lead to an argument.
    """

    at: int
    func: Callable[..., Any]
    name: str
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Tracked, ...]
    constants: tuple[Tensor, ...]
    outputs: tuple[tuple[tuple[Any, ...], Tracked], ...]

    def argument(self, position: int, name: str) -> Any:
        """Return an argument by its position or its name; None where it is missing."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name)

    @cached_property
    def is_flat(self) -> bool:
        """Whether tensors that depend on the input are arguments themselves, and in no list."""
        direct = [one for one in (*self.args, *self.kwargs.values()) if isinstance(one, Tracked)]
        return len(direct) == len(self.inputs)

    @cached_property
    def is_in_place(self) -> bool:
        """Whether the call changes its first argument."""
        return changes_in_place(self.func) or bool(self.kwargs.get("inplace"))

    @property
    def values_from(self) -> tuple[Tracked, ...]:
        """Tensors whose values reach the result."""
        return self.inputs[:1] if self.name in BY_FIRST else self.inputs


@dataclass(frozen=True, eq=False)
class Trace:
    """One followed forward.

    Attributes:
        steps: torch calls that depend on the input, by their number.
        makers: call that made each tensor.
        gates: gates in order of execution, each with its site.
    """

    steps: Mapping[int, Step]
    makers: Mapping[Tracked, Step]
    gates: tuple[tuple[Found, Site], ...]

    def users(self, tensors: Iterable[Tracked]) -> list[Step]:
        """Return the calls that take one of these tensors, in order."""
        wanted = set(tensors)
        return [step for step in self.steps.values() if wanted.intersection(step.inputs)]


def trace(model: nn.Module, *inputs: Any, **named: Any) -> Trace:
    """Follow one forward of a network on a copy; the network itself is not touched.

    Args:
        model: the network.
        *inputs: positional arguments of its forward.
        **named: named arguments of its forward.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    search(model)  # refuses what cannot be watched
    arguments: Inputs = (inputs, named)
    with torch.no_grad():
        tracer = follow(Tracer, model, arguments)
    found = tracer.lesson.gates
    gates = tuple((gate, site) for gate, site in zip(found, name_gates(model, found), strict=True)
                  if isinstance(gate, Found))  # fmt: skip
    if tracer.lesson.elsewhere and not gates:
        raise CaptureError(
            "audit.elsewhere",
            "parts of the model ran in another thread, where nothing can be followed: give the plain module",
        )
    return Trace(tracer.steps, tracer.makers, gates)


class Tracer(Learner):
    """Follows the tensors of one forward, and keeps every call."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.steps: dict[int, Step] = {}
        self.makers: dict[Tracked, Step] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        at = len(self.lesson.within)
        before = {id(tensor): self._ledger.get(tensor) for _, tensor in tensors_in((args, kwargs))}
        result = super().__torch_function__(func, types, args, kwargs)
        if len(self.lesson.within) > at:
            self._keep(at, func, (args, kwargs), before, result)
        return result

    def _gates(self, call: Call) -> list[Found]:
        return super()._gates(call) or (self._shares(call) if call.name == "mul" else [])

    def _shares(self, call: Call) -> list[Found]:
        """Find a gate whose values are all shares of one softmax; some of them alone choose between maps."""
        for one in multiplications(call):
            softmax = one.factor.softmax
            if softmax is None or softmax.entries <= 2 or len(one.map.shape) != 4:
                continue
            one.factor.softmax = None
            try:
                judged = judge(one, call.at, self._batch)
            finally:
                one.factor.softmax = softmax
            if isinstance(judged, Refusal) or judged[0].kind not in ("channel", "spatial"):
                continue
            if len(entries_used(softmax, judged[0].part.elements.numbers.flatten())) == softmax.entries:
                return self._found(call, one, judged)
        return []

    def _keep(
        self,
        at: int,
        func: Callable[..., Any],
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        before: Mapping[int, Tracked | None],
        result: Any,
    ) -> None:
        known = {at: now for at, now in before.items() if now is not None and now.dynamic}
        for _, tensor in tensors_in(arguments):
            if before.get(id(tensor)) is None and (now := self._ledger.get(tensor)) is not None and now.dynamic:
                known[id(tensor)] = now
        given = [tensor for _, tensor in tensors_in(arguments)]
        inputs = [known[id(tensor)] for tensor in given if id(tensor) in known]
        constants = [tensor for tensor in given if id(tensor) not in known]
        changed = partial(_known_or_itself, known)
        args, kwargs = with_tensors(arguments[0], changed), with_tensors(arguments[1], changed)
        outputs = [(path, made) for path, tensor in tensors_in(result) if (made := self._ledger.get(tensor))]
        for path, tensor in tensors_in(arguments):
            now = self._ledger.get(tensor)
            if now is not None and now is not before.get(id(tensor)) and now.dynamic:
                outputs.append((("written", *path), now))
        if not inputs or not outputs:
            return
        step = Step(at, func, name_of(func), self.lesson.within[at].path, args, kwargs, tuple(inputs),
                    tuple(constants), tuple(outputs))  # fmt: skip
        self.steps[at] = step
        for _, made in outputs:
            self.makers.setdefault(made, step)


def _known_or_itself(known: Mapping[int, Tracked], tensor: Tensor) -> Tracked | Tensor:
    return known.get(id(tensor), tensor)


def with_tensors(value: Any, change: Callable[[Any], Any], kind: type = Tensor) -> Any:
    """Return nested arguments in which every value of a kind is replaced by what a function makes of it."""
    if isinstance(value, kind):
        return change(value)
    if type(value) in (tuple, list):
        return type(value)(with_tensors(item, change, kind) for item in value)
    if type(value) is dict:
        return {key: with_tensors(item, change, kind) for key, item in value.items()}
    return value
