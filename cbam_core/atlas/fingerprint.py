"""Which images are these? One SHA-256 of a listing, so that shards of two sets are never mixed.

Of files, names and sizes are listed; of arrays, the pixels. Files are not read, which would take long for a million.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice

import numpy as np

from cbam_core.data.dataset import Dataset, image_ids
from cbam_core.data.sequences import ImageFiles, originals_of

_AT_ONCE = 1 << 20
"""Bytes of pixels that are hashed at once: they stay in the processor's cache."""


def listing_digest(dataset: Dataset) -> str:
    """Compute the SHA-256 of a data set's listing: title, classes, ids, labels, and sizes of files or pixels of arrays.

    That of corrupted images is that of the clean ones.

    Raises:
        OSError: a file is missing.
    """
    digest = hashlib.sha256(json.dumps([dataset.title, dataset.classes, len(dataset)]).encode())
    names = image_ids(dataset)
    while some := list(islice(names, 10_000)):
        digest.update("\0".join([*some, ""]).encode("utf-8", "surrogateescape"))
    if dataset.labels is not None:
        digest.update(np.asarray(dataset.labels, np.int64).tobytes())
    for part in _contents(originals_of(dataset.images)):
        digest.update(part)
    return digest.hexdigest()


def _contents(images: object) -> Iterator[bytes | memoryview]:
    """Yield what tells images from others of the same names; nothing for sequences that make them when asked."""
    if isinstance(images, ImageFiles):
        sizes = np.fromiter((path.stat().st_size for path in images.paths), np.int64, len(images))
        yield sizes.tobytes()
    elif isinstance(images, np.ndarray) and len(images):
        step = max(1, _AT_ONCE // images[0].nbytes)
        for start in range(0, len(images), step):
            yield np.ascontiguousarray(images[start : start + step]).data
