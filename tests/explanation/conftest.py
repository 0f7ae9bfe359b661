"""An explanation with every sort of block, and the photo that it is of."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.errors import Message
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Frame
from cbam_core.results.placement import Placement
from tests.plain_blocks import block_of

RNG = np.random.default_rng(7)


def values(*shape: int) -> np.ndarray:
    return RNG.random(shape, dtype=np.float32)


@pytest.fixture
def explanation() -> Explanation:
    """Two CBAM blocks, one with channel weights only, and one whose gate weighs every value."""
    return Explanation(
        classes=("cat", "dog", "frog"),
        probabilities=np.array([0.2, 0.7, 0.1], np.float32),
        input_image=RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8),
        frame=Frame((160, 120), (32, 32), (20.0, 0.0, 140.0, 120.0)),
        fit="crop",
        notes=(Message("image.cropped", "cropped to the centre square of {side} pixels", {"side": 120}),),
        blocks=(
            block_of("cbam1", {"channel": values(32), "spatial": values(16, 16)}, Placement((0.5, 0.5), (2.0, 2.0))),
            block_of("cbam2", {"channel": values(64), "spatial": values(8, 8)}, Placement((1.5, 1.5), (4.0, 4.0))),
            block_of("layer1.se", {"channel": values(16)}, None),
            block_of("bam", {"full": values(4, 8, 8)}, Placement((1.5, 1.5), (4.0, 4.0))),
        ),
        image_digest="ab" * 32,
        checkpoint="cbam_cnn_cifar10",
        checkpoint_digest="cd" * 32,
    )


@pytest.fixture
def photo() -> np.ndarray:
    return RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
