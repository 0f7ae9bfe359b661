"""Annotations are checked while tests run; where none has a shape, in one step, which costs a tenth of the time."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
from collections.abc import Callable
from types import CellType, FunctionType
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
        check = _without_shapes(function)
    finally:
        function.__annotations__ = written
    if check is not function:
        check.__annotations__ = written
    return check


def _with_check(function: FunctionType, typechecker: Any) -> Callable[..., Any]:
    hints = _hints(function)
    if inspect.isgeneratorfunction(function):
        hints.pop("return", None)  # what it returns is a generator, whatever it yields
    if any(map(_has_shape, hints.values())):
        return WITH_SHAPES(function, typechecker=typechecker)
    return _in_one_step(function, hints)


_nested: dict[int, tuple[FunctionType, Callable[..., Any]]] = {}
"""By the identity of its code, each function inside another, without what it closes over, and the check around it."""


def _is_nested(function: FunctionType) -> bool:
    """Whether a function is made anew whenever the one around it runs, and is then checked in the same way."""
    return (
        "<locals>" in function.__qualname__
        and function.__code__.co_filename != "<string>"  # a dataclass's `__init__`
        and not (function.__defaults__ or function.__kwdefaults__)
        and all(isinstance(hint, str) for hint in function.__annotations__.values())
    )


def _bare(function: FunctionType) -> FunctionType:
    nothing = tuple(CellType() for _ in function.__code__.co_freevars)
    bare = FunctionType(function.__code__, function.__globals__, function.__name__, None, nothing)
    bare.__qualname__, bare.__annotations__ = function.__qualname__, function.__annotations__
    return bare


def _check_of(function: FunctionType, typechecker: Any) -> Callable[..., Any]:
    """Make the check around a function, or put one that was made for its code around it."""
    if not _is_nested(function):
        return _with_check(function, typechecker)
    known = _nested.get(id(function.__code__))
    if known is None:
        bare = _bare(function)
        known = _nested[id(function.__code__)] = (bare, _with_check(bare, typechecker))
    bare, check = known
    if check is bare:
        return function
    if not _is_one_function(check):
        return _with_check(function, typechecker)
    again = FunctionType(check.__code__, check.__globals__)
    again.__kwdefaults__ = check.__kwdefaults__ | {"__beartype_func": function}
    vars(again).update(vars(check))
    return again


def _is_one_function(check: Callable[..., Any]) -> bool:
    return "__beartype_wrapper" in vars(check) and not check.__closure__


def _first(*args: Any, __begin: Callable[[], Callable[..., Any]], **kwargs: Any) -> Any:
    return __begin()(*args, **kwargs)


def _next(*args: Any, __check: Callable[..., Any], **kwargs: Any) -> Any:
    return __check(*args, **kwargs)


def _at_first_call(function: FunctionType, typechecker: Any) -> Callable[..., Any]:
    """Make the check when the function is called: half of them never are, and a check takes a millisecond to make."""

    def begin() -> Callable[..., Any]:
        check = _check_of(function, typechecker)
        body = check if _is_one_function(check) else _next
        waiting.__kwdefaults__ |= {"__check": check, **(body.__kwdefaults__ or {})}
        waiting.__code__ = body.__code__
        return check

    waiting = FunctionType(_first.__code__, {"__builtins__": builtins})
    waiting.__kwdefaults__ = {"__begin": begin}
    return functools.update_wrapper(waiting, function)


def checked(target: Any = None, *, typechecker: Any = beartype) -> Any:
    """Put the check around a function, or around the `__init__` of a dataclass."""
    if target is None:
        return functools.partial(checked, typechecker=typechecker)
    if inspect.isclass(target):
        if dataclasses.is_dataclass(target) and isinstance(target.__dict__.get("__init__"), FunctionType):
            target.__init__ = checked(target.__init__, typechecker=typechecker)  # type: ignore[method-assign]
            return target
    elif isinstance(target, FunctionType):
        return _at_first_call(target, typechecker)
    return WITH_SHAPES(target, typechecker=typechecker)


jaxtyping.jaxtyped = checked  # type: ignore[assignment]
