"""Batched transforms against torchvision's, image by image, with the same draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as theirs

from cbam_core.data.samples import sample_sheet
from cbam_core.training.recipes import REFERENCE
from cbam_core.training.transforms import (
    Draws,
    alternate,
    crop,
    draw,
    erase,
    flip,
    jitter,
    rotate,
    shuffled,
)

ROUNDING = 2e-6
"""Float32 sums in another order differ by less."""


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(sample_sheet().images[::4].transpose(0, 3, 1, 2)))  # (25, 3, 32, 32)


def test_crop_is_torchvisions(pixels: torch.Tensor) -> None:
    shift = torch.tensor(list(itertools.product((0, 3, 4, 7, 8), repeat=2)))
    found = crop(pixels, shift, 4)
    for image, (top, left), cropped in zip(pixels, shift.tolist(), found, strict=True):
        assert torch.equal(cropped, theirs.crop(theirs.pad(image, [4]), top, left, 32, 32))


def test_flip_is_torchvisions(pixels: torch.Tensor) -> None:
    mirrored = torch.arange(25) % 3 == 0
    found = flip(pixels, mirrored)
    for image, turned, result in zip(pixels, mirrored, found, strict=True):
        assert torch.equal(result, theirs.hflip(image) if turned else image)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_jitter_is_torchvisions_in_every_order(pixels: torch.Tensor, order: tuple[int, ...]) -> None:
    images = pixels.float() / 255
    draws = torch.Generator().manual_seed(sum(order))
    factors = torch.rand(25, 4, generator=draws) * torch.tensor([0.8, 0.8, 1.0, 1.0]) + torch.tensor(
        [0.6, 0.6, 0.5, -0.5]
    )
    found = jitter(images, factors, torch.tensor(order).expand(25, 4))
    changes = (theirs.adjust_brightness, theirs.adjust_contrast, theirs.adjust_saturation, theirs.adjust_hue)
    for image, values, result in zip(images, factors.tolist(), found, strict=True):
        for number in order:
            image = changes[number](image, values[number])
        assert (image - result).abs().max() < ROUNDING


def test_each_image_has_its_own_order(pixels: torch.Tensor) -> None:
    images = pixels[:2].float() / 255
    factors = torch.tensor([[1.4, 0.6, 1.3, 0.1]] * 2)
    orders = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]])
    together = jitter(images, factors, orders)
    for index in range(2):
        alone = jitter(images[index : index + 1], factors[:1], orders[index : index + 1])[0]
        assert torch.equal(together[index], alone)


def test_rotation_is_torchvisions(pixels: torch.Tensor) -> None:
    images = pixels.float() / 255
    degrees = torch.linspace(-15, 15, 25) * 0.97 + 0.01
    found = rotate(images, degrees)
    for image, angle, result in zip(images, degrees.tolist(), found, strict=True):
        assert torch.equal(result, theirs.rotate(image, angle))


def test_erasing_covers_the_square_and_nothing_else() -> None:
    images = torch.zeros(3, 3, 8, 8)
    covered = erase(images, torch.tensor([[4, 4], [0, 7], [7, 0]]), 4)[:, 0] == 0.5
    expected = torch.zeros(3, 8, 8, dtype=torch.bool)
    expected[0, 2:6, 2:6] = True
    expected[1, 0:2, 5:8] = True
    expected[2, 5:8, 0:2] = True
    assert torch.equal(covered, expected)


def test_draws_stay_within_the_recipe_and_reach_all_of_it() -> None:
    draws = draw(REFERENCE, 4000, (32, 32), torch.Generator().manual_seed(0))
    assert draws.shift is not None
    assert draws.shift.unique().tolist() == list(range(9))
    assert draws.mirrored is not None
    assert 0.45 < draws.mirrored.float().mean() < 0.55
    assert draws.factors is not None
    assert draws.order is not None
    low, high = draws.factors.amin(0).tolist(), draws.factors.amax(0).tolist()
    assert low == pytest.approx([0.8, 0.8, 0.8, -0.1], abs=0.002)
    assert high == pytest.approx([1.2, 1.2, 1.2, 0.1], abs=0.002)
    assert len({tuple(order) for order in draws.order.tolist()}) == 24
    assert draws.degrees is not None
    assert draws.degrees.aminmax()[0] == pytest.approx(-15, abs=0.05)
    assert draws.degrees.aminmax()[1] == pytest.approx(15, abs=0.05)
    assert draws.hole is None


def test_alternating_flips_show_every_image_both_ways() -> None:
    first, second, third = (alternate(4000, epoch, seed=3) for epoch in (1, 2, 3))
    assert torch.equal(second, ~first)
    assert torch.equal(third, first)
    assert 0.45 < first.float().mean() < 0.55
    assert not torch.equal(first, alternate(4000, 1, seed=4))


def test_a_part_of_a_batch_is_treated_as_within_the_whole(pixels: torch.Tensor) -> None:
    draws = draw(REFERENCE, 25, (32, 32), torch.Generator().manual_seed(1))
    whole = draws.apply(pixels, REFERENCE)
    part = draws.part(slice(10, 20)).apply(pixels[10:20], REFERENCE)
    assert torch.equal(part, whole[10:20])


def test_nothing_drawn_leaves_images_as_they_are(pixels: torch.Tensor) -> None:
    assert torch.equal(Draws().apply(pixels, REFERENCE), pixels / 255)


def test_an_epoch_is_every_full_batch_once() -> None:
    batches = list(shuffled(50, 16, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [16, 16, 16]
    assert len(torch.cat(batches).unique()) == 48
