"""Agreement of maps: measures on arrays whose answers are known, and the two controls."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.evidence.agreement import agreement, agreements, centre, edges, overlap, ranks, top

RAMP = np.arange(100, dtype=np.float32).reshape(10, 10)


def test_a_map_agrees_with_itself_and_disagrees_with_its_negative() -> None:
    assert agreement(RAMP, RAMP) == pytest.approx((1, 1, 1))
    assert agreement(RAMP, -RAMP) == pytest.approx((-1, -1, 0))


def test_ranks_do_not_see_a_monotone_change_and_values_do() -> None:
    pearson, spearman, shared = agreement(RAMP, np.exp(RAMP / 10))
    assert spearman == pytest.approx(1)
    assert shared == pytest.approx(1)
    assert pearson == pytest.approx(np.corrcoef(RAMP.ravel(), np.exp(RAMP / 10).ravel())[0, 1], abs=1e-6)
    assert pearson < 0.9


def test_scale_and_level_of_a_map_do_not_count() -> None:
    assert agreement(RAMP, 3 * RAMP + 7) == pytest.approx((1, 1, 1))


def test_equal_values_share_their_ranks() -> None:
    np.testing.assert_array_equal(ranks(np.array([[5.0, 1.0], [5.0, 0.0], [9.0, 5.0]])), [[4, 2], [4, 1], [6, 4]])


def test_the_top_of_any_map_is_a_fifth_of_it() -> None:
    steps = np.kron(np.arange(16.0).reshape(4, 4), np.ones((5, 5)))  # 20 % is 3.2 of 16 cells
    assert top(steps).sum() == pytest.approx(0.2 * steps.size)
    np.testing.assert_allclose(top(steps)[::5, ::5], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0.2, 1, 1, 1]])


def test_overlap_is_intersection_over_union_of_the_highest_pixels() -> None:
    one, other = np.zeros((5, 5)), np.zeros((5, 5))
    one[0], other[:, 0] = 1, 1  # five pixels each, one of them shared
    assert overlap(one, other) == pytest.approx(1 / 9)


def test_nothing_agrees_with_a_flat_map() -> None:
    for flat in (np.zeros((10, 10)), np.full((10, 10), -3.0), 5 + RAMP / 1000):
        assert agreement(RAMP, flat) == (None, None, None)


def test_any_two_maps_are_compared_once() -> None:
    found = agreements({"a": RAMP, "b": -RAMP, "c": RAMP.T})
    assert [(one.one, one.other) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found[0].overlap == 0


def test_the_centre_is_highest_in_the_middle_and_alike_on_all_sides() -> None:
    found = centre((8, 6))
    assert found.shape == (6, 8)
    np.testing.assert_array_equal(found, found[::-1, ::-1])
    assert found.max() == found[2, 3]
    assert found[0, 3] == pytest.approx(found[2, 3] * np.exp((0.5**2 - 2.5**2) / (2 * 1.5**2)), rel=1e-5)


def test_edges_are_the_slope_of_the_brightness() -> None:
    ramp = np.repeat(np.arange(0, 80, 10, dtype=np.uint8)[None], 6, axis=0)
    found = edges(np.stack([ramp] * 3, axis=2))
    np.testing.assert_allclose(found[:, 1:-1], 10)
    np.testing.assert_allclose(found[:, 0], 5)
    np.testing.assert_array_equal(edges(np.full((4, 4, 3), 77, np.uint8)), np.zeros((4, 4)))


def test_edges_do_not_depend_on_the_colour_but_on_its_brightness() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, 2:] = (150, 0, 0)
    other = np.zeros((4, 4, 3), np.uint8)
    other[:, 2:] = (0, 77, 0)  # equally bright
    np.testing.assert_allclose(edges(image), edges(other), rtol=1e-6)
