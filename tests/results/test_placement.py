import math

import pytest

from cbam_core.results.placement import Placement

PIXELS = Placement((0.0, 0.0), (1.0, 1.0))


def test_pooling_halves_the_grid_and_centres_its_cells() -> None:
    assert PIXELS.after((2.0, 2.0), (2.0, 2.0), (0.0, 0.0)) == Placement((0.5, 0.5), (2.0, 2.0))


def test_a_strided_odd_kernel_keeps_the_first_centre() -> None:
    assert PIXELS.after((3.0, 3.0), (2.0, 2.0), (1.0, 1.0)) == Placement((0.0, 0.0), (2.0, 2.0))


def test_three_halvings_give_the_centres_that_were_measured() -> None:
    """Cell 3 on 64 pixels, with strided 3x3 convolutions and with 2x2 pooling."""
    strided = pooled = PIXELS
    for _ in range(3):
        strided = strided.after((3.0, 3.0), (2.0, 2.0), (1.0, 1.0))
        pooled = pooled.after((2.0, 2.0), (2.0, 2.0), (0.0, 0.0))
    assert strided.start[0] + 3 * strided.step[0] == 24.0
    assert pooled.start[0] + 3 * pooled.step[0] == 27.5


def test_rows_and_columns_are_apart() -> None:
    assert PIXELS.after((1.0, 3.0), (1.0, 2.0), (0.0, 0.0)) == Placement((0.0, 1.0), (1.0, 2.0))


def test_a_stretched_map_covers_the_input_and_is_unknown() -> None:
    assert Placement.stretched((2, 4), (32, 32)) == Placement((7.5, 3.5), (16.0, 8.0), "unknown", math.inf)


def test_a_mask_of_fewer_cells_than_its_map_shares_out_the_same_area() -> None:
    grid = Placement((0.5, 0.0), (2.0, 1.0), "approximate", 1.5, field=(4.0, 4.0), cells=(16, 32))
    assert grid.shared_by((8, 8)) == Placement((1.5, 1.5), (4.0, 4.0), "approximate", 1.5)
    assert grid.shared_by((16, 32)) is grid
    assert Placement.stretched((16, 32), (32, 32)).shared_by((8, 8)) == Placement.stretched((8, 8), (32, 32))
    assert PIXELS.shared_by((8, 8)) is PIXELS  # nobody knows how many cells its map has


@pytest.mark.parametrize(
    "grid",
    [
        Placement((0.5, -3.0), (2.0, 3.0), field=(10.0, 12.0)),
        Placement((0.5, -3.0), (2.0, 3.0), "approximate", 1.5),
        Placement.stretched((3, 4), (32, 32)),
    ],
    ids=["exact", "approximate", "unknown"],
)
def test_numbers_of_a_placement_are_read_again(grid: Placement) -> None:
    read = Placement.from_numbers(grid.as_numbers())
    assert (read, read.field) == (grid, grid.field)


def test_four_numbers_are_an_exact_grid() -> None:
    assert Placement.from_numbers([0.5, -3.0, 2.0, 3.0]) == Placement((0.5, -3.0), (2.0, 3.0))


@pytest.mark.parametrize(
    "numbers",
    [
        [0.0, 0.0, 0.0, 1.0],
        [math.nan, 0.0, 1.0, 1.0],
        [0.0, 0.0, 1.0, 1.0, -1.0, 3.0, 3.0],
        [0.0, 0.0, 1.0, 1.0, math.nan, 3.0, 3.0],
        [0.0, 0.0, 1.0, 1.0, 1.0],
    ],
)
def test_other_numbers_are_no_placement(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no place|unpack"):
        Placement.from_numbers(numbers)


def test_an_entry_names_status_and_bound_where_the_grid_is_not_exact() -> None:
    assert PIXELS.as_dict() == {"start": [0.0, 0.0], "step": [1.0, 1.0]}
    assert Placement((0.0, 0.0), (1.0, 1.0), field=(3.0, 5.0)).as_dict()["field"] == [3.0, 5.0]
    entry = Placement((0.0, 0.0), (1.0, 1.0), "approximate", 1.5).as_dict()
    assert (entry["status"], entry["bound"]) == ("approximate", 1.5)
    unknown = Placement.stretched((1, 1), (2, 2)).as_dict()
    assert (unknown["status"], unknown["bound"]) == ("unknown", None)
