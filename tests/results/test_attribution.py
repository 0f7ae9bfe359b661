"""Results of attribution: scales, flat maps, and which of several forms is shown."""

import numpy as np
import pytest

from cbam_core.results.attribution import AttributionMap, GateAttribution, correlation, is_flat
from cbam_core.results.explanation import Gate
from cbam_core.results.placement import Placement

PLACE = Placement((0.0, 0.0), (1.0, 1.0))
VALUES = np.array([[-2.0, 0.5], [1.0, 0.0]], np.float32)


def test_scales_are_symmetric_about_0_where_values_have_signs_and_0_to_1_for_the_mask():
    assert AttributionMap("occlusion", VALUES, PLACE).limits == (-2.0, 2.0)
    assert AttributionMap("grad_cam", abs(VALUES), PLACE).limits == (0.0, 2.0)
    assert AttributionMap("mask", abs(VALUES) / 2, PLACE).limits == (0.0, 1.0)


def test_flat_is_a_range_under_a_tenth_of_the_level_whatever_its_sign():
    assert is_flat(np.zeros((2, 2)))
    assert is_flat(np.array([0.99, 1.0]))
    assert is_flat(np.array([-0.99, -1.0]))
    assert not is_flat(np.array([0.8, 1.0]))
    assert not is_flat(np.array([-1e-9, 1e-9]))


def test_correlation_is_pearsons_and_unknown_for_constants():
    one, other = np.array([1.0, 2.0, 4.0]), np.array([2.0, 1.0, 7.0])
    assert correlation(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert correlation(one, np.ones(3)) is None


def test_the_most_truthful_form_is_shown_and_the_sum_is_checked():
    gate = Gate("a.channel", "channel", 1, np.array([0.5, 0.5], np.float32))
    one, two, three = (np.array([number, number], np.float32) for number in (1, 2, 3))
    assert GateAttribution(gate, None, one).how == "gradient"
    assert GateAttribution(gate, None, one).error is None
    integrated = GateAttribution(gate, None, one, two, whole=3.5)
    assert (integrated.how, integrated.shown[0], integrated.error) == ("integrated", 2, 0.5)
    exact = GateAttribution(gate, None, one, two, three, 3.5)
    assert (exact.how, exact.shown[0]) == ("exact", 3)
