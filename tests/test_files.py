import errno
import hashlib
import os
from pathlib import Path

import pytest

from cbam_core import files
from cbam_core.errors import CbamError
from cbam_core.files import full_disk, save_bytes, sha256_of, whole_file, whole_path, write_atomically


def test_a_file_appears_whole_in_folders_that_are_made(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, lambda file: file.write(b"all of it"))
    assert path.read_bytes() == b"all of it"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_older_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise failure

    with pytest.raises(failure):
        write_atomically(path, write)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_interrupt_while_the_file_is_opened_leaves_nothing(tmp_path, monkeypatch):
    opened = Path.open

    def interrupted(path, mode):
        opened(path, mode).close()  # as when Ctrl+C comes just after the file was made
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", lambda file: file.write(b"content"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_file_that_found_no_room(tmp_path):
    def write(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "file", write)
    assert caught.value.filename == str(tmp_path / "file")


def test_a_folder_that_takes_no_file_is_told_with_the_name_of_the_file_that_was_asked_for(tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))  # as without free inodes

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "file", lambda file: file.write(b"content"))
    assert caught.value.filename == str(tmp_path / "file")
    monkeypatch.setattr(Path, "open", opened)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_with_what_to_do(tmp_path, monkeypatch, number):
    def full(path, write):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(files, "write_atomically", full)
    with pytest.raises(CbamError, match=r"the disk is full, so .*file cannot be written: free some space") as refused:
        save_bytes(tmp_path / "file", b"content")
    assert refused.value.code == "save.unwritable"
    assert "files that were complete are kept" in str(refused.value)


def test_another_reason_is_not_taken_for_a_full_disk(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert full_disk(PermissionError(13, "Permission denied"), tmp_path, CbamError, "x") is None
    with pytest.raises(CbamError, match="choose a folder that you may write to"):
        save_bytes(tmp_path / "file" / "below", b"content")


def test_a_pipe_keeps_its_place(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="is a device or a pipe, and not a file"):
        write_atomically(pipe, lambda file: file.write(b"content"))
    assert pipe.is_fifo()


def test_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_a_file_that_a_user_asked_for_is_there_or_one_sentence_says_why_not(tmp_path):
    save_bytes(tmp_path / "new" / "file", b"all of it")
    assert (tmp_path / "new" / "file").read_bytes() == b"all of it"
    with pytest.raises(CbamError, match=r"cannot write .*below: .*; choose a folder") as refused:
        save_bytes(tmp_path / "new" / "file" / "below", b"")
    assert refused.value.code == "save.unwritable"


def test_the_path_that_a_part_will_have_is_known_from_its_name(tmp_path):
    with whole_file(tmp_path / "gates.f16") as file:
        assert whole_path(Path(file.name)) == str(tmp_path / "gates.f16")
