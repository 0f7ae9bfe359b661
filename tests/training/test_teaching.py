"""Learning from a teacher: what it is asked, what is remembered, and what a run makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cbam_core.training.images import Images
from cbam_core.training.loop import fit
from cbam_core.training.recipes import Recipe
from cbam_core.training.teaching import TAUGHT, Teacher, distance_to_teacher
from cbam_core.training.watching import Step, Watch
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
        given = {"epochs": 3, "teacher": "any", "teacher_share": 0.9, "teacher_views": 2, "pasted": 0.5, **changes}
        return recipe(**given)

    return make


def learn(images: Images, recipe: Recipe, folder: Path, teacher: Master, **more: object) -> Tensor:
    model = network()
    fit(model, images, recipe, prepare=prepare, folder=folder, teacher=teacher, **more)
    return weights(model)


def test_it_is_asked_once_for_every_view(images: Images, taught: Make, tmp_path: Path) -> None:
    master = Master()
    learn(images, taught(), tmp_path, master)
    assert len(master.asked) == 2 * 5  # steps of an epoch
    assert not torch.equal(master.asked[0], master.asked[5])


def test_what_it_said_is_what_a_new_question_would_bring(images: Images, taught: Make, tmp_path: Path) -> None:
    class Forgetting(Watch):
        def step(self, step: Step) -> None:
            for file in (tmp_path / "b" / TAUGHT).glob("*"):
                file.unlink()

    master = Master()
    expected = learn(images, taught(), tmp_path / "a", Master())
    assert torch.equal(learn(images, taught(), tmp_path / "b", master, watch=Forgetting()), expected)
    assert len(master.asked) == 3 * 5
    assert torch.equal(torch.cat(master.asked[:5]), torch.cat(master.asked[10:15]))


@pytest.mark.parametrize("spoilt", [b"", b"no answers"])
def test_damaged_answers_are_asked_for_again(images: Images, taught: Make, tmp_path: Path, spoilt: bytes) -> None:
    expected = learn(images, taught(), tmp_path / "a", Master())
    (tmp_path / "b" / TAUGHT).mkdir(parents=True)
    (tmp_path / "b" / TAUGHT / "view-1-0.pt").write_bytes(spoilt)
    assert torch.equal(learn(images, taught(), tmp_path / "b", Master()), expected)


def test_answers_of_another_recipe_are_not_used(images: Images, taught: Make, tmp_path: Path) -> None:
    learn(images, taught(seed=1), tmp_path / "a", Master())
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / TAUGHT).rename(tmp_path / "b" / TAUGHT)
    master = Master()
    learn(images, taught(), tmp_path / "b", master)
    assert len(master.asked) == 10


def test_answers_for_pieces_of_another_size_are_not_used(images: Images, taught: Make, tmp_path: Path) -> None:
    learn(images, taught(), tmp_path / "a", Master())
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / TAUGHT).rename(tmp_path / "b" / TAUGHT)
    master = Master()
    learn(images, taught(), tmp_path / "b", master, parts=2)
    assert len(master.asked) == 2 * 10


def test_without_views_every_epoch_is_new_and_nothing_is_kept(images: Images, taught: Make, tmp_path: Path) -> None:
    master = Master()
    learn(images, taught(teacher_views=0), tmp_path, master)
    assert len(master.asked) == 15
    assert not (tmp_path / TAUGHT).exists()


def test_in_a_run_of_two_cycles_it_is_silent_in_the_first(images: Images, taught: Make, tmp_path: Path) -> None:
    master = Master()
    made = taught(epochs=4, second=2, teacher_views=0)
    alone = taught(epochs=2, teacher="", teacher_share=0.0)
    learn(images, made, tmp_path / "a", master)
    assert len(master.asked) == 2 * 5

    class Keeping(Watch):
        def epoch(self, model: torch.nn.Module, history: object) -> None:
            kept.append(weights(model).clone())

    kept: list[Tensor] = []
    expected = learn(images, alone, tmp_path / "b", master)
    learn(images, made, tmp_path / "c", master, watch=Keeping())
    assert torch.equal(kept[1], expected)
    assert not torch.equal(kept[3], kept[1])


def test_learning_from_it_moves_towards_it(images: Images, taught: Make, tmp_path: Path) -> None:
    model = network()
    made = taught(teacher_share=1.0, teacher_views=0, epochs=4, pasted=0.0)

    def teacher(pixels: Tensor) -> Tensor:
        return torch.tensor([9.0] + [0.0] * 9).expand(len(pixels), 10)

    fit(model, images, made, prepare=prepare, folder=tmp_path, teacher=teacher)
    with torch.inference_mode():
        assert (model(prepare(images.pixels)).argmax(1) == 0).float().mean() > 0.9


def test_a_teacher_without_a_share_is_not_asked(taught: Make, tmp_path: Path) -> None:
    master = Master()
    teacher = Teacher(master, taught(teacher_share=0.0), tmp_path, process=0)
    teacher.open(1)
    assert teacher.ask(torch.rand(2, 3, 32, 32)) is None
    teacher.close()
    assert not master.asked
    assert not (tmp_path / TAUGHT).exists()


def test_distance_is_its_definition() -> None:
    mine, theirs = torch.randn(5, 4), torch.randn(5, 4)
    p, q = (theirs / 3).softmax(1), (mine / 3).softmax(1)
    expected = 9 * (p * (p.log() - q.log())).sum(1).mean()
    assert distance_to_teacher(mine, theirs, 3.0) == pytest.approx(float(expected), rel=1e-5)
    assert distance_to_teacher(mine, mine, 2.0) == pytest.approx(0, abs=1e-6)
