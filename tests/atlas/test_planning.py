"""Planning an atlas: how many images make a shard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cbam_core.atlas.planning import MOST_VALUES, images_in_shard, plan_atlas
from cbam_core.data.dataset import Dataset, ImageFiles
from cbam_core.errors import DataError
from cbam_core.network import Classifier
from cbam_core.observing import BATCH


@pytest.mark.parametrize(
    ("side", "values", "images"),
    [(32, 560, 4096), (40, 560, 2621), (64, 3_000, 1024), (224, 6_500, 1024), (224, 100_000, 335), (32, 10**9, 1)],
)
def test_shards_are_smaller_for_larger_images_and_wider_rows(side: int, values: int, images: int) -> None:
    assert images_in_shard((side, side), values) == images


def test_a_shard_of_small_images_is_of_whole_batches() -> None:
    assert images_in_shard((32, 32), 560) % BATCH == 0


def test_values_of_a_shard_stay_within_their_bound() -> None:
    assert images_in_shard((32, 32), 50_000) * 50_000 <= MOST_VALUES


def test_a_file_that_is_listed_twice_is_refused(tiny_classifier: Classifier, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    dataset = Dataset("twice", "", (), ImageFiles([tmp_path / "a.png"] * 2, tmp_path), None)
    with pytest.raises(DataError, match=r"images 0 and 1 of the data set are both called 'a\.png'"):
        plan_atlas(tiny_classifier, dataset)
