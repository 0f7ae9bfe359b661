"""What the names in a pickle stand for: tensors and their storages, plain containers, and objects that are not made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights.stored import (
    BYTES,
    MAX_DIMENSIONS,
    RARE_BYTES,
    DamagedError,
    StoredTensor,
    checked_sides,
    extent,
    strided,
)

STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
"""Number types of storages, by the name of the storage's class."""

UNTYPED = "torch.storage.UntypedStorage"

SIZES = {**BYTES, **RARE_BYTES}
DTYPES = {str(dtype): dtype for dtype in SIZES}

COMMANDS = {
    "__builtin__": {"eval", "exec", "execfile", "compile", "__import__", "open", "file", "input"},
    "builtins": {"eval", "exec", "compile", "__import__", "open", "input", "breakpoint"},
    "commands": set(),
    "importlib": set(),
    "nt": set(),
    "os": set(),
    "posix": set(),
    "pty": set(),
    "runpy": set(),
    "shutil": set(),
    "socket": set(),
    "subprocess": set(),
    "sys": set(),
    "webbrowser": set(),
}
"""Functions that only an attack names, by module; an empty set stands for all of the module's."""


@dataclass(frozen=True)
class Content:
    """Bytes of one storage in the file.

    Attributes:
        size: number of bytes.
        read: function that returns them.
        swapped: whether its numbers were written by a big-endian machine.
    """

    size: int
    read: Callable[[], memoryview]
    swapped: bool = False


@dataclass(frozen=True)
class Name:
    """Name of a function or class in the pickle."""

    name: str


@dataclass(frozen=True)
class Storage:
    """A range of bytes that tensors lie in.

    Attributes:
        key: name of the storage in the file.
        dtype: type of its numbers; None if each tensor names its own, or if it is none that weights have.
        size: number of bytes.
        content: the bytes of the file.
        start: position in them, in bytes.
    """

    key: str
    dtype: torch.dtype | None
    size: int
    content: Content
    start: int = 0


@dataclass(eq=False)
class Unread:
    """An object that could only be made by running code, and so was not.

    Attributes:
        name: name of its class or function.
        arguments: what the function would be called with.
        state: attributes of the object, mostly a dict.
        entries: what would be set by key.
        items: what would be appended.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)


def named(module: str, name: str) -> Name:
    """Return the name of a function or class.

    Raises:
        CheckpointError: it runs commands.
    """
    whole = f"{module}.{name}"
    refused = COMMANDS.get(module.partition(".")[0])
    if refused is not None and (not refused or name.partition(".")[0] in refused):
        raise pickled_objects(whole)
    return Name(whole)


def pickled_objects(name: str) -> CheckpointError:
    """Make the error for a file of objects that only code could make."""
    return CheckpointError(
        "checkpoint.pickled-objects",
        "this file holds pickled Python objects ({name}), which could run code and are never loaded: save only the "
        "weights, with torch.save(model.state_dict(), path)",
        name=name[:80] if name.isprintable() else repr(name[:80]),
    )


def called(function: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a call makes, without calling anything.

    Raises:
        DamagedError: a tensor is described wrongly.
    """
    maker = MAKERS.get(function)
    if maker is None:
        return Unread(function, arguments)
    try:
        return maker(arguments)
    except (IndexError, TypeError) as error:
        raise DamagedError("the list of tensors calls a function wrongly") from error


def storage(reference: object, contents: Mapping[str, Content]) -> Storage:
    """Return the storage that a tensor refers to.

    Raises:
        DamagedError: there is no such storage, or it is shorter than the tensor claims.
    """
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] not in ("storage", b"storage"):
        raise DamagedError("a tensor refers to no storage")
    _, kind, key, _, elements, *view = reference
    key = key.decode("ascii", errors="replace") if isinstance(key, bytes) else key
    if not isinstance(kind, Name) or type(key) is not str or type(elements) is not int:
        raise DamagedError("a tensor refers to no storage")
    untyped = kind.name in (UNTYPED, "torch.UntypedStorage")
    dtype = STORAGES.get(kind.name.removeprefix("torch.").removeprefix("cuda."))
    size = elements * (BYTES[dtype] if dtype else 1)
    content = contents[key]
    if not 0 <= size <= content.size:
        raise DamagedError("a tensor claims more numbers than the file holds")
    whole = Storage(key, dtype, size, content)
    if dtype is None and not untyped:
        return Storage(key, None, -1, content)
    return _view(whole, view[0]) if view and view[0] is not None else whole


def _view(whole: Storage, view: object) -> Storage:
    """Return a part of a storage, which files from before version 1.6 name."""
    size = BYTES[whole.dtype] if whole.dtype else 1
    if not isinstance(view, tuple) or len(view) != 3 or any(type(number) is not int for number in view[1:]):
        raise DamagedError("a tensor refers to no storage")
    _, start, length = view
    if start < 0 or length < 0 or (start + length) * size > whole.size:
        raise DamagedError("a tensor claims more numbers than the file holds")
    return Storage(whole.key, whole.dtype, length * size, whole.content, start * size)


def _tensor(arguments: tuple[Any, ...]) -> StoredTensor | Unread:
    found, offset, sides, steps = arguments[:4]
    if not isinstance(found, Storage):
        raise DamagedError("a tensor is described wrongly")
    typed = next((DTYPES.get(item.name) for item in arguments[6:7] if isinstance(item, Name)), found.dtype)
    shape, strides = checked_sides(sides), checked_sides(steps)
    if type(offset) is not int or len(shape) != len(strides):
        raise DamagedError("a tensor is described wrongly")
    if typed is None:  # complex or quantised numbers
        return Unread("torch.Tensor")
    size = SIZES[typed]
    length = extent(shape, strides)
    start, end = offset * size, (offset + length) * size
    if offset < 0 or end > found.size:
        raise DamagedError("a tensor reaches beyond its storage")
    first, content = found.start, found.content
    return strided(lambda: content.read()[first + start : first + end], typed, shape, strides, content.swapped)


def _first(arguments: tuple[Any, ...]) -> Any:
    """Return the tensor that a parameter or a tensor with attributes is made from."""
    if isinstance(arguments[0], StoredTensor):
        return arguments[0]
    return Unread("torch.nn.parameter.Parameter", arguments)


def _from_type(arguments: tuple[Any, ...]) -> Any:
    """Return the tensor inside a tensor of another class or with attributes of its own."""
    function, _, inner = arguments[:3]
    if not isinstance(function, Name) or not isinstance(inner, tuple):
        raise DamagedError("a tensor is described wrongly")
    return _tensor(inner) if MAKERS.get(function.name) is _tensor else Unread("torch.Tensor", arguments)


def _dict(arguments: tuple[Any, ...]) -> Any:
    """Return an empty dict, which instructions fill; one that is made from something else stays as it is described."""
    return Unread("collections.OrderedDict", arguments) if arguments else {}


def _size(arguments: tuple[Any, ...]) -> Any:
    sides = arguments[0] if arguments else ()
    if isinstance(sides, tuple | list) and len(sides) <= MAX_DIMENSIONS:
        return tuple(sides)
    return Unread("torch.Size", arguments)


MAKERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda arguments: _dict(arguments[1:]),
    "torch.Size": _size,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch.nn.parameter.Buffer": _first,
    "torch.nn.parameter.Parameter": _first,
}
"""Functions whose result is known without calling them, by name."""
