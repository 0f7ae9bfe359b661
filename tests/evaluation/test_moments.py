"""Moments of arrays that come in steps, against numpy over all of them at once."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.evaluation.moments import Moments


@pytest.mark.parametrize("cuts", [(1,), (3, 4, 50), (99,)])
def test_moments_are_numpys_whatever_the_steps(cuts: tuple[int, ...]) -> None:
    # Nearly equal values far from 0: the difference of two sums of squares would lose their deviation.
    values = (1e6 + np.random.default_rng(0).random((100, 3, 2))).astype(np.float64)
    parts = np.split(values, cuts)
    moments = Moments.of(parts[0])
    for part in parts[1:]:
        moments = moments.joined(Moments.of(part))
    assert moments.count == 100
    np.testing.assert_allclose(moments.mean, values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.deviation, values.std(axis=0), rtol=1e-7)
