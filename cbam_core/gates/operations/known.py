"""What was learnt of networks: a plan for each way of using one, and of taking one where its code reads values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor, nn

from cbam_core.gates.operations.isolation import Inputs
from cbam_core.gates.operations.learning import learn
from cbam_core.gates.operations.plan import Plan, make_plan
from cbam_core.gates.operations.ways import Outcome
from cbam_core.gates.sites import Site


class Ways:
    """Plans of a network whose code reads values, one for each way that a forward went."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Outcome, ...], Plan] = {}
        self._learnt = self._used = 0

    def keep(self, plan: Plan) -> None:
        """Keep the plan of a way that was learnt."""
        self._learnt += 1
        self._put(plan)
        for way in list(self._plans)[:-_KEPT]:
            self._plans.pop(way, None)

    def take(self, plan: Plan) -> None:
        """Note that a forward went the way of a plan."""
        self._used += 1
        self._put(plan)

    def _put(self, plan: Plan) -> None:
        self._plans.pop(plan.way, None)
        self._plans[plan.way] = plan

    @property
    def last(self) -> Plan | None:
        """Plan of the way that was taken last; None where hardly any comes again, so that each is learnt first."""
        plans = list(self._plans.values()) if self._learnt <= _TRIED + self._used else []
        return plans[-1] if plans else None

    def beginning_with(self, told: Sequence[Outcome]) -> list[Plan]:
        """Return the plans of the ways that begin with these outcomes, the last one first."""
        start = tuple(told)
        return [plan for way, plan in reversed(list(self._plans.items())) if way[: len(start)] == start]


_TRIED = 4  # ways that are learnt before one of them comes again


@dataclass(eq=False)
class _Known:
    modules: tuple[ref[nn.Module], ...]
    plans: OrderedDict[Any, Plan]
    ways: dict[Any, Ways] = field(default_factory=dict)


_known: WeakKeyDictionary[nn.Module, _Known] = WeakKeyDictionary()
_KEPT = 16


def plan_for(model: nn.Module, inputs: Inputs, own: Sequence[Site]) -> Plan:
    """Return the plan of a network for these inputs, learnt where there is none or the network has changed.

    Where the network's code reads values, it is learnt from these inputs.
    """
    known, key = _place(model, inputs, own)
    return _kept(known, key) or _learnt(known, key, model, inputs, own)


def likely_plan(model: nn.Module, inputs: Inputs, own: Sequence[Site]) -> tuple[Plan, Ways | None]:
    """Return the same; where the network's code reads values, of the way that the last forward went, if one is known.

    Returns:
        The plan; and the ways that are known, where it is one of them, and this forward may go another.
    """
    known, key = _place(model, inputs, own)
    plan = _kept(known, key)
    ways = known.ways.get(key) if plan is None else None
    last = None if ways is None else ways.last
    if last is not None and _holds(last):
        return last, ways
    return plan or _learnt(known, key, model, inputs, own), None


def _kept(known: _Known, key: Any) -> Plan | None:
    plan = known.plans.get(key)
    return plan if plan is not None and _holds(plan) else None


def _learnt(known: _Known, key: Any, model: nn.Module, inputs: Inputs, own: Sequence[Site]) -> Plan:
    plan = make_plan(model, learn(model, inputs, own), own)
    if not plan.reads:
        known.plans[key] = plan
        while len(known.plans) > _KEPT:
            known.plans.popitem(last=False)
    elif plan.way and not own:  # those are recorded by hooks, which a copy does not have
        known.ways.setdefault(key, Ways()).keep(plan)
        for old in list(known.ways)[:-_KEPT]:
            known.ways.pop(old, None)
    return plan


def forget(model: nn.Module) -> None:
    """Forget what was learnt of a network."""
    _known.pop(model, None)


def _place(model: nn.Module, inputs: Inputs, own: Sequence[Site]) -> tuple[_Known, Any]:
    """Return what is known of a network as it is, and the key of one way of using it."""
    modules = _modules(model)
    known = _known.get(model)
    if (
        known is None
        or len(known.modules) != len(modules)
        or any(reference() is not module for reference, module in zip(known.modules, modules, strict=True))
    ):
        known = _known[model] = _Known(tuple(ref(module) for module in modules), OrderedDict())
    return known, (_state(modules, own), _form(inputs), _settings())


def _holds(plan: Plan) -> bool:
    """Check that no number that the network stores, and on which scales depend, has changed."""
    return all((one := found()) is not None and one._version == version for found, version in plan.versions)


def _modules(model: nn.Module) -> list[nn.Module]:
    found: dict[nn.Module, None] = {model: None}
    waiting = [model]
    for module in waiting:
        children = module._modules
        if children:
            for child in children.values():
                if child is not None and child not in found:
                    found[child] = None
                    waiting.append(child)
    return waiting


_PLAIN = frozenset((bool, int, float, str, type(None)))
_STANDARD = frozenset(vars(nn.Module())) | {"training"}


def _state(modules: Sequence[nn.Module], own: Sequence[Site]) -> Any:
    """Return what decides which way a forward takes: classes, flags, simple attributes, hooks of users."""
    found: list[Any] = [len(own)]
    for module in modules:
        kind = type(module)
        found.append(kind)
        found.append(module.training)
        attributes = module.__dict__
        if not kind.__module__.startswith("torch.nn"):
            found.extend(
                [value for name, value in attributes.items() if type(value) in _PLAIN and name not in _STANDARD]
            )
        found.append(len(attributes))
        hooks = attributes.get("_forward_hooks"), attributes.get("_forward_pre_hooks")
        found.extend(sum(1 for number in list(several) if number >= 0) for several in hooks if several)
    return tuple(found)


def _form(value: Any) -> Any:
    """Return shapes and types of nested inputs, as a key."""
    if isinstance(value, Tensor):
        return value.shape, value.dtype, value.device, value.is_contiguous()
    if isinstance(value, tuple | list):
        return tuple(_form(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _form(item)) for key, item in value.items())
    return value if type(value) in _PLAIN else type(value)


def _settings() -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.is_autocast_enabled("cuda"),
    )
