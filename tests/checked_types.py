"""Annotations are checked while tests run; where none has a shape, in one step, which costs a tenth of the time."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

WITH_SHAPES = jaxtyping.jaxtyped
"""What jaxtyping puts around every function: names of axes hold for all arguments and the result together."""

_without_shapes = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, list):  # arguments of a Callable
        return any(map(_has_shape, hint))
    return (inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)) or any(map(_has_shape, get_args(hint)))


def _hints(function: FunctionType) -> dict[str, Any]:
    """Annotations of a function; a name that type checkers alone know stands for anything."""
    try:
        return get_type_hints(function, function.__globals__, include_extras=True)
    except Exception:
        return {name: _hint(text, function) for name, text in function.__annotations__.items()}


def _hint(text: Any, function: FunctionType) -> Any:
    def argument() -> None: ...

    argument.__annotations__ = {"value": text}
    try:
        return get_type_hints(argument, function.__globals__, include_extras=True)["value"]
    except Exception:
        return Any


def _in_one_step(function: FunctionType, hints: dict[str, Any]) -> Callable[..., Any]:
    written = function.__annotations__
    function.__annotations__ = hints
    try:
        checked = _without_shapes(function)
    finally:
        function.__annotations__ = written
    if checked is not function:
        checked.__annotations__ = written
    return checked


def checked(target: Any = None, *, typechecker: Any = beartype) -> Any:
    """Put the check around a function, or around the `__init__` of a dataclass."""
    if target is None:
        return partial(checked, typechecker=typechecker)
    if inspect.isclass(target):
        if dataclasses.is_dataclass(target) and isinstance(target.__dict__.get("__init__"), FunctionType):
            target.__init__ = checked(target.__init__, typechecker=typechecker)  # type: ignore[method-assign]
            return target
    elif isinstance(target, FunctionType):
        hints = _hints(target)
        if inspect.isgeneratorfunction(target):
            hints.pop("return", None)  # what it returns is a generator, whatever it yields
        if not any(map(_has_shape, hints.values())):
            return _in_one_step(target, hints)
    return WITH_SHAPES(target, typechecker=typechecker)


jaxtyping.jaxtyped = checked  # type: ignore[assignment]
