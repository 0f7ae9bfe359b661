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
