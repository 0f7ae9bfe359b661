import os
import time
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cbam_core.errors import CheckpointError
from cbam_core.nn.registry import expected_tensors
from cbam_core.weights import MAX_FILE_BYTES, file, open_weights
from tests.corpus import checkpoints, pickles

EXPECTED = expected_tensors("CBAM_CNN", {})


def loaded(content: bytes) -> dict[str, torch.Tensor]:
    return open_weights(content).load("CBAM_CNN", EXPECTED)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) and first[name].dtype == second[name].dtype for name in first
    )


def test_both_formats_give_the_saved_tensors() -> None:
    state = dict(checkpoints.network().state_dict())
    assert same(loaded(checkpoints.saved(state)), state)
    assert same(loaded(safetensors.torch.save(state)), state)


def test_the_library_reads_the_same_from_safetensors() -> None:
    content = safetensors.torch.save(dict(checkpoints.network().state_dict()))
    assert same(loaded(content), safetensors.torch.load(content))


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(checkpoints.saved(checkpoints.network().state_dict()))
    assert same(open_weights(path).load("CBAM_CNN", EXPECTED), dict(checkpoints.network().state_dict()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(dtype: torch.dtype) -> None:
    state = {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in checkpoints.network().state_dict().items()
    }
    expected = {name: value.to(EXPECTED[name].dtype) for name, value in state.items()}
    assert same(loaded(checkpoints.saved(state)), expected)
    assert same(loaded(safetensors.torch.save(state)), expected)


def test_strided_tensors_come_out_contiguous() -> None:
    state = dict(checkpoints.network().to(memory_format=torch.channels_last).state_dict())
    assert not state["conv2.weight"].is_contiguous()
    result = loaded(checkpoints.saved(state))
    assert same(result, dict(checkpoints.network().state_dict()))
    assert all(tensor.is_contiguous() for tensor in result.values())


def test_tensors_that_share_a_storage_come_out_apart() -> None:
    store = torch.arange(20.0)
    state = checkpoints.with_tensor("fc2.bias", store[5:15]) | {"bn1.bias": store[:1].expand(32)}
    result = loaded(checkpoints.saved(state))
    assert result["fc2.bias"].tolist() == list(range(5, 15))
    assert result["bn1.bias"].tolist() == [0.0] * 32
    result["bn1.bias"][0] = 7
    assert result["bn1.bias"][1] == 0


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_state_dict_inside_a_training_checkpoint(key: str) -> None:
    model = checkpoints.network()
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 3, 32, 32)).sum().backward()
    optimiser.step()
    model.zero_grad()
    checkpoint = {
        "epoch": 3,
        "best": 0.5,
        "big": 2**40,
        "name": "ü",
        "raw": b"ab",
        "device": torch.device("cpu"),
        "type": torch.float32,
        "size": torch.Size([1, 2]),
        "optimiser": optimiser.state_dict(),
        "history": [{"loss": 1.5, "done": True, "none": None}],
        key: model.state_dict(),
    }
    assert same(loaded(checkpoints.saved(checkpoint)), dict(model.state_dict()))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefixes_of_wrappers_are_taken_off(prefix: str) -> None:
    state = checkpoints.network().state_dict()
    wrapped = OrderedDict((prefix + name, value) for name, value in state.items())
    assert same(loaded(checkpoints.saved(wrapped)), dict(state))


def test_parameters_are_read_as_tensors() -> None:
    assert same(
        loaded(checkpoints.saved(checkpoints.network().state_dict(keep_vars=True))),
        dict(checkpoints.network().state_dict()),
    )


def test_at_most_three_names_are_listed() -> None:
    state = {name: value for name, value in checkpoints.network().state_dict().items() if "bn" not in name}
    with pytest.raises(CheckpointError) as caught:
        loaded(checkpoints.saved(state))
    assert str(caught.value) == (
        "the file lacks 15 of the 34 tensors that CBAM_CNN needs: bn1.weight, bn1.bias, bn1.running_mean, ..."
    )


def test_names_from_the_file_are_shown_short_and_printable() -> None:
    with pytest.raises(CheckpointError) as caught:
        loaded(checkpoints.saved(checkpoints.with_tensor("fc\x1b[31m" + "b" * 10_000, torch.zeros(1))))
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def test_wrong_shape_names_tensor_expected_and_given() -> None:
    with pytest.raises(CheckpointError, match=r"conv1.weight .*\(32, 3, 3, 3\); the file's has \(32, 1, 3, 3\)"):
        loaded(checkpoints.saved(checkpoints.with_tensor("conv1.weight", torch.zeros(32, 1, 3, 3))))


def test_many_numbers_described_by_few_are_refused_before_allocating() -> None:
    """A stride of 0 repeats one number: the tensor is in bounds, and terabytes large."""
    claim = pickles.tensor((10**6, 10**6), (0, 0), elements=1)
    names = dict.fromkeys(EXPECTED, claim)
    content = pickles.archive(pickles.program(pickles.record(names)), {"0": bytes(4)})
    with pytest.raises(CheckpointError) as caught:
        loaded(content)
    assert caught.value.code == "checkpoint.shape"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no checkpoint at .*nothing.pth") as caught:
        open_weights(tmp_path / "nothing.pth")
    assert caught.value.code == "checkpoint.missing"


def test_folder_and_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(CheckpointError) as caught:
            open_weights(path)
        assert caught.value.code == "checkpoint.not-a-file"


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_impossible_path_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        open_weights(Path(name))
    assert caught.value.code == "checkpoint.unreadable"


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.pth"
    with path.open("wb") as handle:
        handle.truncate(MAX_FILE_BYTES + 1)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=f"up to {MAX_FILE_BYTES}") as caught:
        open_weights(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert caught.value.code == "checkpoint.too-large"


def test_large_upload_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_FILE_BYTES", 10)
    with pytest.raises(CheckpointError) as caught:
        open_weights(bytes(11))
    assert caught.value.code == "checkpoint.too-large"


def test_one_flipped_byte_never_escapes_as_another_error() -> None:
    """Whatever a damaged file holds, the answer is its weights or a CheckpointError."""
    small = pickles.archive(
        pickles.program(pickles.record({"a": pickles.tensor((2,), (1,), elements=2)})), {"0": bytes(8)}
    )
    header = safetensors.torch.save({"a": torch.zeros(2)}, metadata={"k": "v"})
    for content in (small, header):
        for position in range(len(content)):
            for value in (0, 0xFF):
                damaged = content[:position] + bytes([value]) + content[position + 1 :]
                try:
                    found = open_weights(damaged)
                    for tensor in found.tensors.values():
                        assert tensor.load().shape == tensor.shape
                except (CheckpointError, file.DamagedError):
                    continue


def test_a_name_of_many_prefixes_costs_no_time() -> None:
    data = checkpoints.saved(OrderedDict({"module." * 100_000 + "x": torch.zeros(1)}))
    started = time.process_time()
    with pytest.raises(CheckpointError):
        loaded(data)
    assert time.process_time() - started < 2
