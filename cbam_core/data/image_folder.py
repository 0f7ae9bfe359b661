"""Folders of images: with one subfolder for each class, or without classes.

Classes are listed by torchvision, so that they and the labels are the same as in other programs; but links to a folder
that they lie in are not followed, for they would list the same images again and again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from cbam_core.data.folder import Unlisted, all_images
from cbam_core.errors import DataError


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """What is in a folder of images.

    Attributes:
        name: name of the folder.
        classes: names of the classes; empty without subfolders.
        paths: files of the images.
        labels: indices into `classes`, (N,); None without subfolders.
        unlisted: files that are not among the images.
    """

    name: str
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: Int64[np.ndarray, " n"] | None
    unlisted: Unlisted


def list_image_folder(path: Path) -> ImageFolder:
    """List the images of a folder, without reading them.

    Raises:
        DataError: the folder is unreadable or empty; or it has classes and torchvision is not installed.
        FileNotFoundError, NotADirectoryError: there is no such folder.
    """
    try:
        listed = _class_folders(path) if has_classes(path) else _flat_folder(path)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise unreadable_folder(path, error) from error
    if not len(listed.paths):
        raise DataError(
            "data.empty-folder",
            "there are no images in {folder}; put some there, or one subfolder of images for each class",
            folder=str(path),
        )
    return listed


def has_classes(path: Path) -> bool:
    """Check that a folder has subfolders, which are its classes.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(path) as entries:
        return any(map(_is_folder, entries))


def unreadable_folder(path: Path, error: OSError | ValueError) -> DataError:
    """Make the error for a folder of images that is there and cannot be read."""
    return DataError(
        "data.unreadable-folder",
        "the folder of images {folder} cannot be read ({reason}); check its name and permissions",
        folder=str(path),
        reason=getattr(error, "strerror", None) or type(error).__name__,
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and not entry.name.startswith(".") and not _leads_back(Path(entry.path))
    except OSError:  # a link that leads to itself
        return False


def _leads_back(path: Path, above: int = 1) -> bool:
    """Check whether a path is a link to one of so many folders above it, or to what holds one of them."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return any(folder.resolve().is_relative_to(target) for folder in path.parents[:above])


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, in the order of torchvision."""
    found: list[tuple[str, list[str]]] = []
    for place, folders, files in os.walk(folder, followlinks=True):
        above = len(Path(place).relative_to(folder).parts) + 1
        folders[:] = [name for name in folders if not _leads_back(Path(place, name), above)]
        found.append((place, files))
    for place, files in sorted(found):
        yield from (Path(place, name) for name in sorted(files))


def _class_folders(path: Path) -> ImageFolder:
    try:
        from torchvision.datasets import ImageFolder as Listing
    except ImportError as error:
        raise DataError(
            "data.no-torchvision",
            "reading a folder of classes needs torchvision; install it by `{command}`",
            command="pip install 'cbam-lens[train]'",
        ) from error

    class ClassFolders(Listing):  # type: ignore[misc]
        """Folders of classes, without links that lead to themselves."""

        def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
            with os.scandir(directory) as entries:
                names = sorted(entry.name for entry in entries if _is_folder(entry))
            return names, {name: number for number, name in enumerate(names)}

        @staticmethod
        def make_dataset(
            directory: str | Path,
            class_to_idx: dict[str, int],
            extensions: tuple[str, ...] | None = None,  # noqa: ARG004  # those of `is_valid_file` count
            is_valid_file: Callable[[str], bool] | None = None,
            allow_empty: bool = False,  # noqa: ARG004
        ) -> list[tuple[str, int]]:
            return [
                (str(file), class_to_idx[name])
                for name in sorted(class_to_idx)
                for file in _files_below(Path(directory, name))
                if is_valid_file is None or is_valid_file(str(file))
            ]

    unlisted = Unlisted()
    found = ClassFolders(path, is_valid_file=lambda file: unlisted.lists(Path(file), path), allow_empty=True)
    files = tuple(Path(file) for file, _ in found.samples)
    labels = np.array(found.targets, np.int64)
    return ImageFolder(path.resolve().name, tuple(found.classes), files, labels, unlisted)


def _flat_folder(path: Path) -> ImageFolder:
    unlisted = Unlisted()
    files = tuple(picture.path for picture in all_images(path, unlisted))
    return ImageFolder(path.resolve().name, (), files, None, unlisted)
