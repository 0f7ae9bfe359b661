"""Images that a result leaves out, because they cannot be decoded: which, how many, and a sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from cbam_core.errors import Message

NAMED = 3
"""Most images that the sentence names."""


@dataclass(frozen=True)
class LeftOut:
    """An image that cannot be decoded.

    Attributes:
        number: its number in the whole set, from 0.
        name: its name there, such as ``"cat/17.jpg"``.
    """

    number: int
    name: str

    @property
    def file(self) -> str:
        """Name of its file without the folders."""
        return self.name.replace("\\", "/").rpartition("/")[2]


def left_out_message(left_out: Sequence[LeftOut], read: int, *, folders: bool = True) -> Message:
    """Say how many images are left out of how many, and name the first few.

    Args:
        left_out: at least one image.
        read: number of the images that could be decoded.
        folders: whether they are named with the folders that they lie in.
    """
    names = [image.name if folders else image.file for image in left_out[:NAMED]]
    counts = {"left": len(left_out), "total": len(left_out) + read, "names": ", ".join(names)}
    if len(left_out) <= NAMED:
        return Message("left-out.few", "{left} of {total} images left out, which cannot be decoded: {names}", counts)
    return Message(
        "left-out.many",
        "{left} of {total} images left out, which cannot be decoded: {names} and {more} more",
        {**counts, "more": len(left_out) - NAMED},
    )


def numbers_read(left_out: Sequence[LeftOut], read: int) -> Int64[np.ndarray, " n"]:
    """Return the numbers in the whole set of the images that could be decoded, in their order.

    Args:
        left_out: the others.
        read: number of the images that could be decoded.
    """
    if not left_out:
        return np.arange(read)
    return np.setdiff1d(np.arange(read + len(left_out)), np.array([one.number for one in left_out], np.int64))
