"""The pickle inside a ``.pth`` file, read as a description and never run.

A pickle is a program. `torch.load(weights_only=True)` runs it and allows only a few functions, but some of these
allocate as much as the file asks for (``bytearray``, ``torch.Tensor``). Here an interpreter of only those instructions
that `torch.save` writes for a state dict builds plain dicts, lists and numbers. A tensor becomes a `StoredTensor`,
whose size is checked against the bytes in the file. No function that the file names is ever called.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights.stored import BYTES, MAX_TENSORS, DamagedError, StoredTensor, checked_sides, extent, strided

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

IGNORED = {"torch.device", "torch.Size", "_codecs.encode"} | {str(dtype) for dtype in BYTES}
"""Harmless functions and types beside the weights in training checkpoints; their results are left out."""


ORDERED = "collections.OrderedDict"
TENSOR = "torch._utils._rebuild_tensor_v2"
PARAMETER = "torch._utils._rebuild_parameter"
LONGEST_NAME = 1000


@dataclass(frozen=True)
class Content:
    """Bytes of one storage in the archive.

    Attributes:
        size: number of bytes.
        read: function that returns them.
    """

    size: int
    read: Callable[[], memoryview]


@dataclass(frozen=True)
class _Name:
    """Name of a function or class in the pickle."""

    name: str


@dataclass(frozen=True)
class _Storage:
    dtype: torch.dtype
    elements: int
    content: Content


_MARK = object()
_LEFT_OUT = object()
_CONSTANTS: dict[int, Any] = {pickle.NONE[0]: None, pickle.NEWTRUE[0]: True, pickle.NEWFALSE[0]: False}
_NUMBERS = {
    pickle.BININT[0]: "<i",
    pickle.BININT1[0]: "<B",
    pickle.BININT2[0]: "<H",
    pickle.BINFLOAT[0]: ">d",
}
_PUTS = {pickle.BINPUT[0]: "<B", pickle.LONG_BINPUT[0]: "<I"}
_GETS = {pickle.BINGET[0]: "<B", pickle.LONG_BINGET[0]: "<I"}
_TUPLES = {pickle.TUPLE1[0]: 1, pickle.TUPLE2[0]: 2, pickle.TUPLE3[0]: 3}


def read_state_pickle(program: bytes, contents: Mapping[str, Content]) -> Any:
    """Read what a pickle of tensors describes.

    Args:
        program: the pickle.
        contents: storages of the archive by key.

    Returns:
        Dicts, lists, tuples, numbers, texts and `StoredTensor`.

    Raises:
        CheckpointError: the pickle names anything other than tensors and plain containers.
        DamagedError: it is not such a pickle, or a tensor extends beyond its storage.
    """
    try:
        return _Machine(program, contents).run()
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise DamagedError("the list of tensors is cut off or garbled") from error


@dataclass
class _Machine:
    program: bytes
    contents: Mapping[str, Content]
    at: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    tensors: int = 0

    def run(self) -> Any:
        while True:
            code = self.take(1)[0]
            if code == pickle.STOP[0]:
                return self.stack.pop()
            if not (self.plain(code) or self.container(code) or self.special(code)):
                raise DamagedError(f"torch.save does not write instruction {code} for a list of tensors")

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.program):
            raise DamagedError("the list of tensors is cut off")
        taken, self.at = self.program[self.at : end], end
        return taken

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        end = self.program.find(b"\n", self.at, self.at + LONGEST_NAME)
        if end < 0:
            raise DamagedError("the list of tensors holds a name without an end")
        return self.take(end + 1 - self.at)[:-1].decode("utf-8")

    def last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def plain(self, code: int) -> bool:
        """Run an instruction for numbers, texts, or values that were read before; return False for others."""
        if code in _CONSTANTS:
            self.stack.append(_CONSTANTS[code])
        elif code in _NUMBERS:
            self.stack.append(self.number(_NUMBERS[code]))
        elif code == pickle.LONG1[0]:
            self.stack.append(int.from_bytes(self.take(self.take(1)[0]), "little", signed=True))
        elif code == pickle.BINUNICODE[0]:
            self.stack.append(self.take(self.number("<I")).decode("utf-8"))
        elif code in _PUTS:
            self.memo[self.number(_PUTS[code])] = self.stack[-1]
        elif code in _GETS:
            self.stack.append(self.memo[self.number(_GETS[code])])
        elif code == pickle.PROTO[0]:
            self.take(1)
        else:
            return False
        return True

    def container(self, code: int) -> bool:
        """Run an instruction for tuples, lists or dicts; return False for others."""
        if code == pickle.MARK[0]:
            self.stack.append(_MARK)
        elif code == pickle.EMPTY_TUPLE[0]:
            self.stack.append(())
        elif code == pickle.EMPTY_LIST[0]:
            self.stack.append([])
        elif code == pickle.EMPTY_DICT[0]:
            self.stack.append({})
        elif code in _TUPLES:
            self.stack.append(tuple(self.last(_TUPLES[code])))
        elif code == pickle.TUPLE[0]:
            self.stack.append(tuple(self.since_mark()))
        elif code in (pickle.APPEND[0], pickle.APPENDS[0]):
            items = self.last(1) if code == pickle.APPEND[0] else self.since_mark()
            self.top(list).extend(items)
        elif code in (pickle.SETITEM[0], pickle.SETITEMS[0]):
            self.fill(self.last(2) if code == pickle.SETITEM[0] else self.since_mark())
        else:
            return False
        return True

    def special(self, code: int) -> bool:
        """Run an instruction for names, calls, or references to storages; return False for others."""
        if code == pickle.GLOBAL[0]:
            self.stack.append(_known(f"{self.line()}.{self.line()}"))
        elif code == pickle.REDUCE[0]:
            arguments = self.stack.pop()
            self.stack.append(self.call(self.stack.pop(), arguments))
        elif code == pickle.BINPERSID[0]:
            self.stack.append(self.storage(self.stack.pop()))
        elif code == pickle.BUILD[0]:
            self.stack.pop()  # attributes of a state dict, such as versions of its modules
            self.top(dict)
        else:
            return False
        return True

    def since_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise IndexError
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def top(self, kind: type[Any]) -> Any:
        if type(self.stack[-1]) is not kind:
            raise DamagedError(f"the list of tensors fills something that is no {kind.__name__}")
        return self.stack[-1]

    def fill(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise IndexError
        record = self.top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):  # hashing nested tuples can take forever
                raise DamagedError("the list of tensors has an entry whose name is not text")
            record[key] = value

    def call(self, function: object, arguments: object) -> Any:
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise DamagedError("the list of tensors calls something that is not a function")
        name = function.name
        if name == ORDERED and not arguments:
            return {}
        if name == TENSOR and len(arguments) >= 6:
            return self.tensor(*arguments[:4])
        if name == PARAMETER and isinstance(arguments[0], StoredTensor):
            return arguments[0]
        if name in IGNORED:
            return _LEFT_OUT
        raise DamagedError("the list of tensors calls a function wrongly")

    def storage(self, reference: object) -> _Storage:
        if not isinstance(reference, tuple) or len(reference) != 5 or reference[0] != "storage":
            raise DamagedError("a tensor refers to no storage")
        _, kind, key, _, elements = reference
        if not isinstance(kind, _Name) or type(key) is not str or type(elements) is not int:
            raise DamagedError("a tensor refers to no storage")
        dtype = STORAGES.get(kind.name.removeprefix("torch."))
        if dtype is None:
            raise DamagedError("a tensor has a type that weights do not have")
        content = self.contents[key]
        if not 0 <= elements * BYTES[dtype] <= content.size:
            raise DamagedError("a tensor claims more numbers than the file holds")
        return _Storage(dtype, elements, content)

    def tensor(self, storage: object, offset: object, sides: object, steps: object) -> StoredTensor:
        self.tensors += 1
        if self.tensors > MAX_TENSORS:
            raise DamagedError("there are too many tensors")
        shape, strides = checked_sides(sides), checked_sides(steps)
        if not isinstance(storage, _Storage) or type(offset) is not int or len(shape) != len(strides):
            raise DamagedError("a tensor is described wrongly")
        length = extent(shape, strides)
        if offset < 0 or offset + length > storage.elements:
            raise DamagedError("a tensor reaches beyond its storage")
        size = BYTES[storage.dtype]
        start, end = offset * size, (offset + length) * size
        return strided(lambda: storage.content.read()[start:end], storage.dtype, shape, strides)


def _known(name: str) -> _Name:
    storage = name.startswith("torch.") and name.removeprefix("torch.") in STORAGES
    if storage or name in {ORDERED, TENSOR, PARAMETER} or name in IGNORED:
        return _Name(name)
    raise CheckpointError(
        "checkpoint.pickled-objects",
        "this file holds pickled Python objects ({name}), which could run code and are never loaded: save only the "
        "weights, with torch.save(model.state_dict(), path)",
        name=name[:80] if name.isprintable() else repr(name[:80]),
    )
