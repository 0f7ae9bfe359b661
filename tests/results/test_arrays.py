"""The one door for files of arrays: what it takes, and how it refuses everything else."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from cbam_core.errors import DataError
from cbam_core.results.arrays import MAX_ARRAYS, as_npz, read_arrays, write_arrays


def npy(values=None, **header):
    """One array as NPZ files hold it; with a header that claims something else, where one is given."""
    file = io.BytesIO()
    if not header:
        np.lib.format.write_array(file, np.asarray(values), allow_pickle=False)
        return file.getvalue()
    claimed = {"descr": "<f4", "fortran_order": False, "shape": (1,), **header}
    np.lib.format.write_array_header_1_0(file, claimed)
    return file.getvalue() + bytes(4)


def zipped(path, *members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(path, largest=10_000):
    with pytest.raises(DataError) as caught:
        read_arrays(path, largest=largest)
    assert caught.value.code == "arrays.unreadable"
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arrays.npz"


def test_arrays_come_back_bit_for_bit_and_read_only(path):
    given = {
        "floats": np.array([[1.5, np.nan], [-np.inf, 0]], np.float32),
        "columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        "texts": np.array(["猫", "a dog"]),
        "one": np.array(7, np.uint8),
        "empty": np.zeros((0, 3), bool),
    }
    write_arrays(path, given)
    found = read_arrays(path, largest=10_000)
    assert [*found] == [*given]
    for name, values in given.items():
        assert np.array_equal(found[name], values, equal_nan=values.dtype.kind == "f")
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        assert not found[name].flags.writeable


def test_what_is_written_numpy_opens_without_pickle(path):
    path.write_bytes(as_npz({"a": np.arange(3)}))
    with np.load(path, allow_pickle=False) as stored:
        assert stored["a"].tolist() == [0, 1, 2]
    assert read_arrays(path, largest=1000)["a"].tolist() == [0, 1, 2]


def test_a_missing_file_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError):
        read_arrays(path, largest=1)


@pytest.mark.parametrize(
    "header",
    [{"shape": (10**12,)}, {"shape": (10**6, 10**6)}, {"shape": ()}, {"shape": (2,)}, {"shape": (1 << 62, 1 << 62)}],
    ids=str,
)
def test_a_header_that_claims_other_than_its_bytes_is_refused_before_memory_is_taken(path, header):
    content = npy(**header) + (b"x" if header["shape"] == () else b"")
    assert "header does not fit" in refused(zipped(path, ("a.npy", content)))


@pytest.mark.parametrize("descr", ["|O", [("a", "<f4")], "<M8[s]", "|V4", "|S4"], ids=str)
def test_only_numbers_and_texts_are_read(path, descr):
    assert "something else than numbers" in refused(zipped(path, ("a.npy", npy(descr=descr))))


def test_a_header_nested_deeply_is_refused(path):
    text = ("(" * 3000).encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    assert refused(zipped(path, ("a.npy", content)))


def test_a_member_that_is_not_an_array_is_refused(path):
    assert "not an array" in refused(zipped(path, ("a.txt", b"hello")))
    assert refused(zipped(path, ("a.npy", b"hello")))


def test_an_encrypted_member_is_refused(path):
    content = bytearray(zipped(path, ("a.npy", npy([1.0]))).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    assert "encrypted" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, 97])
def test_an_unknown_compression_is_refused(path, method):
    content = bytearray(zipped(path, ("a.npy", npy([1.0]))).read_bytes())
    for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(signature) + at, method)
    path.write_bytes(content)
    assert "unknown way" in refused(path)


def test_more_bytes_than_allowed_are_refused_unread(path):
    write_arrays(path, {"a": np.zeros(100_000, np.uint8)})
    assert path.stat().st_size < 1000
    assert "more than is read" in refused(path)


def test_too_many_arrays_are_refused(path):
    assert "more than is read" in refused(zipped(path, *((f"{n}.npy", b"") for n in range(MAX_ARRAYS + 1))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_refused(path):
    assert "twice" in refused(zipped(path, ("a.npy", npy([1.0])), ("a.npy", npy([2.0]))))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", json.dumps([1]).encode()], ids=len)
def test_what_is_not_an_archive_is_refused(path, content):
    path.write_bytes(content)
    assert refused(path)


def test_a_changed_byte_is_refused_or_changes_nothing(path):
    given = {"a": np.arange(50, dtype=np.float32), "b": np.array(["x", "yz"])}
    write_arrays(path, given)
    content, draws = path.read_bytes(), np.random.default_rng(0)
    outcomes = set()
    for _ in range(200):
        broken = bytearray(content)
        broken[draws.integers(len(broken))] ^= int(draws.integers(1, 256))
        path.write_bytes(broken)
        try:
            found = read_arrays(path, largest=10_000)
        except DataError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert {len(values) for values in found.values()} <= {2, 50}
    assert outcomes == {"refused", "read"}


def test_texts_that_cannot_be_written_are_refused(path):
    write_arrays(path, {"names": np.array(["a", "\ud800"])})
    assert "surrogates" in refused(path)
