"""The pickle inside a file that `torch.save` wrote, read as a description and never run.

A pickle is a program. `torch.load(weights_only=True)` runs it and allows only a few functions, but some of these
allocate as much as the file asks for (``bytearray``, ``torch.Tensor``). Here an interpreter builds plain dicts, lists
and numbers; a tensor becomes a `StoredTensor`, whose size is checked against the bytes in the file, and any other
object an `Unread`, which only says what it was to be made from. No function that the file names is ever called.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbam_core.weights.pickled_objects import Content, Name, Storage, Unread, called, named, storage
from cbam_core.weights.stored import MAX_TENSORS, DamagedError, LimitError, StoredTensor

LONGEST_NAME = 1000

MAX_INSTRUCTIONS = 4_000_000
"""Largest number of instructions; a list of a million numbers needs as many."""

MAX_CONTAINERS = 500_000
"""Largest number of dicts, lists, tuples and objects; each takes up to 200 bytes of memory."""

LONGEST_INTEGER = 255
"""Largest number of bytes of a whole number."""

_MARK = object()

_NUMBERS = {
    pickle.BININT: "<i",
    pickle.BININT1: "<B",
    pickle.BININT2: "<H",
    pickle.BINFLOAT: ">d",
}
_BYTES = {
    pickle.SHORT_BINSTRING: "<B",
    pickle.BINSTRING: "<i",
    pickle.SHORT_BINBYTES: "<B",
    pickle.BINBYTES: "<I",
    pickle.BINBYTES8: "<Q",
    pickle.BYTEARRAY8: "<Q",
}
_TEXTS = {pickle.SHORT_BINUNICODE: "<B", pickle.BINUNICODE: "<I", pickle.BINUNICODE8: "<Q"}


@dataclass(frozen=True)
class Reading:
    """What a pickle describes.

    Attributes:
        value: dicts, lists, tuples, numbers, texts, `StoredTensor` and `Unread`.
        end: number of its bytes.
        storages: every storage that a tensor refers to.
    """

    value: Any
    end: int
    storages: tuple[Storage, ...]


def read_pickle(program: bytes, contents: Mapping[str, Content], start: int = 0) -> Reading:
    """Read what a pickle of tensors describes.

    Args:
        program: bytes that hold the pickle.
        contents: storages by key.
        start: first byte of the pickle.

    Raises:
        CheckpointError: the pickle would run commands.
        DamagedError: it is not a pickle, or a tensor extends beyond its storage.
        LimitError: it is longer than any list of tensors needs to be.
    """
    machine = _Machine(program, contents, start)
    try:
        value = machine.run()
    except (IndexError, KeyError, ValueError, struct.error) as error:
        if isinstance(error, DamagedError | LimitError):
            raise
        raise DamagedError("the list of tensors is cut off or garbled") from error
    return Reading(value, machine.at, tuple(machine.storages))


def read_state_pickle(program: bytes, contents: Mapping[str, Content]) -> Any:
    """Return the value that `read_pickle` reads."""
    return read_pickle(program, contents).value


Instruction = Callable[["_Machine"], None]
INSTRUCTIONS: dict[int, Instruction] = {}
"""What each instruction does, by its code; missing are those that `torch.save` never writes."""


def _on(*codes: bytes) -> Callable[[Instruction], Instruction]:
    """Register the decorated function for instructions."""

    def add(function: Instruction) -> Instruction:
        INSTRUCTIONS.update((code[0], function) for code in codes)
        return function

    return add


@dataclass
class _Machine:
    program: bytes
    contents: Mapping[str, Content]
    at: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: list[Storage] = field(default_factory=list)
    containers: int = 0
    tensors: int = 0

    def run(self) -> Any:
        for _ in range(MAX_INSTRUCTIONS):
            code = self.program[self.at]
            self.at += 1
            if code == pickle.STOP[0]:
                return self.stack.pop()
            instruction = INSTRUCTIONS.get(code)
            if instruction is None:
                raise DamagedError(f"torch.save does not write instruction {code} for a list of tensors")
            instruction(self)
        raise LimitError("instructions", most=MAX_INSTRUCTIONS)

    def take(self, count: int) -> bytes:
        end = self.at + count
        if not self.at <= end <= len(self.program):
            raise DamagedError("the list of tensors is cut off")
        taken, self.at = self.program[self.at : end], end
        return taken

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self, encoding: str = "utf-8") -> str:
        end = self.program.find(b"\n", self.at, self.at + LONGEST_NAME)
        if end < 0:
            raise DamagedError("the list of tensors holds a name without an end")
        return self.take(end + 1 - self.at)[:-1].decode(encoding)

    def push(self, container: Any) -> None:
        """Push a new container, whose number is limited because each is larger than its instruction."""
        self.containers += 1
        if self.containers > MAX_CONTAINERS:
            raise LimitError("objects", most=MAX_CONTAINERS)
        self.stack.append(container)

    def last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def since_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise IndexError
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Unread):
            target.items.extend(items)
        elif type(target) is list:
            target.extend(items)
        else:
            raise DamagedError("the list of tensors fills something that is no list")

    def fill(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise IndexError
        target = self.stack[-1]
        record = target.entries if isinstance(target, Unread) else target
        if type(record) is not dict:
            raise DamagedError("the list of tensors fills something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            record[as_key(key)] = value

    def call(self, function: object, arguments: object) -> None:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            if isinstance(function, Unread):  # a method of an object that was not made
                self.push(Unread(function.name, (function,)))
                return
            raise DamagedError("the list of tensors calls something that is not a function")
        made = called(function.name, arguments)
        if isinstance(made, StoredTensor):
            self.tensors += 1
            if self.tensors > MAX_TENSORS:
                raise LimitError("tensors", most=MAX_TENSORS)
        self.push(made)


class OddKey:
    """A key that is neither text nor a plain number; told apart by identity, for hashing it could take forever."""

    def __str__(self) -> str:
        return "(?)"


def as_key(key: object) -> Any:
    """Return what stands for a key of a dict: short to hash, whatever the file holds."""
    if _is_short(key):
        return key
    if type(key) is bytes:  # a text of Python 2
        return key.decode("utf-8", errors="replace")
    if type(key) is tuple and len(key) <= 4 and all(map(_is_short, key)):
        return "({})".format(", ".join(str(part)[:40] for part in key))
    return OddKey()


def _is_short(key: object) -> bool:
    return type(key) in (str, bool) or (type(key) is int and abs(key) < 1 << 60)


@_on(pickle.PROTO)
def _protocol(machine: _Machine) -> None:
    machine.take(1)


@_on(pickle.FRAME)
def _frame(machine: _Machine) -> None:
    machine.take(8)


@_on(pickle.NONE)
def _none(machine: _Machine) -> None:
    machine.stack.append(None)


@_on(pickle.NEWTRUE)
def _true(machine: _Machine) -> None:
    machine.stack.append(True)


@_on(pickle.NEWFALSE)
def _false(machine: _Machine) -> None:
    machine.stack.append(False)


def _fixed(code: bytes, layout: str) -> None:
    size = struct.calcsize(layout)

    @_on(code)
    def push(machine: _Machine) -> None:
        machine.stack.append(struct.unpack(layout, machine.take(size))[0])


def _sized(code: bytes, layout: str, as_value: Callable[[bytes], Any]) -> None:
    @_on(code)
    def push(machine: _Machine) -> None:
        machine.stack.append(as_value(machine.take(machine.number(layout))))


for _code, _layout in _NUMBERS.items():
    _fixed(_code, _layout)
for _code, _layout in _BYTES.items():
    _sized(_code, _layout, bytes)
for _code, _layout in _TEXTS.items():
    _sized(_code, _layout, lambda taken: taken.decode("utf-8", errors="surrogatepass"))


@_on(pickle.LONG1, pickle.LONG4)
def _long(machine: _Machine) -> None:
    length = machine.number("<B" if machine.program[machine.at - 1] == pickle.LONG1[0] else "<i")
    taken = machine.take(length)
    long = len(taken) > LONGEST_INTEGER
    machine.stack.append(Unread("int") if long else int.from_bytes(taken, "little", signed=True))


@_on(pickle.INT, pickle.LONG, pickle.FLOAT)
def _written_number(machine: _Machine) -> None:
    kind = machine.program[machine.at - 1]
    text = machine.line()
    if kind == pickle.FLOAT[0]:
        machine.stack.append(float(text))
    elif text in ("00", "01") and kind == pickle.INT[0]:
        machine.stack.append(text == "01")
    elif len(text) > LONGEST_INTEGER:
        machine.stack.append(Unread("int"))
    else:
        machine.stack.append(int(text.removesuffix("L")))


@_on(pickle.UNICODE, pickle.STRING)
def _written_text(machine: _Machine) -> None:
    machine.stack.append(machine.line("raw_unicode_escape").strip("'\""))


@_on(pickle.BINPUT, pickle.LONG_BINPUT)
def _put(machine: _Machine) -> None:
    short = machine.program[machine.at - 1] == pickle.BINPUT[0]
    machine.memo[machine.number("<B" if short else "<I")] = machine.stack[-1]


@_on(pickle.PUT)
def _written_put(machine: _Machine) -> None:
    machine.memo[int(machine.line())] = machine.stack[-1]


@_on(pickle.MEMOIZE)
def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


@_on(pickle.BINGET, pickle.LONG_BINGET)
def _get(machine: _Machine) -> None:
    short = machine.program[machine.at - 1] == pickle.BINGET[0]
    machine.stack.append(machine.memo[machine.number("<B" if short else "<I")])


@_on(pickle.GET)
def _written_get(machine: _Machine) -> None:
    machine.stack.append(machine.memo[int(machine.line())])


@_on(pickle.MARK)
def _mark(machine: _Machine) -> None:
    machine.stack.append(_MARK)


@_on(pickle.POP)
def _pop(machine: _Machine) -> None:
    machine.stack.pop()


@_on(pickle.POP_MARK)
def _pop_mark(machine: _Machine) -> None:
    machine.since_mark()


@_on(pickle.DUP)
def _duplicate(machine: _Machine) -> None:
    machine.stack.append(machine.stack[-1])


@_on(pickle.EMPTY_TUPLE)
def _empty_tuple(machine: _Machine) -> None:
    machine.stack.append(())


@_on(pickle.EMPTY_LIST)
def _empty_list(machine: _Machine) -> None:
    machine.push([])


@_on(pickle.EMPTY_DICT)
def _empty_dict(machine: _Machine) -> None:
    machine.push({})


@_on(pickle.EMPTY_SET)
def _empty_set(machine: _Machine) -> None:
    machine.push(Unread("builtins.set"))


@_on(pickle.FROZENSET)
def _frozen_set(machine: _Machine) -> None:
    machine.push(Unread("builtins.frozenset", (machine.since_mark(),)))


@_on(pickle.TUPLE1)
def _tuple_of_one(machine: _Machine) -> None:
    machine.push(tuple(machine.last(1)))


@_on(pickle.TUPLE2)
def _tuple_of_two(machine: _Machine) -> None:
    machine.push(tuple(machine.last(2)))


@_on(pickle.TUPLE3)
def _tuple_of_three(machine: _Machine) -> None:
    machine.push(tuple(machine.last(3)))


@_on(pickle.TUPLE)
def _tuple(machine: _Machine) -> None:
    machine.push(tuple(machine.since_mark()))


@_on(pickle.LIST)
def _list(machine: _Machine) -> None:
    machine.push(machine.since_mark())


@_on(pickle.DICT)
def _dict(machine: _Machine) -> None:
    items = machine.since_mark()
    machine.push({})
    machine.fill(items)


@_on(pickle.APPEND)
def _append(machine: _Machine) -> None:
    machine.extend(machine.last(1))


@_on(pickle.APPENDS, pickle.ADDITEMS)
def _appends(machine: _Machine) -> None:
    machine.extend(machine.since_mark())


@_on(pickle.SETITEM)
def _set_item(machine: _Machine) -> None:
    machine.fill(machine.last(2))


@_on(pickle.SETITEMS)
def _set_items(machine: _Machine) -> None:
    machine.fill(machine.since_mark())


@_on(pickle.GLOBAL)
def _global(machine: _Machine) -> None:
    machine.stack.append(named(machine.line(), machine.line()))


@_on(pickle.STACK_GLOBAL)
def _stack_global(machine: _Machine) -> None:
    module, name = machine.last(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise DamagedError("the list of tensors calls something that is not a function")
    machine.stack.append(named(module, name))


@_on(pickle.REDUCE, pickle.NEWOBJ)
def _reduce(machine: _Machine) -> None:
    function, arguments = machine.last(2)
    machine.call(function, arguments)


@_on(pickle.NEWOBJ_EX)
def _new_object(machine: _Machine) -> None:
    function, arguments, _ = machine.last(3)
    machine.call(function, arguments)


@_on(pickle.INST)
def _instance(machine: _Machine) -> None:
    function = named(machine.line(), machine.line())
    machine.call(function, tuple(machine.since_mark()))


@_on(pickle.OBJ)
def _object(machine: _Machine) -> None:
    function, *arguments = machine.since_mark() or [None]
    machine.call(function, tuple(arguments))


@_on(pickle.BINPERSID)
def _persistent(machine: _Machine) -> None:
    reference = machine.stack.pop()
    if isinstance(reference, tuple) and reference[:1] == ("module",) and len(reference) > 1:
        machine.stack.append(reference[1])  # a class, with its source, as it was stored before 1.6
        return
    found = storage(reference, machine.contents)
    machine.storages.append(found)
    machine.push(found)


@_on(pickle.BUILD)
def _build(machine: _Machine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Unread):
        target.state = state
    elif type(target) not in (dict, StoredTensor):  # theirs are attributes, such as versions of modules
        raise DamagedError("the list of tensors fills something that is no dict")
