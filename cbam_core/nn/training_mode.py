"""Is a network ready to be shown images, or does a part of it compute as in training?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import chain
from types import CodeType, FunctionType

from torch import nn

from cbam_core.errors import ModelError

_WITH_MODES = (
    nn.modules.batchnorm._NormBase,
    nn.modules.dropout._DropoutNd,
    nn.FractionalMaxPool2d,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RReLU,
)
"""Modules of torch that compute otherwise in training mode."""


def check_mode(model: nn.Module) -> None:
    """Check that no part of a network computes as in training.

    A part that was put into the network after `eval()` is in training mode, and does no harm if it has no modes.

    Raises:
        ModelError: the network is in training mode, or a part of it that computes otherwise then.
    """
    if model.training:
        raise ModelError(
            "model.in-training",
            "the network is in training mode, in which dropout and batch statistics change its output: "
            "call model.eval() first",
        )
    named = (name for name, module in model.named_modules() if module.training and _differs_in_training(module))
    if name := next(named, None):
        raise ModelError(
            "model.in-training",
            "the module {name} of the network is in training mode, in which dropout and batch statistics change its "
            "output: call model.eval() first",
            name=name,
        )


def _differs_in_training(module: nn.Module) -> bool:
    """Check that a module can compute otherwise in training mode: those of others do if their code names it."""
    return isinstance(module, _WITH_MODES) or _names_mode(type(module))


def _names_mode(kind: type[nn.Module]) -> bool:
    """Check that a class of somebody else, or one that it is made of, reads ``training`` of its modules."""
    own = (each for each in kind.__mro__ if issubclass(each, nn.Module) and not _is_of_torch(each))
    return any(_names(code, "training") for each in own for value in vars(each).values() for code in _codes_of(value))


def _is_of_torch(kind: type[nn.Module]) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def _codes_of(value: object) -> Iterator[CodeType]:
    """Yield the code of what a class holds: of functions, also of those that a decorator or a property keeps."""
    if isinstance(value, property):
        yield from chain.from_iterable(map(_codes_of, (value.fget, value.fset)))
    function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
    if isinstance(function, FunctionType):
        yield function.__code__


def _names(code: CodeType, name: str) -> bool:
    """Check that code, or code inside of it, reads an attribute of a name."""
    inside = (const for const in code.co_consts if isinstance(const, CodeType))
    return name in code.co_names or name in code.co_consts or any(_names(each, name) for each in inside)
