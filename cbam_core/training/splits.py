"""Which images train a network, watch it, and test it: those of CIFAR-10, or of a folder of one's own classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from cbam_core.data.dataset import Dataset, labelled_for, open_dataset
from cbam_core.data.fitting import fit_image
from cbam_core.data.folder import Unlisted
from cbam_core.data.image_folder import unreadable_folder
from cbam_core.data.sequences import ImageFiles
from cbam_core.errors import DataError, TrainingError
from cbam_core.training.filming import filmed_images
from cbam_core.training.images import SPLIT_SEED, Images, Split

NAMES = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Names of subfolders that hold the parts of a split, in any case."""

TESTED = 0.15
"""Share of the images of each class that are kept for the test, in a folder without a split."""

LARGEST = 16 << 30
"""Largest size in bytes of all images in memory."""

FILMED = 8
"""Number of images in a film."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Images of a run.

    Attributes:
        name: name of the data set.
        classes: names of the classes.
        train: images to train on, with those to watch where these are apart already.
        watched: images to watch with, as a data set; None where they are held out of the others.
        test: images of the test, which are read once, at the end; None where there are none.
        filmed: uint8 RGB images (N, H, W, 3) of the film.
        labels: their classes.
        how: how the images were split, for the card; "" for the usual way.
        unlisted: files of the folders of images that are not among the images, by folder.
    """

    name: str
    classes: tuple[str, ...]
    train: Images | Split
    watched: Dataset | None
    test: Dataset | None
    filmed: UInt8[np.ndarray, "n h w 3"]
    labels: Int64[np.ndarray, " n"]
    how: str = ""
    unlisted: Mapping[Path, Unlisted] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of images to train on and to watch with."""
        if isinstance(self.train, Images):
            return len(self.train.labels)
        return len(self.train.train.labels) + len(self.train.validation.labels)


def cifar10_splits(folder: Path | None, size: int) -> Splits:
    """Open CIFAR-10, without reading its test images.

    Args:
        folder: where it is; None for the usual place.
        size: side of the images in pixels; 0 for their own.

    Raises:
        DataError: it was not fetched.
    """
    train, test = open_dataset("cifar10:train", folder), open_dataset("cifar10:test", folder)
    filmed, labels = filmed_images(size)
    images = Images.from_dataset(train) if size in (0, 32) else _read(train, range(len(train)), size)
    return Splits("cifar10", train.classes, images, None, test, filmed, labels)


def folder_splits(folder: Path, size: int, most: int) -> Splits:
    """Read a folder of classes: one subfolder for each, or these in ``train/``, ``val/`` and ``test/``.

    Without such folders, the images of each class are split with a fixed seed; copies of one file stay together.

    Args:
        folder: the folder.
        size: side of the images in pixels, to which the centre of each is fitted.
        most: largest number of images to watch with, where these are not in a folder of their own.

    Raises:
        DataError: the folder holds no classes, or a part has other ones.
        ImageError: an image cannot be read.
        TrainingError: the images are too many for their size, or too few.
    """
    parts = _parts(folder)
    whole = open_dataset(parts.get("train", folder))
    if len(whole.classes) < 2:
        raise DataError(
            "data.one-class",
            "{folder} must have one subfolder of images for each of at least two classes, or train and val with such",
            folder=str(folder),
        )
    whole = replace(whole, name=folder.resolve().name)
    test = _part_of(parts["test"], whole, "test") if "test" in parts else None
    if "validation" in parts:
        watched, left = _part_of(parts["validation"], whole, "validation"), np.arange(len(whole))
        how = "in folders of their own"
    else:
        shares = (TESTED,) if test is None and not parts else ()
        kept, *held = stratified(whole, (*shares, TESTED), most)
        left, watched = kept, _subset(whole, held[-1], "validation")
        test = _subset(whole, held[0], "test") if shares else test
        how = "split class by class with a fixed seed"
    _check_memory(len(left) + len(watched), size)
    split = Split(_read(whole, left, size), _read(watched, range(len(watched)), size))
    chosen = _one_of_each(watched)
    filmed = split.validation.pixels[chosen].permute(0, 2, 3, 1).contiguous().numpy()
    opened = {"train": whole, "validation": watched, "test": test}
    unlisted = {path: one.unlisted for part, path in parts.items() if (one := opened[part]) is not None}
    return Splits(
        whole.name,
        whole.classes,
        split,
        watched,
        test,
        filmed,
        split.validation.labels[chosen].numpy(),
        how,
        unlisted or {folder: whole.unlisted},
    )


def _parts(folder: Path) -> dict[str, Path]:
    """Return the folders of a split by their part; none if there is no folder to train on."""
    try:
        there = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    except FileNotFoundError as error:
        raise DataError(
            "data.unreadable-folder",
            "there is no folder of images {folder}; name one that has a subfolder of images for each class, or none "
            "to train on CIFAR-10",
            folder=str(folder),
        ) from error
    except NotADirectoryError as error:
        raise DataError(
            "data.unreadable-folder",
            "{folder} is a file; name a folder that has a subfolder of images for each class",
            folder=str(folder),
        ) from error
    except (OSError, ValueError) as error:
        raise unreadable_folder(folder, error) from error
    found = {part: there[name] for part, names in NAMES.items() for name in names if name in there}
    return found if "train" in found else {}


def _part_of(folder: Path, train: Dataset, split: str) -> Dataset:
    opened = labelled_for(open_dataset(folder), train.classes)
    if opened.classes != train.classes:
        raise DataError(
            "data.other-classes",
            "{folder} has classes that the training images do not have: {names}",
            folder=str(folder),
            names=", ".join(sorted(set(opened.classes) - set(train.classes))[:3]) or "none",
        )
    return replace(opened, name=train.name, split=split)


def stratified(dataset: Dataset, shares: Sequence[float], most: int) -> list[Int64[np.ndarray, " n"]]:
    """Split images class by class, with a fixed seed; copies of one file go to one part.

    Args:
        dataset: labelled images.
        shares: share of each class for each held part.
        most: largest number of images of a held part.

    Returns:
        Indices of the images that are left, and then of each held part, sorted.

    Raises:
        TrainingError: a class has too few images.
    """
    groups = _groups(dataset)
    chance = np.random.default_rng(SPLIT_SEED)
    held: list[list[int]] = [[] for _ in shares]
    for label, name in enumerate(dataset.classes):
        firsts = [first for first in groups if dataset.known_labels[first] == label]
        counts = [max(1, round(min(share, most / len(dataset)) * len(firsts))) for share in shares]
        if len(firsts) <= sum(counts):
            raise TrainingError(
                "training.few-images",
                "class {name} has too few different images to hold some out ({count}); give more, or sort them into "
                "train and val yourself",
                name=name,
                count=len(firsts),
            )
        order = iter(chance.permutation(firsts).tolist())
        for part, count in zip(held, counts, strict=True):
            part += [index for _ in range(count) for index in groups[next(order)]]
    taken = {index for part in held for index in part}
    left = [index for index in range(len(dataset)) if index not in taken]
    return [np.array(sorted(part), np.int64) for part in (left, *held)]


def _groups(dataset: Dataset) -> dict[int, list[int]]:
    """Return the indices of all copies of each file, by the first one."""
    firsts: dict[str, int] = {}
    groups: dict[int, list[int]] = {}
    for index, digest in enumerate(_digests(dataset)):
        groups.setdefault(firsts.setdefault(digest, index), []).append(index)
    return groups


def _digests(dataset: Dataset) -> Iterator[str]:
    files = dataset.images
    for index, label in enumerate(dataset.known_labels):
        content = files.paths[index].read_bytes() if isinstance(files, ImageFiles) else files[index].tobytes()
        yield f"{label} {hashlib.sha256(content).hexdigest()}"


def _subset(dataset: Dataset, indices: Int64[np.ndarray, " n"], split: str) -> Dataset:
    files = dataset.images
    chosen = [files.paths[index] for index in indices] if isinstance(files, ImageFiles) else None
    images = ImageFiles(chosen) if chosen is not None else [files[int(index)] for index in indices]
    return replace(dataset, split=split, images=images, labels=dataset.known_labels[indices])


def _read(dataset: Dataset, indices: Sequence[int] | Int64[np.ndarray, " n"], size: int) -> Images:
    """Read images into memory, the centre of each fitted to a square."""
    pixels = np.empty((len(indices), 3, size, size), np.uint8)
    for at, index in enumerate(indices):
        files = dataset.images
        whole = files.fitted(int(index), (size, size)) if isinstance(files, ImageFiles) else files[int(index)]
        pixels[at] = (whole if whole.shape[:2] == (size, size) else fit_image(whole, (size, size))[0]).transpose(
            2, 0, 1
        )
    labels = dataset.known_labels[np.asarray(indices)].astype(np.int64)
    return Images(torch.from_numpy(pixels), torch.from_numpy(labels))


def _check_memory(count: int, size: int) -> None:
    if 3 * count * size * size > LARGEST:
        raise TrainingError(
            "training.images-too-large",
            "{count} images of {size} pixels need {need} GB of memory; choose a smaller size",
            count=count,
            size=size,
            need=round(3 * count * size * size / 1e9),
        )


def _one_of_each(dataset: Dataset) -> list[int]:
    """Return the indices of the film's images: the first of each class, then the second, and so on."""
    by_class = [np.flatnonzero(dataset.known_labels == label) for label in range(len(dataset.classes))]
    rounds = max(map(len, by_class), default=0)
    turns = [own[turn] for turn in range(rounds) for own in by_class if turn < len(own)]
    return [int(index) for index in turns[:FILMED]]
