"""A machine that runs the instructions of a pickle on plain values: stack, memo, and what is pushed on it.

What each instruction does is said in `cbam_core.weights.pickle_instructions`.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbam_core.weights.numpy_values import numpy_values
from cbam_core.weights.pickled_objects import Content, Name, Storage, Unread, called
from cbam_core.weights.stored import MAX_TENSORS, DamagedError, LimitError, StoredTensor

LONGEST_NAME = 1000

MAX_INSTRUCTIONS = 4_000_000
"""Largest number of instructions; a list of a million numbers needs as many."""

MAX_CONTAINERS = 500_000
"""Largest number of dicts, lists, tuples and objects; each takes up to 200 bytes of memory."""

MARK = object()


@dataclass
class Machine:
    """A machine of plain values that runs the instructions of a pickle.

    Attributes:
        program: bytes that hold the pickle.
        contents: storages by key.
        at: place of the next byte.
        stack: values, the newest last.
        memo: values that instructions refer to, by number.
        storages: every storage that was named.
        containers: number of dicts, lists, tuples and objects so far.
        tensors: number of tensors so far.
    """

    program: bytes
    contents: Mapping[str, Content]
    at: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: list[Storage] = field(default_factory=list)
    containers: int = 0
    tensors: int = 0

    def run(self, instructions: Mapping[int, Callable[[Machine], None]]) -> Any:
        """Run instructions until the last one, and return the value that is left.

        Args:
            instructions: what each one does, by its code.

        Raises:
            DamagedError: an instruction is not among them.
            LimitError: there are too many.
        """
        for _ in range(MAX_INSTRUCTIONS):
            code = self.program[self.at]
            self.at += 1
            if code == pickle.STOP[0]:
                return self.stack.pop()
            instruction = instructions.get(code)
            if instruction is None:
                raise DamagedError(f"torch.save does not write instruction {code} for a list of tensors")
            instruction(self)
        raise LimitError("instructions", most=MAX_INSTRUCTIONS)

    def take(self, count: int) -> bytes:
        """Take the next bytes of the program."""
        end = self.at + count
        if not self.at <= end <= len(self.program):
            raise DamagedError("the list of tensors is cut off")
        taken, self.at = self.program[self.at : end], end
        return taken

    def number(self, layout: str) -> Any:
        """Take a number, as `struct` lays it out."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self, encoding: str = "utf-8") -> str:
        """Take a text that ends with its line."""
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
        """Take the newest values from the stack."""
        if len(self.stack) < count:
            raise IndexError
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def since_mark(self) -> list[Any]:
        """Take the values since the newest mark from the stack."""
        start = len(self.stack) - 1
        while self.stack[start] is not MARK:
            start -= 1
            if start < 0:
                raise IndexError
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def extend(self, items: list[Any]) -> None:
        """Append values to the list on the stack."""
        target = self.stack[-1]
        if isinstance(target, Unread):
            target.items.extend(items)
        elif type(target) is list:
            target.extend(items)
        else:
            raise DamagedError("the list of tensors fills something that is no list")

    def fill(self, items: list[Any]) -> None:
        """Put keys and values, by turns, into the dict on the stack."""
        if len(items) % 2:
            raise IndexError
        target = self.stack[-1]
        record = target.entries if isinstance(target, Unread) else target
        if type(record) is not dict:
            raise DamagedError("the list of tensors fills something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            record[as_key(key)] = value

    def call(self, function: object, arguments: object) -> None:
        """Push what stands for the result of a call."""
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
    scalar = numpy_values(key, 1) if isinstance(key, Unread) else None
    return scalar[0] if scalar and _is_short(scalar[0]) else OddKey()


def _is_short(key: object) -> bool:
    return type(key) in (str, bool) or (type(key) is int and abs(key) < 1 << 60)
