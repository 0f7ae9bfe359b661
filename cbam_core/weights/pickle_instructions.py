"""What each instruction of a pickle does to the machine that runs it; no function of the file is ever called."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from cbam_core.weights.pickle_machine import MARK, Machine
from cbam_core.weights.pickled_objects import Unread, named, storage
from cbam_core.weights.stored import DamagedError, StoredTensor

LONGEST_INTEGER = 255
"""Largest number of bytes of a whole number."""

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


Instruction = Callable[[Machine], None]
INSTRUCTIONS: dict[int, Instruction] = {}
"""What each instruction does, by its code; missing are those that `torch.save` never writes."""


def _on(*codes: bytes) -> Callable[[Instruction], Instruction]:
    """Register the decorated function for instructions."""

    def add(function: Instruction) -> Instruction:
        INSTRUCTIONS.update((code[0], function) for code in codes)
        return function

    return add


@_on(pickle.PROTO)
def _protocol(machine: Machine) -> None:
    machine.take(1)


@_on(pickle.FRAME)
def _frame(machine: Machine) -> None:
    machine.take(8)


@_on(pickle.NONE)
def _none(machine: Machine) -> None:
    machine.stack.append(None)


@_on(pickle.NEWTRUE)
def _true(machine: Machine) -> None:
    machine.stack.append(True)


@_on(pickle.NEWFALSE)
def _false(machine: Machine) -> None:
    machine.stack.append(False)


def _fixed(code: bytes, layout: str) -> None:
    size = struct.calcsize(layout)

    @_on(code)
    def push(machine: Machine) -> None:
        machine.stack.append(struct.unpack(layout, machine.take(size))[0])


def _sized(code: bytes, layout: str, as_value: Callable[[bytes], Any]) -> None:
    @_on(code)
    def push(machine: Machine) -> None:
        machine.stack.append(as_value(machine.take(machine.number(layout))))


for _code, _layout in _NUMBERS.items():
    _fixed(_code, _layout)
for _code, _layout in _BYTES.items():
    _sized(_code, _layout, bytes)
for _code, _layout in _TEXTS.items():
    _sized(_code, _layout, lambda taken: taken.decode("utf-8", errors="surrogatepass"))


@_on(pickle.LONG1, pickle.LONG4)
def _long(machine: Machine) -> None:
    length = machine.number("<B" if machine.program[machine.at - 1] == pickle.LONG1[0] else "<i")
    taken = machine.take(length)
    long = len(taken) > LONGEST_INTEGER
    machine.stack.append(Unread("int") if long else int.from_bytes(taken, "little", signed=True))


@_on(pickle.INT, pickle.LONG, pickle.FLOAT)
def _written_number(machine: Machine) -> None:
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
def _written_text(machine: Machine) -> None:
    machine.stack.append(machine.line("raw_unicode_escape").strip("'\""))


@_on(pickle.BINPUT, pickle.LONG_BINPUT)
def _put(machine: Machine) -> None:
    short = machine.program[machine.at - 1] == pickle.BINPUT[0]
    machine.memo[machine.number("<B" if short else "<I")] = machine.stack[-1]


@_on(pickle.PUT)
def _written_put(machine: Machine) -> None:
    machine.memo[int(machine.line())] = machine.stack[-1]


@_on(pickle.MEMOIZE)
def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


@_on(pickle.BINGET, pickle.LONG_BINGET)
def _get(machine: Machine) -> None:
    short = machine.program[machine.at - 1] == pickle.BINGET[0]
    machine.stack.append(machine.memo[machine.number("<B" if short else "<I")])


@_on(pickle.GET)
def _written_get(machine: Machine) -> None:
    machine.stack.append(machine.memo[int(machine.line())])


@_on(pickle.MARK)
def _mark(machine: Machine) -> None:
    machine.stack.append(MARK)


@_on(pickle.POP)
def _pop(machine: Machine) -> None:
    machine.stack.pop()


@_on(pickle.POP_MARK)
def _pop_mark(machine: Machine) -> None:
    machine.since_mark()


@_on(pickle.DUP)
def _duplicate(machine: Machine) -> None:
    machine.stack.append(machine.stack[-1])


@_on(pickle.EMPTY_TUPLE)
def _empty_tuple(machine: Machine) -> None:
    machine.stack.append(())


@_on(pickle.EMPTY_LIST)
def _empty_list(machine: Machine) -> None:
    machine.push([])


@_on(pickle.EMPTY_DICT)
def _empty_dict(machine: Machine) -> None:
    machine.push({})


@_on(pickle.EMPTY_SET)
def _empty_set(machine: Machine) -> None:
    machine.push(Unread("builtins.set"))


@_on(pickle.FROZENSET)
def _frozen_set(machine: Machine) -> None:
    machine.push(Unread("builtins.frozenset", (machine.since_mark(),)))


@_on(pickle.TUPLE1)
def _tuple_of_one(machine: Machine) -> None:
    machine.push(tuple(machine.last(1)))


@_on(pickle.TUPLE2)
def _tuple_of_two(machine: Machine) -> None:
    machine.push(tuple(machine.last(2)))


@_on(pickle.TUPLE3)
def _tuple_of_three(machine: Machine) -> None:
    machine.push(tuple(machine.last(3)))


@_on(pickle.TUPLE)
def _tuple(machine: Machine) -> None:
    machine.push(tuple(machine.since_mark()))


@_on(pickle.LIST)
def _list(machine: Machine) -> None:
    machine.push(machine.since_mark())


@_on(pickle.DICT)
def _dict(machine: Machine) -> None:
    items = machine.since_mark()
    machine.push({})
    machine.fill(items)


@_on(pickle.APPEND)
def _append(machine: Machine) -> None:
    machine.extend(machine.last(1))


@_on(pickle.APPENDS, pickle.ADDITEMS)
def _appends(machine: Machine) -> None:
    machine.extend(machine.since_mark())


@_on(pickle.SETITEM)
def _set_item(machine: Machine) -> None:
    machine.fill(machine.last(2))


@_on(pickle.SETITEMS)
def _set_items(machine: Machine) -> None:
    machine.fill(machine.since_mark())


@_on(pickle.GLOBAL)
def _global(machine: Machine) -> None:
    machine.stack.append(named(machine.line(), machine.line()))


@_on(pickle.STACK_GLOBAL)
def _stack_global(machine: Machine) -> None:
    module, name = machine.last(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise DamagedError("the list of tensors calls something that is not a function")
    machine.stack.append(named(module, name))


@_on(pickle.REDUCE, pickle.NEWOBJ)
def _reduce(machine: Machine) -> None:
    function, arguments = machine.last(2)
    machine.call(function, arguments)


@_on(pickle.NEWOBJ_EX)
def _new_object(machine: Machine) -> None:
    function, arguments, _ = machine.last(3)
    machine.call(function, arguments)


@_on(pickle.INST)
def _instance(machine: Machine) -> None:
    function = named(machine.line(), machine.line())
    machine.call(function, tuple(machine.since_mark()))


@_on(pickle.OBJ)
def _object(machine: Machine) -> None:
    function, *arguments = machine.since_mark() or [None]
    machine.call(function, tuple(arguments))


@_on(pickle.BINPERSID)
def _persistent(machine: Machine) -> None:
    reference = machine.stack.pop()
    if isinstance(reference, tuple) and reference[:1] == ("module",) and len(reference) > 1:
        machine.stack.append(reference[1])  # a class, with its source, as it was stored before 1.6
        return
    found = storage(reference, machine.contents)
    machine.storages.append(found)
    machine.push(found)


@_on(pickle.BUILD)
def _build(machine: Machine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Unread):
        target.state = state
    elif type(target) not in (dict, StoredTensor):  # theirs are attributes, such as versions of modules
        raise DamagedError("the list of tensors fills something that is no dict")
