import numpy as np

from app.session.tiles import lay_out_tiles


def test_thumbnails_stand_in_rows_and_what_stays_empty_is_black():
    tiles = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = lay_out_tiles(tiles, columns=2)
    assert sheet.shape == (4, 6, 3)
    assert [int(sheet[row, column, 0]) for row, column in ((0, 0), (1, 5), (3, 2), (2, 3))] == [10, 20, 30, 0]
