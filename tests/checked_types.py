"""Annotations are checked while tests run, arguments and result in one step; jaxtyping checks arguments twice."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import CellType, FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

JAXTYPED = jaxtyping.jaxtyped
"""What jaxtyping puts around every function and class."""

_axes = JAXTYPED("context")
"""Names of axes hold for all that is checked in this context: for the arguments of a call and its result."""

_beartyped = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


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
        check = _beartyped(function)
    finally:
        function.__annotations__ = written
    if check is not function:
        check.__annotations__ = written
    return check


@dataclasses.dataclass(frozen=True)
class Check:
    """A function with the check of its arguments and its result around it.

    Attributes:
        call: the function, checked.
        shaped: whether an annotation has a shape, so that names of axes have to hold for one call and no longer.
    """

    call: Callable[..., Any]
    shaped: bool

    @classmethod
    def of(cls, function: FunctionType) -> Check:
        hints = _hints(function)
        shaped = any(_has_shape(hint) for name, hint in hints.items() if name != "return")
        if inspect.isgeneratorfunction(function):
            hints.pop("return", None)  # what it returns is a generator, whatever it yields
            if shaped:  # one step would check its arguments when it is first asked, among the axes of whoever asks
                return cls(JAXTYPED(function, typechecker=beartype), shaped=False)
        return cls(_in_one_step(function, hints), shaped or _has_shape(hints.get("return")))

    def around(self, function: FunctionType) -> Check | None:
        """The same check around another function of the same code; none if it cannot be moved."""
        if not _is_one_function(self.call):
            return None
        again = FunctionType(self.call.__code__, self.call.__globals__)
        again.__kwdefaults__ = self.call.__kwdefaults__ | {"__beartype_func": function}
        vars(again).update(vars(self.call))
        return Check(again, self.shaped)


def _is_one_function(check: Callable[..., Any]) -> bool:
    return "__beartype_wrapper" in vars(check) and not check.__closure__


_nested: dict[int, tuple[FunctionType, Check]] = {}
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


def _check_of(function: FunctionType) -> Check:
    """Make the check around a function, or put one that was made for its code around it."""
    if not _is_nested(function):
        return Check.of(function)
    known = _nested.get(id(function.__code__))
    if known is None:
        bare = _bare(function)
        known = _nested[id(function.__code__)] = (bare, Check.of(bare))
    bare, check = known
    if check.call is bare:
        return Check(function, check.shaped)
    return check.around(function) or Check.of(function)


def _first(*args: Any, __begin: Callable[[], Callable[..., Any]], **kwargs: Any) -> Any:
    return __begin()(*args, **kwargs)


def _next(*args: Any, __check: Callable[..., Any], **kwargs: Any) -> Any:
    return __check(*args, **kwargs)


def _next_with_axes(
    *args: Any,
    __check: Callable[..., Any],
    __function: FunctionType,
    __axes: AbstractContextManager[None],
    __config: Any,
    **kwargs: Any,
) -> Any:
    if __config.jaxtyping_disable:
        return __function(*args, **kwargs)
    with __axes:
        return __check(*args, **kwargs)


def _at_first_call(function: FunctionType) -> Callable[..., Any]:
    """Make the check when the function is called: half of them never are, and a check takes a millisecond to make."""

    def begin() -> Callable[..., Any]:
        check = _check_of(function)
        plain = check.call if _is_one_function(check.call) else _next
        body = _next_with_axes if check.shaped else plain
        with_axes = {"__function": function, "__axes": _axes, "__config": jaxtyping.config} if check.shaped else {}
        waiting.__kwdefaults__ |= {"__check": check.call, **with_axes, **(body.__kwdefaults__ or {})}
        waiting.__code__ = body.__code__
        return waiting

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
        return _at_first_call(target)
    return JAXTYPED(target, typechecker=typechecker)


jaxtyping.jaxtyped = checked  # type: ignore[assignment]
