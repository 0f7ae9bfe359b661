"""A training set of one hundred small images, a network for them, and a recipe that takes a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cbam_core.data.normalisation import normalise
from cbam_core.data.samples import sample_sheet
from cbam_core.nn import CBAM_CNN
from cbam_core.training import run
from cbam_core.training.images import Images
from cbam_core.training.recipes import Recipe
from tests.one_thread import one_thread


def prepare(pixels: Tensor) -> Tensor:
    return normalise(pixels, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture(scope="package", autouse=True)
def _on_one_thread() -> Iterator[None]:
    """Let runs that several tests share be trained as in each test: sums of many threads are made in another order."""
    with one_thread():
        yield


@pytest.fixture
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of a test leave no figures, whose drawing takes longer than a small run; `complete` draws them."""
    monkeypatch.setattr(run, "draw_figures", lambda *_, **__: ())


SIDE = 16
"""Side of the images in pixels: half of the samples', so that a step takes a third of the time."""


def small_images() -> Images:
    sheet = sample_sheet()
    return Images.from_arrays(np.ascontiguousarray(sheet.images[:, ::2, ::2]), sheet.labels)


@pytest.fixture
def images() -> Images:
    return small_images()


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    def make(**changes: Any) -> Recipe:
        values = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "validation": 20, "bfloat16": False}
        return Recipe(**{"name": "test", **values, **changes})

    return make


def network(seed: int = 0) -> CBAM_CNN:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CBAM_CNN(image_size=SIDE, hidden=128)


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([tensor.flatten().double() for tensor in model.state_dict().values()])
