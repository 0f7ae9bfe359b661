"""Stages: what they let learn, at which rate, and that a stopped run continues as if it had not been stopped."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cbam_core import insert_cbam
from cbam_core.errors import TrainingError
from cbam_core.training.callbacks import Callback
from cbam_core.training.loop import Learner, fit
from cbam_core.training.schedule import Cycles, make_optimiser, make_schedule, one_cycle
from cbam_core.training.stages import freeze, index_of, parse_stages, shares_of
from tests.training.conftest import prepare, weights

STAGES = "1: new=1; 2: new=1 layer2=0.1; 4: **=0.02 head=0.5"


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 4, 3, 4, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(4, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


def made():
    torch.manual_seed(0)
    model = Tiny()
    insert_cbam(model, "layer1", ratio=2, size=32, gradual=True)
    return model


def test_the_last_match_counts_and_the_rest_does_not_learn():
    model = made()
    shares = {name: shares_of(model, parse_stages(STAGES))[one] for name, one in model.named_parameters()}
    assert shares["fc.weight"] == (1, 1, 0.5)
    assert shares["layer1.cbam.a"] == (1, 1, 0.02)
    assert shares["layer2.1.bias"] == (0, 0.1, 0.02)
    assert shares["layer1.0.weight"] == (0, 0, 0.02)
    assert [index_of(parse_stages(STAGES), epoch) for epoch in (1, 2, 3, 4, 9)] == [0, 1, 1, 2, 2]


def test_a_part_that_is_not_there_is_named():
    with pytest.raises(TrainingError, match=r"no part of the network is named 'layer9'; a stage names modules"):
        shares_of(made(), parse_stages("1: layer9=1"))


def test_statistics_of_a_part_that_rests_stay():
    model = made().train()
    freeze(model, set(model.fc.parameters()) | set(model.layer2.parameters()))
    assert not model.layer1[1].training
    assert model.layer2[1].training
    assert [name for name, one in model.named_parameters() if one.requires_grad] == [
        "layer2.0.weight",
        "layer2.1.weight",
        "layer2.1.bias",
        "fc.weight",
        "fc.bias",
    ]


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_each_part_has_its_rate_and_each_stage_its_cycle(recipe, schedule):
    model = made()
    of = recipe(optimiser="adam", learning_rate=0.1, epochs=5, stages=STAGES, schedule=schedule, warmup=0.25)
    optimiser = make_optimiser(model, of)
    steps = make_schedule(optimiser, of, 50)
    rates = []
    for _ in range(50):
        rates.append({tuple(group["shares"]): group["lr"] for group in optimiser.param_groups})
        optimiser.step()
        steps.step()

    def cycle(step, count):
        return one_cycle(step, count, 0.25) if schedule == "one-cycle" else 1.0

    for shares in ((1, 1, 0.5), (0, 0.1, 0.02), (0, 0, 0.02)):
        assert rates[3][shares] == pytest.approx(0.1 * shares[0] * cycle(3, 10))
        assert rates[14][shares] == pytest.approx(0.1 * shares[1] * cycle(4, 20))
        assert rates[49][shares] == pytest.approx(0.1 * shares[2] * cycle(19, 20))


def test_a_rate_of_a_stage_stands_at_its_bound():
    assert [Cycles((0, 4, 8), None).share((1.0, 0.5), step) for step in (0, 3, 4, 7, 8)] == [1, 1, 0.5, 0.5, 0.5]


class Watching(Callback):
    """Keeps the weights after each epoch; may stop the run in an epoch."""

    def __init__(self, stop=None):
        self.states, self.rates, self.stop = [], [], stop

    def begin(self, model, history):
        self.states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})

    def step(self, step):
        self.rates.append(step.learning_rate)
        if step.epoch == self.stop:
            raise KeyboardInterrupt

    def epoch(self, model, history):
        self.begin(model, history)


def changed(before, after):
    return {name.split(".")[0] + (".cbam" if "cbam" in name else "") for name in before
            if not torch.equal(before[name], after[name])}  # fmt: skip


@pytest.fixture
def staged(recipe):
    return recipe(optimiser="adam", learning_rate=0.01, epochs=4, stages="1: new=1; 2: new=1 layer2=0.1; 3: **=0.1")


def test_only_what_learns_in_a_stage_changes(images, staged, tmp_path):
    watching = Watching()
    model = made()
    fit(Learner(model, prepare), images, staged, folder=tmp_path, callback=watching)
    first, second, third, fourth, _ = watching.states
    assert changed(first, second) == {"fc", "layer1.cbam"}
    assert changed(second, third) == {"fc", "layer1.cbam", "layer2"}
    assert changed(third, fourth) == {"fc", "layer1", "layer1.cbam", "layer2"}
    assert max(watching.rates[:5]) == pytest.approx(0.01, rel=0.1)
    assert max(watching.rates[-5:]) < 0.0011
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_statistics_of_what_rests_follow_the_images_if_asked(images, staged, tmp_path):
    watching = Watching()
    fit(Learner(made(), prepare), images, replace(staged, statistics="followed"), folder=tmp_path, callback=watching)
    first, second = watching.states[:2]
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert {name for name in moved if "cbam" not in name and not name.startswith("fc")} == {
        f"{layer}.1.{name}" for layer in ("layer1", "layer2") for name in
        ("running_mean", "running_var", "num_batches_tracked")
    }  # fmt: skip


@pytest.mark.parametrize("stop", [2, 4])
def test_a_run_stopped_in_any_stage_goes_on_to_the_same_weights(images, staged, tmp_path, stop):
    whole, stopped, resumed = made(), made(), made()
    fit(Learner(whole, prepare), images, staged, folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(Learner(stopped, prepare), images, staged, folder=tmp_path / "cut", callback=Watching(stop))
    fit(Learner(resumed, prepare), images, staged, folder=tmp_path / "cut", resume=True)
    assert torch.equal(weights(resumed), weights(whole))


def test_another_division_into_stages_is_another_run(images, staged, tmp_path):
    fit(Learner(made(), prepare), images, replace(staged, epochs=3), folder=tmp_path)
    other = replace(staged, epochs=3, stages="1: **=1")
    with pytest.raises(TrainingError, match="stages"):
        fit(Learner(made(), prepare), images, other, folder=tmp_path, resume=True)
