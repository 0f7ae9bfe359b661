"""Learning from a teacher: when it is asked, and what a run makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cbam_core.training.callbacks import Callback
from cbam_core.training.distillation import distance_to_teacher
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, fit
from cbam_core.training.recipes import Recipe
from tests.training.conftest import network, prepare, weights

Make = Callable[..., Recipe]


class Master:
    """A teacher that answers by the mean colours of an image, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.asked.append(images.clone())
        return torch.cat([images.mean((2, 3)), images.amax((2, 3)), images.std((2, 3)), images[:, :1, 0, 0]], dim=1)


@pytest.fixture
def taught(recipe: Make) -> Make:
    def make(**changes: object) -> Recipe:
        given = {"epochs": 3, "teacher": "any", "teacher_share": 0.9, "pasted": 0.5, **changes}
        return recipe(**given)

    return make


def learn(images: Images, recipe: Recipe, folder: Path, teacher: Master, **more: object) -> Tensor:
    model = network()
    fit(Learner(model, prepare, teacher), images, recipe, folder=folder, **more)
    return weights(model)


def test_in_a_run_of_two_cycles_it_is_silent_in_the_first(images: Images, taught: Make, tmp_path: Path) -> None:
    master = Master()
    made = taught(epochs=4, second=2)
    alone = taught(epochs=2, teacher="", teacher_share=0.0)
    learn(images, made, tmp_path / "a", master)
    assert len(master.asked) == 2 * 5

    class Keeping(Callback):
        def epoch(self, model: torch.nn.Module, history: object) -> None:
            kept.append(weights(model).clone())

    kept: list[Tensor] = []
    expected = learn(images, alone, tmp_path / "b", master)
    learn(images, made, tmp_path / "c", master, callback=Keeping())
    assert torch.equal(kept[1], expected)
    assert not torch.equal(kept[3], kept[1])


def test_learning_from_it_moves_towards_it(images: Images, taught: Make, tmp_path: Path) -> None:
    model = network()
    made = taught(teacher_share=1.0, epochs=4, pasted=0.0)

    def teacher(pixels: Tensor) -> Tensor:
        return torch.tensor([9.0] + [0.0] * 9).expand(len(pixels), 10)

    fit(Learner(model, prepare, teacher), images, made, folder=tmp_path)
    with torch.inference_mode():
        assert (model(prepare(images.pixels)).argmax(1) == 0).float().mean() > 0.9


def test_distance_is_its_definition() -> None:
    mine, theirs = torch.randn(5, 4), torch.randn(5, 4)
    p, q = (theirs / 3).softmax(1), (mine / 3).softmax(1)
    expected = 9 * (p * (p.log() - q.log())).sum(1).mean()
    assert distance_to_teacher(mine, theirs, 3.0) == pytest.approx(float(expected), rel=1e-5)
    assert distance_to_teacher(mine, mine, 2.0) == pytest.approx(0, abs=1e-6)
