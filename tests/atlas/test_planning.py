"""Planning an atlas: how many images make a shard."""

from __future__ import annotations

import pytest

from cbam_core.atlas.planning import MOST_VALUES, images_in_shard
from cbam_core.observing import BATCH


@pytest.mark.parametrize(
    ("side", "values", "images"),
    [(32, 560, 2560), (40, 560, 1638), (64, 3_000, 1024), (224, 6_500, 1024), (224, 100_000, 335), (32, 10**9, 1)],
)
def test_shards_are_smaller_for_larger_images_and_wider_rows(side: int, values: int, images: int) -> None:
    assert images_in_shard((side, side), values) == images


def test_a_shard_of_small_images_is_of_whole_batches() -> None:
    assert images_in_shard((32, 32), 560) % BATCH == 0


def test_values_of_a_shard_stay_within_their_bound() -> None:
    assert images_in_shard((32, 32), 50_000) * 50_000 <= MOST_VALUES
