"""Reading gates in a forward whose plan is known: a mode counts torch calls inside the few modules that need it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cbam_core.gates.operations.plan import Action, Plan, PlannedGate, ScopeCall
from cbam_core.gates.operations.switching import Switch
from cbam_core.gates.operations.ways import Outcome, outcome_of

_NOWHERE = ScopeCall({}, -1)


@dataclass(frozen=True, eq=False)
class Observers:
    """What is told of the gates of a forward; gates are given by their position in the plan.

    Attributes:
        entering: told the map that a gate will multiply.
        leaving: told the product.
        edit: given the values of a gate, and whether they can be replaced; returns the values, or others.
        rows: given the tensor that holds a gate, which may have more rows than when gates were looked for, and whether
            it can be replaced; returns what takes its place, None for nothing.
        joined: whether the values that are kept lie on the way from the input to the output.
    """

    entering: Callable[[int, Tensor], None] | None = None
    leaving: Callable[[int, Tensor], None] | None = None
    edit: Callable[[int, Tensor, bool], Tensor] | None = None
    rows: Callable[[int, Tensor, bool], Tensor | None] | None = None
    joined: bool = False

    @property
    def nobody(self) -> bool:
        """Whether nobody is told anything, and values are plain copies."""
        told = (self.entering, self.leaving, self.edit, self.rows)
        return all(one is None for one in told) and not self.joined

    @property
    def rank(self) -> int:
        """Rank among the modes of one thread: edits see a call before those that record."""
        return 0 if self.edit is None and self.rows is None else 1


NOBODY = Observers()


class Counter(Switch):
    """Counts the torch calls of one forward, and does what its plan says at some of them.

    Attributes:
        plan: the plan.
        values: values of the gates that were read, by their position in the plan.
        stale: whether the forward went another way than the plan.
        told: what Python was told of values, up to the first that the plan does not expect.
        entering: called with each gate and the map that it is about to multiply; None for nobody.

    Args:
        plan: the plan.
        keep: function that makes the copy that is kept.
        observers: what else is told of the gates.
    """

    def __init__(self, plan: Plan, keep: Callable[[Tensor], Tensor], observers: Observers = NOBODY) -> None:
        super().__init__(observers.rank)
        self.plan, self._keep, self.observers = plan, keep, observers
        self.values: dict[int, Tensor] = {}
        self.stale = False
        self.entering: Callable[[PlannedGate, Tensor], None] | None = None
        self._numbers: dict[str, int] = {}
        self._stack: list[tuple[ScopeCall, int, bool, str]] = []
        self._scope, self._count = _NOWHERE, 0
        self._actions: dict[int, Action] = {}
        self.told: list[Outcome | None] = []
        self._given: list[Tensor] = []
        self._expected: list[float] = []

    def enter(self, path: str) -> None:
        """Count inside a module."""
        self._stack.append((self._scope, self._count, self.on, path))
        number = self._numbers[path] = self._numbers.get(path, 0) + 1
        calls = self.plan.scopes[path]
        if number > len(calls):
            self.stale = True
        self._scope = calls[number - 1] if number <= len(calls) else _NOWHERE
        self._count, self._actions = 0, self._scope.actions
        self.turn_on()

    def rest(self, path: str) -> None:
        """Step aside inside a module."""
        self._stack.append((self._scope, self._count, self.on, path))
        self._scope = _NOWHERE
        self.turn_off()

    def leave(self, path: str) -> None:
        """Go on counting in the module outside; also after an error, which may have passed modules inside."""
        while self._stack:
            scope, count, on, left = self._stack.pop()
            if self._scope is not _NOWHERE and self._count != self._scope.calls:
                self.stale = True
            self._scope, self._count, self._actions = scope, count, scope.actions
            if on:
                self.turn_on()
            else:
                self.turn_off()
            if left == path:
                return

    def finish(self) -> bool:
        """Turn off, and check that the forward went as planned."""
        self.turn_off()
        ran = all(self._numbers.get(path, 0) == len(calls) for path, calls in self.plan.scopes.items())
        read = all(index in self.values for index, gate in enumerate(self.plan.gates) if gate is not None)
        return ran and read and not self.stale and not self._stack and self._are_given()

    def _are_given(self) -> bool:
        """Check numbers that tensors gave, at the end: on a GPU, that waits for all that runs."""
        with torch._C.DisableTorchFunction():
            given = [given.item() for given in self._given]
        return all(map(_is_same, given, self._expected))

    def _check_number(self, given: Any, expected: float) -> None:
        """Note whether a number is another one than when the gates were looked for."""
        if isinstance(given, Tensor) and given.numel():
            self._given.append(given.detach().reshape(-1)[0].clone())
            self._expected.append(expected)
        elif not isinstance(given, int | float) or not _is_same(given, expected):
            self.stale = True

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._count += 1
        action = self._actions.get(self._count)
        if action is not None and not self.stale:
            return self._act(action, func, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    def _act(self, action: Action, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func != action.func:
            self.stale = True
        with torch._C.DisableTorchFunction():  # other modes of this thread count the calls of the network alone
            for path, number in action.numbers:
                self._check_number(at_path(args, kwargs, path), number)
            for index, path, shape in action.reads:
                tensor = at_path(args, kwargs, path)
                if isinstance(tensor, Tensor) and self._has_shape(tensor, shape):
                    replaced = self._read(index, tensor, replaceable=not action.in_place)
                    if replaced is not None:
                        args, kwargs = with_replaced(args, path, replaced), with_replaced(kwargs, path, replaced)
                else:
                    self.stale = True
            for index in action.multiplies:
                features = at_path(args, kwargs, self.gate(index).map)
                self._observe(self.observers.entering, index, features)
                if self.entering is not None and isinstance(features, Tensor):
                    self.entering(self.gate(index), features)
        result = func(*args, **kwargs)
        if action.outcome is not None and not self.stale:
            with torch._C.DisableTorchFunction():
                self.told.append(outcome_of(result))
                self.stale = self.told[-1] != action.outcome
        if action.multiplies:
            with torch._C.DisableTorchFunction():
                self._observe(self.observers.leaving, action.multiplies[-1], result)
        return result

    def gate(self, index: int) -> PlannedGate:
        """Return a gate that operations show by its position in the plan.

        Raises:
            LookupError: hooks record it.
        """
        gate = self.plan.gates[index]
        if gate is None:
            raise LookupError(f"gate {index} of the plan is recorded by hooks")
        return gate

    def _has_shape(self, tensor: Tensor, shape: tuple[int, ...]) -> bool:
        """Check the shape of the tensor that holds a gate; where rows join, the first axis may have grown."""
        if self.observers.rows is None or not shape:
            return tensor.shape == shape
        return tensor.shape[1:] == shape[1:]

    def _observe(self, observer: Callable[[int, Tensor], None] | None, index: int, features: Any) -> None:
        if observer is not None:
            features = features[0] if isinstance(features, tuple | list) else features
            observer(index, features)

    def _read(self, index: int, tensor: Tensor, *, replaceable: bool) -> Tensor | None:
        """Keep the values of a gate; return what takes the place of the tensor that holds them, None for nothing."""
        gate = self.gate(index)
        if self.observers.rows is not None:
            self.values[index] = tensor
            return self.observers.rows(index, tensor, replaceable and gate.can_be_replaced)
        values = gate.reader.read(tensor)
        values = values.reciprocal() if gate.inverse else values
        can = replaceable and gate.can_be_replaced
        edited = self.observers.edit(index, values, can) if self.observers.edit is not None else values
        if self.observers.joined and can and edited is values:
            edited = values.clone()
        if edited is values:
            self.values[index] = self._keep(values)
            return None
        self.values[index] = edited if self.observers.joined else self._keep(edited)
        return gate.reader.write(edited)


def _is_same(given: Any, expected: Any) -> bool:
    """Check that two numbers are the same; one that is none (NaN) is another number than itself to Python."""
    return bool(given == expected) or (math.isnan(given) and math.isnan(expected))


def with_replaced(value: Any, path: tuple[int | str, ...], tensor: Tensor) -> Any:
    """Return arguments with one of them replaced."""
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and key in value:
        return {**value, key: with_replaced(value[key], rest, tensor) if rest else tensor}
    if isinstance(value, tuple | list) and isinstance(key, int) and key < len(value):
        new = with_replaced(value[key], rest, tensor) if rest else tensor
        return type(value)([*value[:key], new, *value[key + 1 :]])
    return value


def at_path(args: Any, kwargs: dict[str, Any], path: tuple[int | str, ...]) -> Any:
    """Return an argument of a call by the keys that lead to it; None where it is missing."""
    value: Any = kwargs if isinstance(path[0], str) else args
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
