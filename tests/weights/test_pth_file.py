import io
import zipfile

import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.weights.pth_file import looks_like_pickle, looks_like_pth, read_pth
from cbam_core.weights.stored import DamagedError
from tests import corpus_checkpoints as corpus


def rewritten(content: bytes, replacements: dict[str, bytes]) -> bytes:
    """The archive with some entries replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        entries = {name: old.read(name) for name in old.namelist()} | replacements
        for name, data in entries.items():
            new.writestr(name, data)
    return buffer.getvalue()


GOOD = corpus.saved({"a": torch.arange(3.0)})


def test_formats_are_told_apart() -> None:
    assert looks_like_pth(GOOD)
    assert not looks_like_pth(corpus.saved({}, _use_new_zipfile_serialization=False))
    assert looks_like_pickle(corpus.saved({}, _use_new_zipfile_serialization=False))


def test_folder_in_the_archive_may_have_any_name() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("archive/", "my model/"), old.read(name))
    assert read_pth(buffer.getvalue())["a"].load().tolist() == [0, 1, 2]


def test_big_endian_numbers_are_refused() -> None:
    with pytest.raises(DamagedError, match="big-endian"):
        read_pth(rewritten(GOOD, {"archive/byteorder": b"big"}))


def test_two_pickles_are_refused() -> None:
    with pytest.raises(CheckpointError) as caught:
        read_pth(rewritten(GOOD, {"other/data.pkl": corpus.program(corpus.record({}))}))
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
    found = read_pth(corpus.saved({"other": {"x": 1}, "state_dict": {"w": torch.ones(2)}}))
    assert found["w"].load().tolist() == [1, 1]


def test_dict_of_tensors_and_other_things_is_no_state_dict() -> None:
    with pytest.raises(CheckpointError, match="does not hold a state dict"):
        read_pth(corpus.saved({"w": torch.ones(2), "epoch": 3}))
