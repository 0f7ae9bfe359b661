"""A photo as phones take them, made in code."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIZE = (4000, 3000)
"""Pixels: 12 megapixels."""


def photo(seed: int = 0) -> bytes:
    """Make a JPEG of 12 megapixels and about 3 MB, with large shapes and the noise of a sensor."""
    random = np.random.default_rng(seed)
    shapes = Image.fromarray(random.integers(0, 255, (60, 80, 3), dtype=np.uint8)).resize(
        SIZE, Image.Resampling.BICUBIC
    )
    noisy = np.asarray(shapes).astype(np.int16) + random.normal(0, 6, (*SIZE[::-1], 3)).astype(np.int16)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()
