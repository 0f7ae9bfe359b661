import numpy as np
import pytest

from cbam_core.atlas import sheets
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.sheets import SheetThumbnails, blank_sheet, lay, read_sheet, write_sheet
from cbam_core.errors import AtlasError
from tests.atlas.made_plan import PLAN


@pytest.fixture
def read(monkeypatch):
    """Numbers of the sheets that were decoded; each has the number as its colour."""
    numbers = []

    def decode(path, side):
        numbers.append(int(path.stem.removeprefix("part-")))
        return np.full((32, side, side, 3), numbers[-1], np.uint8)

    monkeypatch.setattr(sheets, "read_sheet", decode)
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
        with pytest.raises(AtlasError, match="numbered from 0 to 99; given"):
            thumbnails.read(np.array([image]))


def test_thumbnails_lie_row_by_row_wherever_they_come_from_and_keep_their_colours(tmp_path):
    colours = np.array([[250, 20, 20], [20, 200, 30], [10, 20, 240], [128, 128, 128]], np.uint8)
    tiles = np.broadcast_to(colours[:, None, None], (4, 8, 8, 3))
    sheet = blank_sheet(PLAN, 0)
    for places in ([3], [2, 0], [1]):
        lay(sheet, tiles[places], np.array(places))
    write_sheet(tmp_path / "sheet.jpg", sheet)
    back = read_sheet(tmp_path / "sheet.jpg", 8)
    assert len(back) == 6
    assert np.abs(back[:4].astype(int) - tiles).max() <= 4
    assert back[4:].max() <= 2


def test_a_damaged_sheet_is_named(tmp_path):
    (tmp_path / "sheet.jpg").write_bytes(b"no picture")
    with pytest.raises(AtlasError, match=r"sheet\.jpg"):
        read_sheet(tmp_path / "sheet.jpg", 8)
