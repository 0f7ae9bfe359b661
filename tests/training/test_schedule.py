import pytest
import torch

from cbam_core.nn import CBAM_CNN
from cbam_core.training.schedule import make_optimiser, make_schedule, one_cycle, parameter_groups
from tests.training.conftest import network


def test_learning_rate_climbs_to_the_peak_and_ends_near_zero() -> None:
    shares = [one_cycle(step, 100, 0.2) for step in range(100)]
    assert max(shares) == pytest.approx(1)
    assert shares.index(max(shares)) == pytest.approx(20, abs=1)
    assert shares[:21] == sorted(shares[:21])
    assert shares[20:] == sorted(shares[20:], reverse=True)
    assert shares[0] < 0.06
    assert shares[-1] < 0.001


def test_a_second_cycle_follows_a_whole_first_one(recipe) -> None:
    made = recipe(epochs=10, second=4, second_rate=0.25, learning_rate=0.4)
    optimiser = make_optimiser(network(), made)
    schedule = make_schedule(optimiser, made, 100)
    rates = []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[:60] == pytest.approx([0.4 * one_cycle(step, 60, made.warmup) for step in range(60)])
    assert rates[60:] == pytest.approx([0.1 * one_cycle(step, 40, made.warmup) for step in range(40)])


def test_gates_norms_and_biases_do_not_decay() -> None:
    model = network()
    decayed, free = parameter_groups(model, 0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    layers = ("conv1", "conv2", "conv3", "fc1", "fc2")
    assert {names[id(p)] for p in decayed["params"]} == {f"{layer}.weight" for layer in layers}
    assert len(decayed["params"]) + len(free["params"]) == len(names)
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_the_recipe_chooses_optimiser_and_schedule(recipe) -> None:
    model = CBAM_CNN()
    sgd = make_optimiser(model, recipe(momentum=0.8))
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.param_groups[0]["momentum"] == 0.8
    assert sgd.param_groups[0]["nesterov"]
    adam = make_optimiser(model, recipe(optimiser="adam", learning_rate=1e-3))
    assert isinstance(adam, torch.optim.Adam)
    plateau = make_schedule(adam, recipe(schedule="plateau"), 10)
    for _ in range(5):
        plateau.step(1.0)
    assert adam.param_groups[0]["lr"] == pytest.approx(5e-4)  # halved after the fourth epoch without progress


def test_muon_takes_hidden_layers_alone(recipe) -> None:
    model = CBAM_CNN()
    optimiser = make_optimiser(model, recipe(optimiser="muon", learning_rate=0.05, other_rate=0.1, hidden_decay=0.01))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    hidden, ends, free = ([names[id(p)] for p in group["params"]] for group in optimiser.param_groups)
    assert hidden == ["conv2.weight", "conv3.weight", "fc1.weight"]
    assert ends == ["conv1.weight", "fc2.weight"]
    assert len(hidden) + len(ends) + len(free) == len(names)
    assert [group["lr"] for group in optimiser.param_groups] == [0.05, 0.1, 0.1]
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.01, recipe().weight_decay, 0.0]
