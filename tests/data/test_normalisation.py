"""One formula from pixels to a network's input."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import transforms
from torchvision.transforms import functional as theirs

import cbam_core
from cbam_core.data.normalisation import normalise, to_unit_range
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD

MEAN, STD = (0.49, 0.48, 0.45), (0.2, 0.21, 0.22)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (7, 3, 5, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("mean", "std"), [(MEAN, STD), (COURSE_MEAN, COURSE_STD), ((0.0,) * 3, (1.0,) * 3)])
def test_bytes_become_what_torchvision_makes_of_them_bit_for_bit(
    pixels: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])
    expected = torch.stack([steps(one.permute(1, 2, 0).numpy()) for one in pixels])
    assert torch.equal(normalise(pixels, mean, std), expected)


def test_every_byte_becomes_what_torchvision_makes_of_it() -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(to_unit_range(every)[0], transforms.ToTensor()(every[0].permute(1, 2, 0).numpy()))


def test_floats_are_taken_as_they_are(pixels: torch.Tensor) -> None:
    floats = pixels.float() / 255
    before = floats.clone()
    assert torch.equal(normalise(floats, MEAN, STD), theirs.normalize(floats, MEAN, STD))
    assert torch.equal(normalise(floats, MEAN, STD), normalise(pixels, MEAN, STD))
    assert torch.equal(floats, before)


def test_the_channels_of_a_pixel_lie_side_by_side(pixels: torch.Tensor) -> None:
    for images in (pixels, pixels.float() / 255):
        assert normalise(images, MEAN, STD).is_contiguous(memory_format=torch.channels_last)


def test_bytes_are_left_alone_even_where_they_are_channels_last(pixels: torch.Tensor) -> None:
    stored = pixels.to(memory_format=torch.channels_last).float() / 255
    before = stored.clone()
    normalise(stored, MEAN, STD)
    assert torch.equal(stored, before)


def test_no_other_file_of_the_library_scales_images_for_a_network() -> None:
    """Colours are scaled in `render` too, by numpy; a network's input only here."""
    scaling = re.compile(r"div_?\(\s*255|/\s*255")
    with_torch = re.compile(r"^(from|import) torch\b", re.MULTILINE)
    found = [
        path.name
        for path in Path(np.asarray(cbam_core.__path__).item()).rglob("*.py")
        if with_torch.search(text := path.read_text(encoding="utf-8")) and scaling.search(text)
    ]
    assert found == ["normalisation.py"]
