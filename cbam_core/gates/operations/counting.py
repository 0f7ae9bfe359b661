"""Reading gates in a forward whose plan is known: a mode counts torch calls inside the few modules that need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from cbam_core.gates.operations.plan import Action, Plan, PlannedGate, ScopeCall
from cbam_core.gates.operations.switching import Switch

_NOWHERE = ScopeCall({}, -1)


class Counter(Switch):
    """Counts the torch calls of one forward, and does what its plan says at some of them.

    Attributes:
        plan: the plan.
        values: values of the gates that were read, by their position in the plan.
        order: positions in the plan in the order in which maps were multiplied.
        stale: whether the forward went another way than the plan.
        entering: called with each gate and the map that it is about to multiply; None for nobody.

    Args:
        plan: the plan.
        keep: function that makes the copy that is kept.
    """

    def __init__(self, plan: Plan, keep: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.plan, self._keep = plan, keep
        self.values: dict[int, Tensor] = {}
        self.stale = False
        self.entering: Callable[[PlannedGate, Tensor], None] | None = None
        self._numbers: dict[str, int] = {}
        self._stack: list[tuple[ScopeCall, int, bool, str]] = []
        self._scope, self._count = _NOWHERE, 0
        self._actions: dict[int, Action] = {}

    def enter(self, path: str) -> None:
        """Count inside a module."""
        self._stack.append((self._scope, self._count, self.on and not self.muted, path))
        number = self._numbers[path] = self._numbers.get(path, 0) + 1
        calls = self.plan.scopes[path]
        if number > len(calls):
            self.stale = True
        self._scope = calls[number - 1] if number <= len(calls) else _NOWHERE
        self._count, self._actions = 0, self._scope.actions
        self.turn_on()

    def rest(self, path: str) -> None:
        """Step aside inside a module."""
        self._stack.append((self._scope, self._count, self.on and not self.muted, path))
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
        return ran and read and not self.stale and not self._stack

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if not self.muted:
            self._count += 1
            action = self._actions.get(self._count)
            if action is not None:
                return self._act(action, func, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    def _act(self, action: Action, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func != action.func:
            self.stale = True
        for index, path, shape in action.reads:
            tensor = at_path(args, kwargs, path)
            if isinstance(tensor, Tensor) and tensor.shape == shape:
                self._read(index, tensor)
            else:
                self.stale = True
        if self.entering is not None:
            self._enter_maps(action, args, kwargs)
        return func(*args, **kwargs)

    def _enter_maps(self, action: Action, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for index in action.multiplies:
            gate = self.plan.gates[index]
            features = None if gate is None else at_path(args, kwargs, gate.map)
            if self.entering is not None and gate is not None and isinstance(features, Tensor):
                self.entering(gate, features)

    def _read(self, index: int, tensor: Tensor) -> None:
        gate = self.plan.gates[index]
        if gate is not None:
            values = gate.reader.read(tensor)
            self.values[index] = self._keep(values.reciprocal() if gate.inverse else values)


def at_path(args: Any, kwargs: dict[str, Any], path: tuple[int | str, ...]) -> Any:
    """Return an argument of a call by the keys that lead to it; None where it is missing."""
    value: Any = kwargs if isinstance(path[0], str) else args
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
