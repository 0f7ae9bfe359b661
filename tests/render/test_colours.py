import numpy as np
import pytest

from cbam_core.errors import CbamError
from cbam_core.render.colours import MISSING, TABLES, colourise, evenness, is_flat, is_through, scaled, stretch


def lightness(table):
    """CIE L* of sRGB colours."""
    share = table / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)


def test_tables_are_the_published_ones():
    ends = {name: (table[0].tolist(), table[-1].tolist()) for name, table in TABLES.items()}
    assert ends == {
        "viridis": ([68, 1, 84], [253, 231, 36]),
        "magma": ([0, 0, 3], [251, 252, 191]),
        "cividis": ([0, 34, 77], [253, 231, 55]),
        "greys": ([0, 0, 0], [255, 255, 255]),
    }
    assert TABLES["viridis"][128].tolist() == [32, 144, 140]


@pytest.mark.parametrize("name", TABLES)
def test_lightness_rises_evenly_from_end_to_end(name):
    steps = np.diff(lightness(TABLES[name].astype(float)))
    assert steps.min() > -0.35  # rounding to 8 bits only
    spans = lightness(TABLES[name].astype(float))[::32]
    assert np.all(np.diff(spans) > 3)
    assert np.diff(spans).max() < 2.2 * np.diff(spans).min()


def test_tables_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        TABLES["viridis"][0, 0] = 1


def test_values_take_the_nearest_of_256_colours():
    half_up = np.float32([0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 0.5, 1])
    assert colourise(half_up, "greys")[:, 0].tolist() == [0, 0, 1, 128, 255]


def test_values_outside_the_scale_take_the_nearer_end():
    assert colourise(np.float32([-3, 7, np.inf, -np.inf]), "greys")[:, 0].tolist() == [0, 255, 255, 0]


def test_what_is_not_a_number_gets_a_colour_of_its_own():
    assert colourise(np.float32([[np.nan, 0]])).tolist() == [[list(MISSING), TABLES["viridis"][0].tolist()]]
    assert not any((table == MISSING).all(axis=1).any() for table in TABLES.values())


def test_unknown_colours_are_named_with_the_known_ones():
    with pytest.raises(CbamError, match="'jet'; choose one of viridis, magma, cividis, greys"):
        colourise(np.zeros((1, 1), np.float32), "jet")


def test_range_leaves_out_what_is_not_a_number():
    assert stretch(np.float32([[0.25, np.nan], [0.75, 0.5]])) == (0.25, 0.75)
    assert stretch(np.float32([np.nan])) == (0.0, 0.0)


def test_flat_is_a_range_under_a_tenth_of_the_mean():
    assert is_flat(np.array([0.48, 0.52]))  # 8 % of 0.50
    assert not is_flat(np.array([0.47, 0.53]))  # 12 % of 0.50
    assert not is_flat(np.array([0.25, 0.75]))
    assert not is_flat(np.array([0.0, 0.05]))


@pytest.mark.parametrize("factor", [0.01, 1.0, 100.0])
def test_a_factor_on_all_values_does_not_change_whether_they_are_flat(factor):
    assert is_flat(factor * np.array([0.98, 1.0, 1.02]))
    assert not is_flat(factor * np.array([0.9, 1.0, 1.1]))


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5])
def test_equal_values_are_flat_whatever_their_mean(value):
    assert is_flat(np.full(4, value))


def test_values_that_differ_around_zero_are_not_flat():
    assert not is_flat(np.array([-0.1, 0.1]))
    assert not is_flat(np.array([-1.02, -1.0]))


def test_switched_through_is_above_the_threshold_everywhere():
    assert is_through(np.array([0.951, 1.0]))
    assert not is_through(np.array([0.95, 1.0]))
    assert is_through(np.array([0.96, np.nan]))


def test_a_gate_is_flat_or_switched_through_or_neither():
    values = ([0.951, 1.0], [0.48, 0.52], [0.2, 0.9], [0.9, 0.95])
    assert [evenness(np.array(one)) for one in values] == ["through", "flat", None, "flat"]


def test_stretching_runs_from_least_to_greatest():
    values = np.float32([0.25, 0.5, 0.75])
    assert scaled(values, "stretch", (0.25, 0.75)).tolist() == [0, 0.5, 1]
    assert scaled(values, "unit", (0.25, 0.75)).tolist() == [0.25, 0.5, 0.75]


def test_a_constant_map_is_stretched_to_the_middle():
    assert scaled(np.float32([0.3, np.nan]), "stretch", (0.3, 0.3))[0] == 0.5
    assert np.isnan(scaled(np.float32([0.3, np.nan]), "stretch", (0.3, 0.3))[1])
