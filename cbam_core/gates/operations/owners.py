"""Which module's code is running? Asked where a gate multiplies a map, to say whose gate it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

from torch import nn

from cbam_core.gates.operations.tensors import ModuleCall

Trail = tuple[tuple[CodeType, int], ...]
"""Places in the code, from the innermost out: code objects and positions in them."""

_NOT_OF_USERS = ("cbam_core/gates/operations", "torch/overrides", "torch/nn/modules/module", "torch/_tensor")

_CALL = nn.Module._call_impl.__code__


def running_owner(paths: Mapping[int, str], call: ModuleCall | None) -> tuple[str, Trail]:
    """Find the innermost module whose code is running, and the places in the code that lead there.

    It is the first positional argument of a frame, whatever it is called, where the frame runs one of its methods, or
    where the module is the one whose call is running: a function may be given the module as its forward. A function
    that is given another module, such as a child to apply, runs for the one that called it. A forward that names its
    module nowhere, such as a closure, is that of the call in which it runs.

    Args:
        paths: path of each module, and of its copies, by the number of the object.
        call: the innermost call of a module that is running; None outside of all.

    Returns:
        Path of the module, and the places; where no frame has a module, that of the call and the innermost places.
    """
    running = call
    trail: list[tuple[CodeType, int]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        is_call = code is _CALL
        is_of_users = not any(part in code.co_filename for part in _NOT_OF_USERS)
        if is_of_users:
            trail.append((code, frame.f_lasti))
        holder = _first_argument(frame) if is_call or is_of_users else None
        path = paths.get(id(holder))
        if isinstance(holder, nn.Module) and path is not None:
            is_running = running is not None and running.path == path
            if _has_own_code(holder) and (is_call or is_running or _is_method(code, holder)):
                return path, tuple(trail)
            if is_call and running is not None and is_running:
                running = running.outer
        frame = frame.f_back
    return "" if call is None else call.path, tuple(trail[:3])


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _has_own_code(module: nn.Module) -> bool:
    """Check that the code of a module is not that of torch."""
    return not type(module).__module__.startswith("torch.") or "forward" in vars(module)


def _is_method(code: CodeType, holder: Any) -> bool:
    """Check that code is that of a method of an object: written in one of its classes, or set there afterwards."""
    kinds = type(holder).__mro__
    if code.co_qualname.rpartition(".")[0] in {kind.__qualname__ for kind in kinds}:
        return True
    values = [vars(holder).get(code.co_name), *(vars(kind).get(code.co_name) for kind in kinds)]
    return any(getattr(getattr(value, "__func__", value), "__code__", None) is code for value in values)
