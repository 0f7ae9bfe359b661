import numpy as np
import pytest

from cbam_core.results.block_trace import BlockTrace


def trace_of(mask=None, strength=None, kernel=7, shape=(8, 8)):
    features = np.zeros(shape, np.float32)
    return BlockTrace("cbam1", 4, features, None, None, None, strength, mask, features, kernel, None)


@pytest.mark.parametrize(
    ("shape", "kernel", "count"),
    [((8, 8), 7, 4), ((16, 16), 7, 100), ((4, 4), 7, 0), ((8, 6), 3, 24), ((5, 5), None, 25)],
)
def test_the_kernel_sees_no_padding_where_it_lies_inside(shape, kernel, count):
    assert trace_of(shape=shape, kernel=kernel).unpadded == count


def test_a_mask_that_is_low_where_features_are_strong_has_a_negative_correlation():
    strength = np.arange(64, dtype=np.float32).reshape(8, 8)
    assert trace_of(1 - strength / 64, strength).contrast == pytest.approx(-1)
    assert trace_of(strength / 64, strength).contrast == pytest.approx(1)


def test_what_is_the_same_everywhere_has_no_correlation():
    strength = np.arange(64, dtype=np.float32).reshape(8, 8)
    assert trace_of(np.full((8, 8), 0.5, np.float32), strength).contrast is None
    assert trace_of(None, strength).contrast is None
    assert trace_of(strength, None).contrast is None
