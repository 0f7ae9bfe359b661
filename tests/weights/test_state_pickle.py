import argparse
import collections
import datetime
import decimal
import pathlib
import pickle
import uuid

import numpy as np
import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights import pickle_machine
from cbam_core.weights.pickled_objects import Content, Unread
from cbam_core.weights.state_pickle import read_state_pickle
from cbam_core.weights.stored import DamagedError, LimitError, StoredTensor
from tests.corpus import pickles


class Touch:
    """Leaves a mark when it is unpickled."""

    called = False

    def __reduce__(self) -> tuple[object, ...]:
        return touch, ()


def touch() -> None:
    Touch.called = True


@pytest.mark.parametrize(
    "value", [None, True, 0, 255, 65_535, -1, 2**31, -(2**40), 1.5, "ü", (), (1,), (1, 2, 3, 4), [1, "a"], {}]
)
def test_plain_values_come_back_as_pickle_reads_them(value: object) -> None:
    nested = {"a": value, "b": [value, (value, value)], 3: {"c": [value]}}
    assert read_state_pickle(pickle.dumps(nested, protocol=2), {}) == nested


def test_tensor_is_described_not_loaded() -> None:
    def read() -> memoryview:
        raise AssertionError("read too early")

    claim = pickles.tensor((2, 3), (1, 2), elements=7, offset=1)
    tensor = read_state_pickle(pickles.program(claim), {"0": Content(28, read)})
    assert isinstance(tensor, StoredTensor)
    assert (tensor.shape, tensor.dtype) == ((2, 3), torch.float32)


def test_tensor_has_its_own_bytes_only() -> None:
    storage = torch.arange(7.0)
    content = Content(28, lambda: memoryview(storage.numpy().tobytes()))
    tensor = read_state_pickle(pickles.program(pickles.tensor((2, 3), (1, 2), elements=7, offset=1)), {"0": content})
    assert torch.equal(tensor.load(), storage.as_strided((2, 3), (1, 2), 1))
    assert tensor.load().untyped_storage().nbytes() == 24


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_runs(protocol: int) -> None:
    program = pickle.dumps({"a": Touch(), "b": 3}, protocol=protocol)
    found = read_state_pickle(program, {})
    assert not Touch.called
    assert isinstance(found["a"], Unread)
    assert found["a"].name.endswith("test_state_pickle.touch")
    assert found["b"] == 3
    pickle.loads(program)
    assert Touch.called, "the program would have run"
    Touch.called = False


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_the_same(protocol: int) -> None:
    value = {"n": [1, -300, 2**70, 1.5, True, False, None], "t": ("ü", (), (1,), {"x": [[]]}), 7: "seven"}
    assert read_state_pickle(pickle.dumps(value, protocol=protocol), {}) == value


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "value",
    [
        collections.Counter("abca"),
        {1, 2},
        frozenset("a"),
        3 + 4j,
        argparse.Namespace(lr=0.1),
        pathlib.PurePosixPath("a/b"),
        np.float64(2.5),
        np.arange(3),
        datetime.date(2026, 1, 2),
        decimal.Decimal("1.5"),
        slice(1, 2),
        range(3),
        bytearray(b"ab"),
        uuid.UUID(int=3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_that_need_code_are_left_out_and_the_rest_is_read(value: object, protocol: int) -> None:
    found = read_state_pickle(pickle.dumps({"odd": value, "after": [value, "x"]}, protocol=protocol), {})
    assert found.keys() == {"odd", "after"}
    assert found["after"][1] == "x"


def test_keys_that_are_neither_text_nor_number_are_kept_apart() -> None:
    deep = ((((1,),),),)
    found = read_state_pickle(pickle.dumps({deep: 1, (1, "a"): 2, 2.5: 3, b"old": 4, "new": 5}, protocol=2), {})
    assert found["(1, a)"] == 2
    assert sorted(found.values()) == [1, 2, 3, 4, 5]


def test_unknown_instruction_is_refused() -> None:
    with pytest.raises(DamagedError, match="does not write instruction"):
        read_state_pickle(pickle.EXT1 + b"\x01" + pickle.STOP, {})


def test_commands_are_refused_by_name() -> None:
    for module, name in (("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("os.path", "join")):
        with pytest.raises(CheckpointError, match=f"{module}.{name}"):
            read_state_pickle(pickles.program(pickles.named(module, name)), {})


def test_limits_are_named_as_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_machine, "MAX_INSTRUCTIONS", 100)
    monkeypatch.setattr(pickle_machine, "MAX_CONTAINERS", 10)
    with pytest.raises(LimitError, match="more than 100 instructions"):
        read_state_pickle(pickle.NONE * 101, {})
    with pytest.raises(LimitError, match="more than 10 objects"):
        read_state_pickle(pickle.EMPTY_LIST * 11, {})
    assert read_state_pickle(pickle.EMPTY_LIST * 10 + pickle.STOP, {}) == []


@pytest.mark.parametrize("function", ["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"])
def test_every_way_to_write_a_tensor_is_read(function: str) -> None:
    kind = "FloatStorage" if function != "_rebuild_tensor_v3" else "storage\nUntypedStorage"
    module, _, name = f"torch\n{kind}".rpartition("\n")
    reference = pickles.sequence(
        pickles.text("storage"),
        pickles.named(module.replace("\n", "."), name),
        pickles.text("0"),
        pickles.text("cpu"),
        pickles.number(12 if function.endswith("v3") else 3),
    )
    rest = [pickle.NEWFALSE, pickle.EMPTY_DICT, pickles.named("torch", "float32")]
    arguments = [pickles.number(1), pickles.numbers((2,)), pickles.numbers((1,)), *rest]
    count = {"_rebuild_tensor": 3, "_rebuild_tensor_v2": 5, "_rebuild_tensor_v3": 6}[function]
    claim = pickles.call(pickles.named("torch._utils", function), reference + pickle.BINPERSID, *arguments[:count])
    numbers = np.array([1, 2, 3], "<f4").tobytes()
    tensor = read_state_pickle(pickles.program(claim), {"0": Content(12, lambda: memoryview(numbers))})
    assert tensor.load().tolist() == [2, 3]
