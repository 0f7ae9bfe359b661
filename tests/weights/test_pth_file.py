import io
import pickle
import struct
import zipfile

import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights.pth_file import looks_like_pickle, looks_like_pth, read_old_pth, read_pth
from cbam_core.weights.stored import DamagedError
from tests.corpus import checkpoints, pickles


def rewritten(content: bytes, replacements: dict[str, bytes]) -> bytes:
    """The archive with some entries replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        entries = {name: old.read(name) for name in old.namelist()} | replacements
        for name, data in entries.items():
            new.writestr(name, data)
    return buffer.getvalue()


GOOD = checkpoints.saved({"a": torch.arange(3.0)})


def test_formats_are_told_apart() -> None:
    assert looks_like_pth(GOOD)
    assert not looks_like_pth(checkpoints.saved({}, _use_new_zipfile_serialization=False))
    assert looks_like_pickle(checkpoints.saved({}, _use_new_zipfile_serialization=False))


def test_folder_in_the_archive_may_have_any_name() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("archive/", "my model/"), old.read(name))
    assert read_pth(buffer.getvalue())["a"].load().tolist() == [0, 1, 2]


def test_big_endian_numbers_are_turned_round() -> None:
    swapped = torch.arange(3.0).numpy().astype(">f4").tobytes()
    content = rewritten(GOOD, {"archive/byteorder": b"big", "archive/data/0": swapped})
    assert read_pth(content)["a"].load().tolist() == [0, 1, 2]


def test_two_pickles_are_refused() -> None:
    with pytest.raises(CheckpointError) as caught:
        read_pth(rewritten(GOOD, {"other/data.pkl": pickles.program(pickles.record({}))}))
    assert caught.value.code == "checkpoint.no-state-dict"


def test_two_entries_of_one_name_are_refused() -> None:
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("archive/data/0", bytes(12))
    with pytest.raises(DamagedError, match="two entries"):
        read_pth(buffer.getvalue())


def test_directory_at_an_impossible_place_is_damage() -> None:
    content = bytearray(GOOD)
    content[content.rindex(b"PK\x06\x06") + 55] = 0x93  # highest byte of the 64-bit offset
    with pytest.raises(DamagedError, match="ZIP archive"):
        read_pth(bytes(content))


def test_state_dict_that_shares_its_wrapper_with_other_things_is_found() -> None:
    found = read_pth(checkpoints.saved({"other": {"x": 1}, "state_dict": {"w": torch.ones(2)}}))
    assert found["state_dict"]["w"].load().tolist() == [1, 1]
    assert found["other"] == {"x": 1}


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.arange(6.0)[2:5],
        torch.arange(4),
        torch.tensor(2.5, dtype=torch.float64),
    ],
)
def test_old_format_gives_the_tensors_that_torch_reads(tensor: torch.Tensor) -> None:
    content = checkpoints.saved({"a": tensor, "b": tensor}, _use_new_zipfile_serialization=False)
    found = read_old_pth(content)
    for name in "ab":
        loaded = found[name].load()
        assert loaded.dtype == tensor.dtype
        assert torch.equal(loaded, tensor)


def test_old_format_of_a_big_endian_machine_is_turned_round() -> None:
    claim = pickles.program(pickles.record({"a": pickles.tensor((2,), (1,), elements=2)}))
    content = pickles.old_format(claim, content=struct.pack(">2f", 1.5, -2))
    content = content.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89")
    head, tail = content[:-16], content[-8:]
    assert read_old_pth(head + struct.pack(">q", 2) + tail)["a"].load().tolist() == [1.5, -2]


def test_bare_pickle_is_named() -> None:
    with pytest.raises(CheckpointError, match="bare pickle") as caught:
        read_old_pth(pickle.dumps({"a": 1}))
    assert caught.value.code == "checkpoint.bare-pickle"
