"""What the tests of masks share: correlation, random maps of a mask's smoothness, and what a network must have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import ChannelAttention
from cbam_core.data.dataset import samples
from cbam_core.errors import CaptureError, DataError, ImageError
from cbam_core.evidence.masks import alike, correlation, masks_of, opened
from tests.evidence.planted_masks import by_content, noise, planted_mask

RANDOM = np.random.default_rng(0)


def test_correlation_is_pearsons_and_unknown_for_constants() -> None:
    first, second = RANDOM.standard_normal((2, 5, 7)).astype(np.float32)
    assert correlation(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1], abs=1e-6)
    assert correlation(first, -3 * first + 1) == pytest.approx(-1)
    constant = np.full((5, 7), 0.3, np.float32)
    assert correlation(first, constant) is None
    assert correlation(first, np.nextafter(constant, 1, where=first > 0, out=constant.copy())) is None


@pytest.mark.parametrize("shape", [(4, 4), (5, 7), (8, 6)])
def test_a_random_map_alike_has_mean_and_power_of_the_mask(shape: tuple[int, int]) -> None:
    mask = RANDOM.random(shape).astype(np.float32).cumsum(axis=0).cumsum(axis=1)
    drawn = alike(mask, np.random.default_rng(3))
    np.testing.assert_allclose(
        np.abs(np.fft.fft2(drawn)), np.abs(np.fft.fft2(mask.astype(float))), rtol=1e-6, atol=1e-5
    )
    assert drawn.mean() == pytest.approx(mask.mean(), rel=1e-6)
    assert not np.allclose(drawn, mask)


def test_any_form_of_images_is_taken_at_the_networks_size() -> None:
    network = planted_mask(by_content)
    for images, count in ((noise(1)[0], 1), (noise(3), 3), (list(noise(2)), 2), (samples(), 100)):
        found, pixels = opened(network, images, {})
        assert len(pixels) == count
        assert all(one.shape == (16, 16, 3) for one in pixels)
        assert found.classes == network.classes


class Elementwise(nn.Module):
    """A network of somebody else, with one gate value for every element, and no classes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Conv2d(3, 4, 3, padding=1, stride=2), nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a map."""
        x = self.first(x)
        return x * torch.sigmoid(self.gate(x))


def test_a_gate_of_another_library_along_channels_too_counts_by_its_mean() -> None:
    torch.manual_seed(0)
    network, pixels = opened(Elementwise().eval(), noise(2), {"size": 16, "normalisation": "half"})
    seen, (masks,) = masks_of(network, pixels)
    assert (network.classes, seen.gates[0].kind, masks.values.shape) == ((), "full", (2, 8, 8))
    np.testing.assert_allclose(masks.values, seen.gates[0].values.mean(axis=1))
    assert masks.placement.step == (2.0, 2.0)


def test_what_a_network_lacks_is_said_in_one_sentence() -> None:
    plain = nn.Sequential(ChannelAttention(3, ratio=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with pytest.raises(CaptureError, match="planted has no spatial mask"):
        opened(replace(planted_mask(by_content), model=plain), noise(1)[0], {})
    with pytest.raises(ImageError, match="a prepared tensor cannot be moved"):
        opened(planted_mask(by_content), torch.rand(3, 16, 16), {})
    with pytest.raises(DataError, match="there is no image"):
        opened(planted_mask(by_content), [], {})
