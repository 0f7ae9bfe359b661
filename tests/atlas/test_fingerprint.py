"""The digest of a listing follows what tells one set of images from another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from cbam_core.atlas.fingerprint import listing_digest
from cbam_core.data.dataset import Dataset, image_ids, open_dataset, samples


def made(**changes: object) -> Dataset:
    images = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    return replace(Dataset("made", "up", ("a", "b"), images, np.array([0, 1, 1])), **changes)


def test_the_same_images_have_the_same_digest() -> None:
    assert listing_digest(made()) == listing_digest(made())


def test_every_part_of_a_listing_counts() -> None:
    other = made().images.copy()
    other[2, 0, 0, 0] ^= 1
    sets = [
        made(),
        made(images=other),
        made(labels=np.array([0, 1, 0])),
        made(labels=None),
        made(split=""),
        made(classes=("a", "c")),
        made(ids=("x", "y", "z")),
    ]
    assert len({listing_digest(one) for one in sets}) == len(sets)


def test_files_count_by_name_and_size(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    first = open_dataset(tmp_path)
    assert list(image_ids(first)) == ["a/1.png", "b/2.png"]
    before = listing_digest(first)
    Image.new("RGB", (9, 8), "red").save(tmp_path / "a" / "1.png")
    assert listing_digest(open_dataset(tmp_path)) != before


def test_images_of_arrays_are_numbered() -> None:
    assert list(image_ids(samples()))[:2] == ["cifar10:samples/0", "cifar10:samples/1"]
    assert list(image_ids(made(ids=("x", "y", "z")))) == ["x", "y", "z"]
