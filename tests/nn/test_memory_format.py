"""Code that reads maps as the course's does must find them in the order in which a data loader gives images."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import squeezenet1_1

from cbam_core import CBAM, CBAM_CNN, explain
from cbam_core.data.normalisation import normalise
from cbam_core.nn.memory_format import memory_format
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, fit
from cbam_core.training.recipes import Recipe


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


class Viewing(nn.Module):
    """Flattens a map with `view`, which fails where channels come last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.cbam, self.fc = nn.Conv2d(3, 16, 3, 4, 1), CBAM(16), nn.Linear(16 * 6 * 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.cbam(self.conv(x)).view(-1, 16 * 6 * 6))
        return logits


@pytest.mark.parametrize("build", [CBAM_CNN, squeezenet1_1, lambda: nn.Sequential(nn.Conv2d(3, 4, 3), CBAM(4, 2))])
def test_networks_of_known_packages_get_channels_last(build):
    assert memory_format(build().modules()) == torch.channels_last


def test_one_part_of_other_code_is_enough_for_the_usual_order():
    assert memory_format(Viewing().modules()) == torch.contiguous_format
    assert memory_format(nn.Sequential(nn.Conv2d(3, 3, 1), Viewing()).modules()) == torch.contiguous_format


def test_images_and_prepared_batches_reach_code_that_flattens_with_view(picture):
    model = Viewing().eval()
    seen = explain(model, picture, size=24, normalisation="half", classes=["a", "b"])
    assert [gate.values.shape for gate in seen.blocks[0].gates] == [(16,), (6, 6)]
    batch = torch.rand(1, 3, 24, 24).contiguous(memory_format=torch.channels_last)
    assert explain(model, batch, classes=["a", "b"])[0].blocks[0].spatial_mask.shape == (6, 6)


def test_training_reaches_code_that_flattens_with_view(tmp_path):
    pixels = torch.randint(0, 256, (40, 3, 24, 24), dtype=torch.uint8)
    images = Images(pixels, torch.arange(40) % 2)
    recipe = Recipe(name="small", epochs=1, batch_size=8, validation=8, optimiser="adam", learning_rate=1e-3)
    prepare = partial(normalise, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    history = fit(Learner(Viewing(), prepare), images, recipe, folder=tmp_path)
    assert len(history.epochs) == 1
