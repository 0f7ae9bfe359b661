"""A network whose code reads values: a plan is kept for each way that a forward goes, and records stay the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import Off, capture, edit
from cbam_core.gates.operations import isolation, known
from tests.gates.foreign import captured, same, seeded
from tests.gates.test_naming import ChannelPart, SpatialPart


class Branching(nn.Module):
    """Bright images pass two gates, and dark ones the second of two like the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.day, self.night, self.mask = ChannelPart(4), ChannelPart(4), SpatialPart()

    def forward(self, x: Tensor) -> Tensor:
        bright = x.mean() > 0
        x = self.stem(x)
        day, night = self.day(x), self.night(x)
        x = x * (day if bright else night)
        return x * self.mask(x) if bright else x


class Drawing(Branching):
    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.01 * torch.rand(1)
        return super().forward(x)


class Counting(Branching):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        return super().forward(x)


class Measuring(Branching):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * (1 if x.mean().item() > 0 else -1))


class Cropping(Branching):
    """Asks for a number that is another one for each image."""

    def forward(self, x: Tensor) -> Tensor:
        asked = int((x.mean() * 1e6).long())
        return super().forward(x) if asked else x


@pytest.fixture(autouse=True)
def numbers_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not count the random numbers that the check of types in tests draws."""
    monkeypatch.setattr(isolation, "drawn_by_python", int)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each forward that is followed on a copy."""
    found: list[int] = []
    learn = known.learn
    monkeypatch.setattr(known, "learn", lambda *given: found.append(1) or learn(*given))
    return found


def _image(bright: bool, seed: int) -> Tensor:
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return image if bright else -image


def _names(model: nn.Module, image: Tensor) -> list[str]:
    return [gate.name for gate in captured(model, image)[1]]


def test_images_that_go_one_way_are_learnt_from_once(learnt: list[int]) -> None:
    model = seeded(Branching)
    for seed in range(4):
        image = _image(True, seed)
        output, gates = captured(model, image)
        x = model.stem(image)
        assert torch.equal(output, model(image))
        assert torch.equal(gates[0].values, model.day(x).flatten(1))
        assert torch.equal(gates[1].values, model.mask(x * model.day(x))[:, 0])
    assert len(learnt) == 1


def test_each_way_is_learnt_once_and_its_record_is_that_of_a_fresh_look(learnt: list[int]) -> None:
    model = seeded(Branching)
    images = [_image(bright, seed) for seed, bright in enumerate((True, False, True, True, False, False, True))]
    found = [captured(model, image) for image in images]
    assert len(learnt) == 2
    for image, one in zip(images, found, strict=True):
        known.forget(model)
        assert same(one, captured(model, image))
        assert torch.equal(one[0], model(image))


def test_gates_that_differ_by_way_alone_have_the_names_of_their_way() -> None:
    model = seeded(Branching)
    ways = [_names(model, _image(bright, 1)) for bright in (True, False, True, False)]
    assert ways[0] == ways[2] != ways[1] == ways[3]
    assert len(ways[0]) == 2
    assert len(ways[1]) == 1


@pytest.mark.parametrize("kind", [Drawing, Counting, Measuring], ids=["random numbers", "a buffer", "a fraction"])
def test_a_forward_that_another_may_not_repeat_is_learnt_from_each_time(
    kind: Callable[[], nn.Module], learnt: list[int]
) -> None:
    model = seeded(kind)
    for seed in range(3):
        torch.manual_seed(seed)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        output, gates = captured(model, _image(True, seed))
        assert len(gates) == 2
        model.load_state_dict(state)
        torch.manual_seed(seed)
        with torch.inference_mode():
            assert torch.equal(output, model(_image(True, seed)))
    assert len(learnt) == 3


def test_where_no_way_comes_again_each_is_learnt_before_its_forward(learnt: list[int]) -> None:
    model, fired = seeded(Cropping), []
    model.stem.register_forward_hook(lambda *_: fired.append(1))
    for seed in range(12):
        assert _names(model, _image(True, seed)) == ["Cropping.channel", "Cropping.spatial"]
    assert len(learnt) == 12
    assert len(fired) <= 12 * 2 + 6  # learnt, run, and in the first few run again


def test_an_edit_learns_the_way_of_its_own_forward() -> None:
    model = seeded(Branching)
    for bright in (True, False, True):
        captured(model, _image(bright, 1))
        with torch.inference_mode(), edit(model, {"*.channel": Off()}), capture(model) as record:
            model(_image(not bright, 2))
        assert bool((record.gates[0].values == 1).all())
        assert len(record.gates) == 2 - bright


def test_threads_that_go_different_ways_get_their_own_records() -> None:
    model = seeded(Branching)
    images = [_image(bool(number % 3), number) for number in range(24)]
    expected = [captured(model, image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: captured(model, image), images))
    assert all(same(one, other) for one, other in zip(found, expected, strict=True))


def test_an_input_that_a_hook_changes_is_changed_once_where_a_forward_is_repeated() -> None:
    model = seeded(Branching)
    model.register_forward_pre_hook(lambda _, inputs: (inputs[0] - 0.5,))
    for value in (0.9, 0.6, 0.3, 0.9):
        image = torch.full((1, 3, 8, 8), value)
        _, gates = captured(model, image)
        x = model.stem(image - 0.5)
        expected = model.day(x) if value > 0.5 else model.night(x)
        assert torch.equal(gates[0].values, expected.flatten(1))


def test_numbers_that_are_drawn_are_noticed_whoever_makes_them() -> None:
    draws: list[Callable[[], object]] = [lambda: torch.rand(1), lambda: np.random.rand()]  # noqa: NPY002 - the old ones
    for draw in draws:
        with isolation.random_state_kept(nn.Identity()) as has_drawn:
            assert not has_drawn()
            draw()
            assert has_drawn()


def test_numbers_that_python_draws_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "drawn_by_python", random.getstate)
    with isolation.random_state_kept(nn.Identity()) as has_drawn:
        random.random()
        assert has_drawn()
