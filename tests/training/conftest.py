"""A training set of one hundred images, and a recipe that takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cbam_core.data.normalisation import normalise
from cbam_core.data.samples import sample_sheet
from cbam_core.nn import CBAM_CNN
from cbam_core.training.images import Images
from cbam_core.training.recipes import Recipe


def prepare(pixels: Tensor) -> Tensor:
    return normalise(pixels, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def images() -> Images:
    sheet = sample_sheet()
    return Images.from_arrays(sheet.images, sheet.labels)


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    def make(**changes: Any) -> Recipe:
        values = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "validation": 20, "bfloat16": False}
        return Recipe(**{"name": "test", **values, **changes})

    return make


def network(seed: int = 0) -> CBAM_CNN:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CBAM_CNN()


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([tensor.flatten().double() for tensor in model.state_dict().values()])
