"""An assembler for pickles, and the ``.pth`` files that hold them.

Each function of the assembler returns the instructions that leave one value on the stack.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import Any


def archive(program: bytes, storages: Mapping[str, bytes], **options: Any) -> bytes:
    """A ``.pth`` file with that pickle and those storages."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file:
        file.writestr("archive/data.pkl", program)
        file.writestr("archive/byteorder", b"little")
        for key, content in storages.items():
            file.writestr(f"archive/data/{key}", content)
    return buffer.getvalue()


def old_format(program: bytes, keys: tuple[str, ...] = ("0",), content: bytes = bytes(8)) -> bytes:
    """A file as PyTorch before version 1.6 wrote it, with that pickle; every storage has the same numbers."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    start = b"".join(pickle.dumps(value, protocol=2) for value in (0x1950A86A20F9469CFC6C, 1001, system))
    ends = b"".join(struct.pack("<q", len(content) // 4) + content for _ in keys)
    return start + program + pickle.dumps([*keys], protocol=2) + ends


def text(value: str) -> bytes:
    encoded = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return pickle.LONG1 + bytes([len(encoded)]) + encoded


def sequence(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def numbers(values: tuple[int, ...]) -> bytes:
    return sequence(*map(number, values))


def named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + sequence(*arguments) + pickle.REDUCE


def record(items: Mapping[str, bytes]) -> bytes:
    pairs = b"".join(text(key) + value for key, value in items.items())
    return pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS


def program(value: bytes) -> bytes:
    return pickle.PROTO + b"\x02" + value + pickle.STOP


def tensor(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    elements: int,
    offset: int = 0,
    key: str = "0",
    kind: str = "FloatStorage",
) -> bytes:
    """A tensor as a pickle claims it."""
    reference = sequence(text("storage"), named("torch", kind), text(key), text("cpu"), number(elements))
    ordered = call(named("collections", "OrderedDict"))
    return call(
        named("torch._utils", "_rebuild_tensor_v2"),
        reference + pickle.BINPERSID,
        number(offset),
        numbers(shape),
        numbers(strides),
        pickle.NEWFALSE,
        ordered,
    )


def shared_arguments(count: int) -> bytes:
    """Many objects that are made from one list of as many pairs, each of which could be gone through again."""
    pairs = pickle.EMPTY_LIST + pickle.MARK + (text("a") + pickle.NONE + pickle.TUPLE2) * count + pickle.APPENDS
    once = pairs + pickle.TUPLE1 + pickle.BINPUT + b"\1" + named("collections", "OrderedDict") + pickle.BINPUT + b"\2"
    made = (pickle.BINGET + b"\2" + pickle.BINGET + b"\1" + pickle.REDUCE) * count
    return pickle.EMPTY_LIST + pickle.MARK + once + made + pickle.APPENDS


def shared_modules(depth: int) -> bytes:
    """A module that holds one module twice, which holds one module twice, and so on."""
    empty = pickle.EMPTY_DICT
    module = call(named("x", "Module")) + record({"_parameters": empty, "_buffers": empty, "_modules": empty})
    body = module + pickle.BUILD
    for _ in range(depth):
        inner = record({"a": pickle.BINGET + b"\1", "b": pickle.BINGET + b"\1"})
        parts = record({"_parameters": empty, "_buffers": empty, "_modules": inner})
        body += pickle.BINPUT + b"\1" + pickle.POP + call(named("x", "Module")) + parts + pickle.BUILD
    return body
