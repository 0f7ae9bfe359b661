import re

import numpy as np
import pytest

from app.model.kernels import kernel_figures


def planes(size, scale=1.0):
    return (scale * np.random.default_rng(0).uniform(-1, 1, (2, size, size))).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3, 7, 11])
def test_every_weight_is_a_cell_with_its_number(size):
    weights = planes(size)
    page = kernel_figures([("cbam1", weights)])
    found = [float(value.replace("−", "-")) for value in re.findall(r'data-value="(.+?)"', page)]
    assert np.allclose(found, weights.ravel(), atol=5e-5)
    assert f"{size}×{size}" in page


def test_scales_are_each_blocks_own_or_one_for_all_and_always_printed():
    kernels = [("a", planes(3)), ("b", planes(3, 0.1))]
    own, shared = (re.findall(r"<span>(\+[\d.]+)</span></div>", kernel_figures(kernels, shared=one)) for one in (0, 1))
    assert float(own[0]) > 5 * float(own[1])
    assert shared == [own[0]] * 2


def test_numbers_can_be_written_out_and_names_are_no_html():
    assert 'class="kernels spelled"' in kernel_figures([("a", planes(3))], spelled=True)
    page = kernel_figures([("<script>", planes(3))])
    assert 'class="kernels"' in page
    assert "<script>" not in page
