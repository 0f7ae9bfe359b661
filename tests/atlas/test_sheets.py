import numpy as np
import pytest

from cbam_core.atlas import sheets
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.sheets import SheetThumbnails


@pytest.fixture
def read(monkeypatch):
    """Numbers of the sheets that were decoded; each has the number as its colour."""
    numbers = []

    def decode(path, side):
        numbers.append(int(path.stem.removeprefix("part-")))
        return np.full((32, side, side, 3), numbers[-1], np.uint8)

    monkeypatch.setattr(sheets, "decode_sheet", decode)
    return numbers


@pytest.fixture
def thumbnails(sample_atlas_folder):
    from dataclasses import replace

    plan = read_plan(sample_atlas_folder)
    return SheetThumbnails(sample_atlas_folder, replace(plan, shard_size=30))


def test_pictures_come_from_the_sheets_of_their_images_in_the_order_of_the_request(thumbnails, read):
    found = thumbnails.read(np.array([95, 3, 31, 2]))
    assert found[:, 0, 0, 0].tolist() == [3, 0, 1, 0]
    assert sorted(read) == [0, 1, 3]


def test_a_sheet_is_decoded_once_while_there_is_room(thumbnails, read, monkeypatch):
    for _ in range(3):
        thumbnails.read(np.array([1, 40]))
    assert read == [0, 1]
    monkeypatch.setattr(sheets, "KEPT", 1)
    for image in (70, 1, 70):
        thumbnails.read(np.array([image]))
    assert read == [0, 1, 2, 0, 2]


def test_no_images_are_no_pictures_and_unknown_ones_an_error(thumbnails, read):
    assert len(thumbnails.read(np.zeros(0, np.int64))) == 0
    for image in (-1, 100):
        with pytest.raises(IndexError, match="numbered from 0 to 99"):
            thumbnails.read(np.array([image]))
