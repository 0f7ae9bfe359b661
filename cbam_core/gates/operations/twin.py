"""A copy of a network for a forward beside the real one: it shares the parameters, and nothing that a forward changes.

Other threads may use the network at the same time, in training mode too; so not even its buffers are touched.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from types import CellType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = frozenset((bool, int, float, str, type(None)))
_SIMPLE = (bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device, torch.Size)


def structural_copy(model: nn.Module) -> tuple[nn.Module, dict[nn.Module, nn.Module]]:
    """Copy a network with its own parameters, and with copies of everything else that it holds.

    Hooks of users are copied with the values that they enclose, so that running them changes nothing of theirs; hooks
    of watchers are left out. What cannot be copied is shared.

    Returns:
        The copy, and the copy of each module.
    """
    modules = list(_all_modules(model))
    parameters = [parameter for module in modules for parameter in _own(module, "_parameters")]
    memo: dict[int, Any] = {id(one): copy.deepcopy(one) if nn.parameter.is_lazy(one) else one for one in parameters}
    twins: dict[nn.Module, nn.Module] = {}
    for module in modules:
        whole = isinstance(module, torch.jit.ScriptModule)
        twins[module] = module if whole else object.__new__(type(module))  # a traced one's __new__ makes another class
        memo[id(module)] = twins[module]
        memo |= {id(buffer): _own_buffer(buffer) for buffer in _own(module, "_buffers")}
    for module, twin in twins.items():
        if twin is not module:
            for key, value in list(vars(module).items()):
                twin.__dict__[key] = _copied_attribute(key, value, memo)
    return twins[model], twins


def _all_modules(model: nn.Module) -> dict[nn.Module, None]:
    found: dict[nn.Module, None] = {model: None}
    waiting = [model]
    for module in waiting:
        if isinstance(module, torch.jit.ScriptModule):
            continue
        for child in list(module._modules.values()):
            if child is not None and child not in found:
                found[child] = None
                waiting.append(child)
    return found


def _own(module: nn.Module, key: str) -> list[Tensor]:
    if isinstance(module, torch.jit.ScriptModule):
        return []
    return [tensor for tensor in list(vars(module).get(key, {}).values()) if tensor is not None]


def _own_buffer(buffer: Tensor) -> Tensor:
    return copy.deepcopy(buffer) if nn.parameter.is_lazy(buffer) else buffer.detach().clone()


def _copied_attribute(key: str, value: Any, memo: dict[int, Any]) -> Any:
    if type(value) in _PLAIN:
        return value
    if key == "_modules":
        return type(value)((name, memo.get(id(child), child)) for name, child in list(value.items()))
    if key in {"_parameters", "_buffers"}:
        return type(value)((name, memo.get(id(tensor), tensor)) for name, tensor in list(value.items()))
    if "hooks" in key and isinstance(value, dict):
        kept = [(number, hook) for number, hook in list(value.items()) if not isinstance(number, int) or number >= 0]
        return OrderedDict((number, _copied(hook, memo)) for number, hook in kept)
    return _copied(value, memo)


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """Copy a value; share it where it cannot be copied."""
    if isinstance(value, _SIMPLE):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Tensor):
        made: Any = value if isinstance(value, nn.Parameter) else value.detach().clone()
    elif isinstance(value, torch.Generator):
        made = value.clone_state()
    elif isinstance(value, FunctionType):
        made = _copied_function(value, memo)
    elif isinstance(value, functools.partial):
        made = functools.partial(_copied(value.func, memo), *(_copied(one, memo) for one in value.args),
                                 **{key: _copied(one, memo) for key, one in value.keywords.items()})  # fmt: skip
    else:
        try:
            made = copy.deepcopy(value, memo)
        except Exception:  # locks, files, tensors inside a graph: anything may refuse, in its own way
            made = value
    memo[id(value)] = made
    memo.setdefault(id(memo), []).append(value)  # as copy.deepcopy does: what is in the memo must stay alive
    return made


def _copied_function(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    """Copy a function with the values that it encloses."""
    if not function.__closure__:
        return function
    memo[id(function)] = function  # a function may enclose itself
    cells = tuple(_copied_cell(cell, memo) for cell in function.__closure__)
    made = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    return made


def _copied_cell(cell: CellType, memo: dict[int, Any]) -> CellType:
    try:
        return CellType(_copied(cell.cell_contents, memo))
    except ValueError:  # an empty cell
        return CellType()
