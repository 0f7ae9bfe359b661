"""Feature maps in colours, on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.render.colours import MISSING, TABLES
from cbam_core.render.features import FEATURES, common_limits, feature_picture
from cbam_core.render.overlay import Cells

TABLE = TABLES[FEATURES].tolist()
LEFT, RIGHT = np.array([[0.0, 2.0]], np.float32), np.array([[-2.0, 1.0]], np.float32)


def test_the_scale_spans_all_maps() -> None:
    assert common_limits([LEFT, RIGHT]) == (-2.0, 2.0)
    assert common_limits([np.array([[np.nan, 1.0, np.inf]])]) == (1.0, 1.0)
    assert common_limits([np.array([[np.nan]])]) == common_limits([]) == (0.0, 0.0)


def test_one_value_has_one_colour_in_every_map() -> None:
    drawn = [feature_picture(one, None, (2, 1), zoom=1, limits=(-2.0, 2.0)) for one in (LEFT, RIGHT)]
    assert drawn[0].tolist() == [[TABLE[128], TABLE[255]]]
    assert drawn[1].tolist() == [[TABLE[0], TABLE[191]]]


def test_a_map_without_ups_and_downs_has_the_middle_colour_and_no_number_its_own() -> None:
    flat = feature_picture(np.array([[3.0, np.nan]]), None, (2, 1), zoom=1, limits=(3.0, 3.0))
    assert flat.tolist() == [[TABLE[128], list(MISSING)]]


def test_a_map_without_anything_is_as_dark_as_nothing_elsewhere() -> None:
    empty = feature_picture(np.zeros((1, 2)), None, (2, 1), zoom=1, limits=(0.0, 0.0))
    assert empty.tolist() == [[TABLE[0], TABLE[0]]]


@pytest.mark.parametrize(("cells", "columns"), [(None, [0, 0, 1, 1]), (Cells(0.5, 1.0, 2.0, 2.0), [0, 1, 1, 1])])
def test_a_map_lies_where_its_cells_lie(cells: Cells | None, columns: list[int]) -> None:
    drawn = feature_picture(LEFT, cells, (4, 2), zoom=1, limits=(0.0, 2.0))
    ends = [TABLE[0], TABLE[255]]
    assert drawn.tolist() == [[ends[at] for at in columns]] * 2


def test_zoom_repeats_what_is_drawn() -> None:
    small, large = (feature_picture(LEFT, None, (2, 2), zoom=zoom, limits=(0.0, 2.0)) for zoom in (1, 3))
    assert np.array_equal(large, small.repeat(3, axis=0).repeat(3, axis=1))
