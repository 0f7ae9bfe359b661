"""The image of an atlas that was chosen last: on the map, among neighbours, or by its number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from app.atlas.slices import Slice
from app.session.choices import Generation, Remembered

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

IMAGE: Remembered[int | None] = Remembered("atlas-image", lambda: None)
"""Index of the image; another atlas may have none of this number."""

GENERATION = Generation("atlas-image-generation")
"""Advances where the image was chosen elsewhere than by its number."""


def open_image_number(asked: Mapping[str, Any]) -> None:
    """Begin with the image that an address asks for, or with the last one."""
    if asked:
        take_image(asked.get("number"))


def take_image(image: int | None) -> None:
    """Choose an image; for what a click calls."""
    IMAGE.set(image)
    GENERATION.advance()


def chosen_image(atlas: Atlas) -> int | None:
    """The image that was chosen; None where the atlas has none of its number, or could not read it."""
    image = IMAGE.get()
    return image if image is not None and 0 <= image < len(atlas) and bool(atlas.ok[image]) else None


def first_image(chosen: Slice) -> int:
    """The image to begin with: one from the middle of the slice, for the first of a folder often look alike."""
    return int(chosen.images[np.clip(len(chosen.images) // 2, 0, len(chosen.images) - 1)])
