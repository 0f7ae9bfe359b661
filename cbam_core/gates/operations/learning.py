"""A forward beside the real one, in which every tensor is followed and every gate found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import get_ident
from typing import Any, TypeVar
from weakref import ref

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from cbam_core.gates.hooks import Hooks
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.functions import PRODUCTS, READS, VIEWS, name_of
from cbam_core.gates.operations.isolation import Inputs, copied_inputs, random_state_kept
from cbam_core.gates.operations.judging import Judged, Refusal, judge
from cbam_core.gates.operations.lesson import Found, Lesson, OwnGate, Refused
from cbam_core.gates.operations.owners import running_owner
from cbam_core.gates.operations.products import Multiplication, multiplications
from cbam_core.gates.operations.rules import known_constant, outcome, written
from cbam_core.gates.operations.switching import Switch, others_hidden
from cbam_core.gates.operations.tensors import Ledger, ModuleCall, Tracked, fresh, tensors_in
from cbam_core.gates.operations.twin import structural_copy
from cbam_core.gates.operations.ways import has_other_buffers, outcome_of
from cbam_core.gates.sites import Site

OPAQUE = (nn.MultiheadAttention,)
"""Modules that take a faster way where no mode is on; what runs inside is not followed."""

_SHARDED = ("DistributedDataParallel", "FullyShardedDataParallel")
"""Wrappers that prepare for a backward pass in their forward, where gradients are enabled."""

_SIMPLE = frozenset((bool, int, float, str, type(None)))


def learn(model: nn.Module, inputs: Inputs, own: Sequence[Site] = ()) -> Lesson:
    """Run a forward on a copy of the network, and find its gates; the network itself is not touched.

    Args:
        model: the network.
        inputs: positional and named arguments of its forward; they are copied.
        own: gates that hooks record.
    """
    return follow(Learner, model, inputs, own).lesson


Follower = TypeVar("Follower", bound="Learner")


def follow(kind: type[Follower], model: nn.Module, inputs: Inputs, own: Sequence[Site] = ()) -> Follower:
    """Run a forward on a copy of the network under a learner of some kind, and return the learner."""
    with others_hidden():
        return _follow(kind, model, inputs, own)


def _follow(kind: type[Follower], model: nn.Module, inputs: Inputs, own: Sequence[Site]) -> Follower:
    twin, twins = structural_copy(model)
    learner = kind(model, twins, own)
    grad = torch.is_grad_enabled() and not any(type(module).__name__ in _SHARDED for module in model.modules())
    with random_state_kept(model) as has_drawn, torch.set_grad_enabled(grad):
        args, kwargs = copied_inputs(inputs)
        learner.run(twin, args, kwargs)
        if learner.lesson.reads:
            learner.lesson.repeatable = not has_drawn() and not has_other_buffers(twin, model)
    return learner


class Learner(Switch):
    """Follows the tensors of one forward."""

    def __init__(self, model: nn.Module, twins: Mapping[nn.Module, nn.Module], own: Sequence[Site]) -> None:
        super().__init__()
        self.lesson = Lesson()
        self._ledger = Ledger()
        self._hooks = Hooks()  # absent from copies that the forward makes
        self._twins, self._own = twins, own
        self._paths: dict[int, str] = {}
        for name, module in model.named_modules():
            twin = twins.get(module, module)
            self._paths.setdefault(id(module), name)
            self._paths.setdefault(id(twin), name)
        self._calls: dict[str, int] = {}
        self._current: ModuleCall | None = None
        self._thread = get_ident()
        self._fired: set[ModuleCall] = set()
        self._hidden = self._batch = 0
        self._bases: dict[int, tuple[ref[Tensor], ref[Tensor]]] = {}

    def run(self, twin: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Run the forward of the copy."""
        for module in self._twins.values():
            if not isinstance(module, torch.jit.ScriptModule):
                self._note_constants(module)
                if module is not twin:
                    self._hang(module)
        twin._forward_pre_hooks.clear()  # the inputs have been through those of the network
        self._hang(twin)
        for site in self._own:
            tap = self._twins[site.tap]
            self._hooks.register([(tap._forward_hooks, partial(self._own_gate, site))])
        given = [tensor for _, tensor in tensors_in((args, kwargs))]
        self._batch = given[0].shape[0] if given and given[0].ndim else 0
        for tensor in given:
            self._ledger.put(tensor, fresh(tuple(tensor.shape), _input_axis(tensor), dynamic=True))
        self.turn_on()
        try:
            output = twin(*args, **kwargs)
        finally:
            self.turn_off()
        self.lesson.unseen |= any(self._ledger.get(tensor) is None for _, tensor in tensors_in(output))
        self._drop_shares()

    def _drop_shares(self) -> None:
        """Drop gates from a softmax over two entries of which both are used: they choose between branches."""
        used: dict[Any, set[int]] = {}
        founds = [gate for gate in self.lesson.gates if isinstance(gate, Found)]
        for gate in founds:
            if gate.judged.softmax is not None:
                used.setdefault(gate.judged.softmax[0], set()).update(gate.judged.softmax[1])
        for gate in founds:
            softmax = gate.judged.softmax
            if softmax is not None and len(used[softmax[0]]) > 1:
                self.lesson.gates.remove(gate)
                refusal = Refusal(4, "both entries of a softmax over two are used: they choose between branches")
                self.lesson.refused.append(Refused(refusal, gate.owner, gate.one.factor.shape, gate.one.map.shape))

    def _note_constants(self, module: nn.Module) -> None:
        """Note every tensor that a module holds."""
        for key, value in list(vars(module).items()):
            if type(value) in _SIMPLE or key == "_modules" or "hooks" in key:
                continue
            for _, tensor in tensors_in(value, depth=2):
                if self._ledger.get(tensor) is None:
                    self._ledger.put(tensor, known_constant(tensor))

    def _hang(self, module: nn.Module) -> None:
        self._hooks.register([(module._forward_pre_hooks, self._enter), (module._forward_hooks, self._leave)])

    def _enter(self, module: nn.Module, _inputs: Any) -> None:
        if get_ident() != self._thread:
            self.lesson.elsewhere = True
            return
        path = self._paths[id(module)]
        number = self._calls[path] = self._calls.get(path, 0) + 1
        opaque = isinstance(module, OPAQUE) or _is_fast_layer(module)
        self._current = ModuleCall(path, self._current, number, opaque)
        self.lesson.modules.append(self._current)
        if opaque:
            self._hidden += 1
            self.turn_off()

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if get_ident() != self._thread or self._current is None:
            return
        path = self._paths[id(module)]
        while self._current.path != path and self._current.outer is not None:
            self._current = self._current.outer  # a module that raised, and whose error was caught
        if self._current.opaque:
            self._hidden -= 1
            if not self._hidden:
                self.turn_on()
            self._note_unseen(inputs, output)
        self._current = self._current.outer

    def _note_unseen(self, inputs: Any, output: Any) -> None:
        parents = tuple(self._known(tensor) for _, tensor in tensors_in(inputs))
        for _, tensor in tensors_in(output):
            axis = _last_axis(tensor)
            made = fresh(tuple(tensor.shape), axis, dynamic=True, mixing=True, parents=parents, made_in=self._current)
            self._ledger.put(tensor, made)

    def _own_gate(self, site: Site, _module: nn.Module, _inputs: Any, _gate: Any) -> None:
        if get_ident() == self._thread:
            call = self._current
            while call is not None and call.path != self._paths[id(site.gated)]:
                call = call.outer
            if call is not None:
                self._fired.add(call)
            self.lesson.gates.append(OwnGate(site, len(self.lesson.within)))

    def _known(self, tensor: Tensor) -> Tracked:
        known = self._ledger.get(tensor)
        if known is None:  # made by a call that was not seen, such as a scripted function
            self.lesson.unseen |= not is_functorch_wrapped_tensor(tensor)
            known = fresh(tuple(tensor.shape), lambda: 1, dynamic=True, mixing=True, unknown=True)
            self._ledger.put(tensor, known)
        return known

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if get_ident() != self._thread or self._current is None:
            return func(*args, **kwargs)
        at = len(self.lesson.within)
        self.lesson.within.append(self._current)
        self.lesson.functions.append(func)
        name = name_of(func)
        if name[:1] == "." and name not in _MOVING_ATTRIBUTES:
            return func(*args, **kwargs)
        call = Call(func, name, (args, kwargs), at, self._known)
        if not call.sources:
            result = func(*args, **kwargs)
            self._note(call, result)
            return result
        gates = self._gates(call) if name in PRODUCTS and call.dynamic else []
        before = call.sources[0][1] if name in _WRITING or "out" in kwargs else None
        result = func(*args, **kwargs)
        self._note_read(call, result)
        self._note(call, result)
        if gates:
            self._note_product(gates, result)
        self._note_written(call, before, result)
        return result

    def _note(self, call: Call, result: Any) -> None:
        for tensor, tracked in outcome(call, result):
            tracked.made_in = self._current
            self._ledger.put(tensor, tracked)
            source = call.sources[0][1] if call.sources else tensor
            if call.name in VIEWS and source is not tensor and not tracked.dynamic:
                self._bases[id(tensor)] = ref(tensor), ref(source)

    def _note_read(self, call: Call, result: Any) -> None:
        if call.name in READS and any(source.dynamic or source.random for _, _, source in call.sources):
            self.lesson.reads = True
            self.lesson.outcomes[call.at] = outcome_of(result)

    def _note_product(self, gates: list[Found], result: Any) -> None:
        for tensor in [tensor for _, tensor in tensors_in(result, depth=2)]:
            tracked = self._ledger.get(tensor)
            of = gates[0].one.map
            if tracked is not None and tracked.shape == of.shape:
                tracked.product, tracked.place = gates[-1], of.place
                tracked.parts = ()

    def _note_written(self, call: Call, target: Tensor | None, result: Any) -> None:
        """Note what was written into a tensor, and into that of which it is a view."""
        dynamic = [source for _, _, source in call.sources if source.dynamic]
        if target is None or not dynamic:
            return
        if call.name in _WRITING and not isinstance(result, Tensor):
            self._ledger.put(target, written(target, dynamic))
        base = self._base(target)
        while base is not None:
            if not self._known(base).dynamic:
                self._ledger.put(base, written(base, dynamic))
            base = self._base(base)

    def _base(self, tensor: Tensor) -> Tensor | None:
        """Return the tensor of which one is a view; in inference mode, torch does not say."""
        view, base = self._bases.get(id(tensor), (None, None))
        if view is not None and base is not None and view() is tensor:
            return base()
        return None if tensor.is_inference() else tensor._base

    def _gates(self, call: Call) -> list[Found]:
        """Judge what a call multiplies."""
        refused: list[tuple[Multiplication, Refusal]] = []
        found: list[Found] = []
        pairs = list(multiplications(call))
        self.lesson.multiplied += bool(pairs)
        for one in pairs:
            if one.factor.squashed and one.map.squashed and call.name == "mul" and _are_joined(one):
                return []
            if any(one.factor_path in (gate.one.factor_path, gate.one.map_path) for gate in found):
                continue
            transformed = any(is_functorch_wrapped_tensor(tensor) for _, tensor, _ in call.sources)
            judged = _IN_TRANSFORM if transformed else judge(one, call.at, self._batch)
            if isinstance(judged, Refusal):
                refused.append((one, judged))
                continue
            found += self._found(call, one, judged)
            if call.name != "einsum":
                break
        if refused and not found:
            one, refusal = max(refused, key=lambda pair: pair[1].near)
            owner, _ = running_owner(self._paths, self._current)
            self.lesson.refused.append(Refused(refusal, owner, one.factor.shape, one.map.shape))
        return found

    def _found(self, call: Call, one: Multiplication, judged: list[Judged]) -> list[Found]:
        owner, trail = running_owner(self._paths, self._current)
        inner = current = self._current
        while current is not None:
            if current in self._fired:
                return []  # a hook records it
            current = current.outer
        if inner is None:
            return []  # outside of all modules nothing is a gate
        found = [
            Found(gate, one, call.at, inner, owner, trail, one.map.product, order) for order, gate in enumerate(judged)
        ]
        self.lesson.gates.extend(found)
        return found


_IN_TRANSFORM = Refusal(
    6, "it runs inside torch.vmap or another transform of torch.func, whose tensors cannot be read outside of it"
)

_WRITING = frozenset({"__setitem__", "copy", "index_put", "index_copy", "index_add", "scatter", "scatter_add",
                      "masked_scatter", "index_fill", "add", "mul", "sub", "div"})  # fmt: skip


_MOVING_ATTRIBUTES = frozenset({".T", ".mT", ".H", ".mH", ".data", ".real"})


def _are_joined(one: Multiplication) -> bool:
    return one.factor.elements is not one.map.elements


def _is_fast_layer(module: nn.Module) -> bool:
    return type(module) in {nn.TransformerEncoderLayer, nn.TransformerEncoder} and not module.training


def _last_axis(tensor: Tensor) -> Callable[[], int | None]:
    last = tensor.ndim - 1
    return lambda: last


def _input_axis(tensor: Tensor) -> Callable[[], int | None]:
    axis = 1 if tensor.ndim >= 3 else None
    return lambda: axis
