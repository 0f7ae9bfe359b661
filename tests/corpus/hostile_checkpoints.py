"""Checkpoints that must be refused, of every kind that we know."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from tests.corpus.checkpoints import described, description, network, safetensors_file, saved, with_tensor
from tests.corpus.pickles import (
    archive,
    call,
    named,
    number,
    old_format,
    program,
    record,
    shared_arguments,
    shared_modules,
    tensor,
    text,
)


@dataclass(frozen=True)
class Hostile:
    """A file that must be refused.

    Attributes:
        name: what is wrong with it.
        content: its bytes.
        code: of the error that says so.
    """

    name: str
    content: bytes
    code: str


@cache
def hostile_checkpoints() -> tuple[Hostile, ...]:
    """Every kind of file that must be refused; the largest has 5 MB."""
    return tuple(file for kind in KINDS for file in kind())


def _no_checkpoints() -> Iterator[Hostile]:
    yield Hostile("empty", b"", "checkpoint.unknown-format")
    yield Hostile("text", b"hello world, this is no checkpoint", "checkpoint.unknown-format")
    yield Hostile("picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "checkpoint.unknown-format")
    yield Hostile("bare pickle", pickle.dumps({"a": 1}), "checkpoint.bare-pickle")
    legacy = saved({"a": torch.zeros(2)}, _use_new_zipfile_serialization=False)
    yield Hostile("old format: cut off", legacy[:-4], "checkpoint.damaged")
    longer = legacy[:-16] + struct.pack("<q", 1 << 40) + legacy[-8:]
    yield Hostile("old format: claims terabytes", longer, "checkpoint.damaged")
    yield Hostile("old format: another network", legacy, "checkpoint.unknown-network")
    beyond = {"a": tensor((10**6,), (1,), elements=2)}
    yield Hostile("old format: beyond its storage", old_format(program(record(beyond))), "checkpoint.damaged")
    fewer = {"a": tensor((3,), (1,), elements=3)}
    yield Hostile("old format: fewer numbers than claimed", old_format(program(record(fewer))), "checkpoint.damaged")


def _hostile_safetensors() -> Iterator[Hostile]:
    damaged = "checkpoint.damaged"
    good = described(description())
    one = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    yield Hostile("header cut off", good[:200], damaged)
    yield Hostile("body cut off", good[:-1], damaged)
    yield Hostile("bytes after the end", good + b"\0", damaged)
    yield Hostile("endless header", safetensors_file(one, bytes(8), length=1 << 62), damaged)
    yield Hostile("header over 2 MiB", safetensors_file(b"{" + b" " * (2 << 20) + b"}"), "checkpoint.limit")
    yield Hostile("no JSON", safetensors_file(b"{" * 64), damaged)
    yield Hostile("nested JSON", safetensors_file(b'{"a":' + b"[" * 500_000), damaged)
    yield Hostile("huge number", safetensors_file(b'{"a":' + b"9" * 10_000 + b"}"), damaged)
    yield Hostile("same name twice", safetensors_file(b'{"a":1,"a":1}'), damaged)
    entries: dict[str, Any] = {
        "terabytes": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]},
        "shape beside its bytes": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 8]},
        "negative side": {"dtype": "F32", "shape": [-2, -1], "data_offsets": [0, 8]},
        "true as a side": {"dtype": "F32", "shape": [2, True], "data_offsets": [0, 8]},
        "fraction as a side": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]},
        "backwards": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        "unknown type": {"dtype": "F4", "shape": [2], "data_offsets": [0, 8]},
        "list as a type": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]},
        "no type": {"shape": [2], "data_offsets": [0, 8]},
        "no object": 3,
        "many sides": {"dtype": "F32", "shape": [1] * 50 + [2], "data_offsets": [0, 8]},
    }
    for name, entry in entries.items():
        yield Hostile(name, safetensors_file({"a": entry}, bytes(8)), damaged)
    yield Hostile("overlap", safetensors_file(one | {"b": one["a"]}, bytes(8)), damaged)
    gap = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}
    yield Hostile("gap", safetensors_file(gap, bytes(8)), damaged)
    yield Hostile("metadata no texts", safetensors_file({"__metadata__": {"a": 1}, **one}, bytes(8)), damaged)
    many = {f"t{index}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for index in range(20_000)}
    yield Hostile("many tensors", safetensors_file(many), "checkpoint.limit")
    yield Hostile("foreign names", safetensors_file(one, bytes(8)), "checkpoint.unknown-network")


def _hostile_descriptions() -> Iterator[Hostile]:
    wrong = "checkpoint.description"
    nan, infinity = float("nan"), float("inf")
    cases: dict[str, tuple[Any, str]] = {
        "no JSON": ("{", "checkpoint.description-json"),
        "nested": ("[" * 100_000, "checkpoint.description-json"),
        "a list": ("[]", wrong),
        "no version": (description(version=None), wrong),
        "newer": (description(version=2), "checkpoint.newer-format"),
        "text as version": (description(version="1"), wrong),
        "unknown network": (description(architecture="Nobody"), "model.unknown-architecture"),
        "number as network": (description(architecture=3), wrong),
        "unknown argument": (description(arguments={"depth": 3}), "model.unknown-argument"),
        "no classes": (description(arguments={"num_classes": 0}), "model.argument-range"),
        "billions of classes": (description(arguments={"num_classes": 10**12}), "model.argument-range"),
        "true as class count": (description(arguments={"num_classes": True}), "model.argument-range"),
        "other class count": (description(arguments={"num_classes": 11}), "checkpoint.class-count"),
        "eleven names": (description(classes=["a"] * 11), "checkpoint.class-count"),
        "names as text": (description(classes="abcdefghij"), wrong),
        "numbers as names": (description(classes=list(range(10))), wrong),
        "empty name": (description(classes=[""] * 10), "checkpoint.class-name"),
        "long name": (description(classes=["a" * 101] * 10), "checkpoint.class-name"),
        "very long name": (description(classes=["a" * 5000] * 10), wrong),
        "name with line break": (description(classes=["a\nb"] * 10), "checkpoint.class-name"),
        "NaN mean": (description(mean=[nan, 0.5, 0.5]), wrong),
        "mean beyond 1": (description(mean=[123.0, 117.0, 104.0]), "checkpoint.mean"),
        "two means": (description(mean=[0.5, 0.5]), wrong),
        "zero deviation": (description(std=[0.2, 0.0, 0.2]), "checkpoint.std"),
        "tiny deviation": (description(std=[0.2, 1e-320, 0.2]), "checkpoint.std"),
        "infinite deviation": (description(std=[0.2, infinity, 0.2]), wrong),
        "text as deviation": (description(std=["0.2", 0.2, 0.2]), wrong),
        "huge input": (description(input_size=[10**9, 10**9]), "checkpoint.input-size"),
        "three sides": (description(input_size=[32, 32, 3]), wrong),
        "fraction as side": (description(input_size=[32.0, 32]), wrong),
        "card a list": (description(card=[]), wrong),
        "long card": (description(card={"what": "a" * 3000}), wrong),
        "more right than tested": (description(card={"test_correct": 2, "test_count": 1}), wrong),
        "negative epochs": (description(card={"epochs": -1}), wrong),
        "object in recipe": (description(card={"recipe": {"a": {}}}), wrong),
        "NaN in history": (description(card={"history": [{"loss": nan}]}), wrong),
        "template as assumption": (description(card={"assumptions": ["{0.__class__}"]}), wrong),
    }
    for name, (value, code) in cases.items():
        yield Hostile(f"description: {name}", described(value, {"a": torch.zeros(1)}), code)


def _hostile_pickles() -> Iterator[Hostile]:
    damaged, foreign = "checkpoint.damaged", "checkpoint.pickled-objects"
    functions = {
        "runs a command": call(named("os", "system"), text("touch /tmp/owned")),
        "evaluates": call(named("builtins", "eval"), text("1")),
        "allocates bytes": call(named("builtins", "bytearray"), number(10**12)),
        "allocates a tensor": call(named("torch", "Tensor"), number(10**12)),
        "allocates a storage": call(named("torch.storage", "UntypedStorage"), number(10**12)),
        "sparse": call(named("torch._utils", "_rebuild_sparse_tensor")),
        "counter": call(named("collections", "Counter")),
        "old storage class": call(named("torch.cuda", "FloatStorage")),
    }
    for name, value in functions.items():
        yield Hostile(f"pickle: {name}", archive(program(record({"a": value})), {}), foreign)
    beside = record({"state_dict": record({"a": tensor((2,), (1,), elements=2)}), "x": functions["runs a command"]})
    yield Hostile("pickle: runs a command beside weights", archive(program(beside), {"0": bytes(8)}), foreign)
    yield Hostile("NumPy number beside weights", saved({"best": np.float64(1)}), foreign)

    claims = {
        "terabytes": tensor((10**6, 10**6), (10**6, 1), elements=10**12),
        "more than its storage": tensor((3,), (1,), elements=2),
        "storage larger than its entry": tensor((3,), (1,), elements=3),
        "offset beyond": tensor((2,), (1,), elements=2, offset=1),
        "negative offset": tensor((1,), (1,), elements=2, offset=-1),
        "strides beyond": tensor((2,), (5,), elements=2),
        "negative stride": tensor((2,), (-1,), elements=2, offset=1),
        "huge stride": tensor((1,), (1 << 100,), elements=2),
        "fewer strides": tensor((1, 2), (1,), elements=2),
        "negative elements": tensor((1,), (1,), elements=-2),
        "no such storage": tensor((2,), (1,), elements=2, key="7"),
        "dots as key": tensor((2,), (1,), elements=2, key="../data.pkl"),
        "complex": tensor((1,), (1,), elements=1, kind="ComplexFloatStorage"),
    }
    for name, value in claims.items():
        code = foreign if name == "complex" else damaged
        yield Hostile(f"pickle: {name}", archive(program(record({"a": value})), {"0": bytes(8)}), code)
    repeated = {"fc2.weight": tensor((10**6, 10**6), (0, 0), elements=2)}
    content = archive(program(record(repeated)), {"0": bytes(8)})
    yield Hostile("pickle: one number repeated", content, "checkpoint.unknown-network")

    laughs = pickle.EMPTY_TUPLE + b"".join(
        pickle.BINPUT + bytes([1]) + pickle.BINGET + bytes([1]) + pickle.TUPLE2 for _ in range(200)
    )
    entry = pickle.EMPTY_DICT + laughs + pickle.NONE + pickle.SETITEM
    programs = {
        "key of nested tuples": entry,
        "memory far away": pickle.NONE + pickle.LONG_BINPUT + b"\xff\xff\xff\xff",
        "unknown memory": pickle.BINGET + b"\x05",
        "endless text": pickle.BINUNICODE + b"\xff\xff\xff\x7f",
        "huge byte array": b"\x96" + struct.pack("<Q", 1 << 40),
        "new object": named("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.NEWOBJ,
        "empty stack": pickle.REDUCE,
        "no mark": pickle.TUPLE,
        "calls a text": text("a") + pickle.EMPTY_TUPLE + pickle.REDUCE,
        "odd items": pickle.EMPTY_DICT + pickle.MARK + text("a") + pickle.SETITEMS,
        "appends to a text": text("a") + pickle.NONE + pickle.APPEND,
        "name without end": pickle.GLOBAL + b"a" * 5000,
        "no UTF-8": pickle.GLOBAL + b"\xff\xff\nx\n",
    }
    codes = dict.fromkeys(("memory far away", "key of nested tuples", "new object"), "checkpoint.no-state-dict")
    for name, value in programs.items():
        yield Hostile(f"pickle: {name}", archive(program(value), {}), codes.get(name, damaged))
    yield Hostile("pickle: one list for many objects", archive(program(shared_arguments(20_000)), {}), foreign)
    yield Hostile("pickle: modules within modules", archive(program(shared_modules(40)), {}), "checkpoint.limit")
    yield Hostile("pickle: empty", archive(b"", {}), damaged)
    for name, item in {"a list": [1], "a number": 3, "empty": {}, "no tensors": {"a": 1}}.items():
        yield Hostile(f"pickle: {name}", saved(item), "checkpoint.no-state-dict")


def _hostile_archives() -> Iterator[Hostile]:
    damaged = "checkpoint.damaged"
    good = saved(network().state_dict())
    bomb = archive(program(record({})), {"0": bytes(1 << 24)}, compression=zipfile.ZIP_DEFLATED)
    yield Hostile("archive: compressed", bomb, "checkpoint.compressed")
    yield Hostile("archive: cut off", good[: len(good) // 2], damaged)
    flipped = bytearray(good)
    flipped[2_000_000] ^= 1
    yield Hostile("archive: one bit wrong", bytes(flipped), damaged)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for index in range(17_000):
            file.writestr(f"archive/data/{index}", b"")
    yield Hostile("archive: many entries", buffer.getvalue(), "checkpoint.limit")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("readme.txt", b"hello")
    yield Hostile("archive: other ZIP", buffer.getvalue(), "checkpoint.no-state-dict")
    liar = archive(program(record({})), {"0": bytes(64)})
    start = liar.rindex(b"PK\x01\x02")
    claimed = bytearray(liar)
    claimed[start + 20 : start + 28] = struct.pack("<II", 1 << 31, 1 << 31)
    yield Hostile("archive: claims gigabytes", bytes(claimed), damaged)
    yield Hostile("archive: long pickle", archive(bytes((1 << 20) + 1), {}), damaged)


def _wrong_tensors() -> Iterator[Hostile]:
    nan = torch.full((10,), torch.nan)
    infinite = torch.full((10,), torch.inf)
    cases: dict[str, tuple[dict[str, Tensor], str]] = {
        "missing": (with_tensor("fc1.bias", None), "checkpoint.missing-tensors"),
        "unexpected": (with_tensor("fc9.bias", nan), "checkpoint.unexpected-tensors"),
        "renamed": (
            {name.replace("fc1", "dense1"): value for name, value in network().state_dict().items()},
            "checkpoint.other-names",
        ),
        "wrong shape": (with_tensor("conv1.weight", torch.zeros(32, 4, 3, 3)), "checkpoint.shape"),
        "flat": (with_tensor("fc2.weight", torch.zeros(5120)), "checkpoint.shape"),
        "no classes": (with_tensor("fc2.weight", torch.zeros(0, 512)), "model.argument-range"),
        "complex numbers": (with_tensor("fc2.bias", torch.zeros(10, dtype=torch.complex64)), "complex"),
        "NaN": (with_tensor("fc2.bias", nan), "checkpoint.not-finite"),
        "infinity": (with_tensor("fc2.bias", infinite), "checkpoint.not-finite"),
        "beyond float32": (
            with_tensor("fc2.bias", torch.full((10,), 1e300, dtype=torch.float64)),
            "checkpoint.not-finite",
        ),
        "negative variance": (
            with_tensor("bn1.running_var", torch.full((32,), -1.0)),
            "checkpoint.negative-variance",
        ),
    }
    for name, (state, code) in cases.items():
        if "fc1.weight" in state:  # nine tenths of the file
            state["fc1.weight"] = torch.zeros(1, dtype=torch.float16).expand(512, 2048)
        # torch.save writes complex numbers in a storage that is left out.
        lacks = "checkpoint.missing-tensors" if code == "complex" else code
        code = "checkpoint.type" if code == "complex" else code
        yield Hostile(f"pth: {name}", saved(state), lacks)
        dense = {key: value.contiguous() for key, value in state.items()}
        yield Hostile(f"safetensors: {name}", safetensors.torch.save(dense), code)


KINDS = (
    _no_checkpoints,
    _hostile_safetensors,
    _hostile_descriptions,
    _hostile_pickles,
    _hostile_archives,
    _wrong_tensors,
)
