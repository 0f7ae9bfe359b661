import pickle

import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights.state_pickle import Content, read_state_pickle
from cbam_core.weights.stored import DamagedError, StoredTensor
from tests import corpus_checkpoints as corpus


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

    claim = corpus.tensor((2, 3), (1, 2), elements=7, offset=1)
    tensor = read_state_pickle(corpus.program(claim), {"0": Content(28, read)})
    assert isinstance(tensor, StoredTensor)
    assert (tensor.shape, tensor.dtype) == ((2, 3), torch.float32)


def test_tensor_has_its_own_bytes_only() -> None:
    storage = torch.arange(7.0)
    content = Content(28, lambda: memoryview(storage.numpy().tobytes()))
    tensor = read_state_pickle(corpus.program(corpus.tensor((2, 3), (1, 2), elements=7, offset=1)), {"0": content})
    assert torch.equal(tensor.load(), storage.as_strided((2, 3), (1, 2), 1))
    assert tensor.load().untyped_storage().nbytes() == 24


def test_no_code_runs() -> None:
    program = pickle.dumps({"a": Touch()}, protocol=2)
    with pytest.raises(CheckpointError, match=r"pickled Python objects \(.*touch\)"):
        read_state_pickle(program, {})
    assert not Touch.called
    pickle.loads(program)
    assert Touch.called, "the program would have run"


def test_unknown_instruction_is_refused() -> None:
    with pytest.raises(DamagedError, match="does not write instruction"):
        read_state_pickle(pickle.dumps({1, 2}, protocol=4), {})
