"""The loop on a hundred images: learning, keeping, stopping and going on."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from cbam_core.errors import TrainingError
from cbam_core.results.history import History
from cbam_core.training import loop
from cbam_core.training.callbacks import Callback, Step
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, fit
from cbam_core.training.recipes import Recipe
from cbam_core.training.transforms import Draws, draw
from tests.interpreter import Interpreter
from tests.training.conftest import SIDE, network, prepare, weights

Make = Callable[..., Recipe]


class Listening(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.steps: list[Step] = []
        self.modes: list[bool] = []

    def begin(self, model: torch.nn.Module, history: History) -> None:
        self.told.append("begin")
        self.modes.append(model.training)

    def step(self, step: Step) -> None:
        self.told.append("step")
        self.steps.append(step)

    def epoch(self, model: torch.nn.Module, history: History) -> None:
        self.told.append("epoch")
        self.modes.append(model.training)

    def end(self, history: History) -> None:
        self.told.append("end")


class Stopping(Callback):
    """Ends the run after some steps, as Ctrl+C would."""

    def __init__(self, after: int) -> None:
        self.left = after

    def step(self, step: Step) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_two_epochs_lower_the_loss_and_are_told_step_by_step(images: Images, recipe: Make, tmp_path: Path) -> None:
    callback = Listening()
    model = network()
    history = fit(Learner(model, prepare), images, recipe(), folder=tmp_path, callback=callback)
    assert [epoch.number for epoch in history.epochs] == [1, 2]
    assert history.epochs[1].train_loss < history.epochs[0].train_loss
    assert callback.told == ["begin", *["step"] * 5, "epoch", *["step"] * 5, "epoch", "end"]
    assert [step.number for step in callback.steps] == list(range(1, 11))
    assert tuple(step.loss for step in callback.steps) == history.losses
    assert history.epochs[0].train_loss == pytest.approx(sum(history.losses[:5]) / 5)
    assert callback.modes == [False, False, False]
    assert not model.training


def test_every_epoch_trains_in_training_mode(images: Images, recipe: Make, tmp_path: Path) -> None:
    model, modes = network(), []
    model.dropout.register_forward_hook(lambda module, *_: modes.append(module.training))
    fit(Learner(model, prepare), images, recipe(), folder=tmp_path)
    assert modes == [*[True] * 5, False] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "adam", "schedule": "plateau", "learning_rate": 1e-3},
        {"optimiser": "muon", "hidden_decay": 0.01},
        {"epochs": 3, "second": 2, "plain": 1, "pasted": 0.5, "optimiser": "muon"},
        {"keep": "best", "epochs": 3},
        {"bfloat16": True, "erased": 8, "brightness": 0.2, "rotation": 10.0, "pasted": 0.5, "alternating": True},
    ],
    ids=["sgd", "adam", "muon", "second cycle", "best", "all transforms"],
)
def test_a_stopped_run_goes_on_to_the_same_weights(
    images: Images, recipe: Make, tmp_path: Path, changes: dict[str, object]
) -> None:
    whole, stopped, resumed = network(), network(), network(seed=9)
    expected = fit(Learner(whole, prepare), images, recipe(**changes), folder=tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fit(Learner(stopped, prepare), images, recipe(**changes), folder=tmp_path / "b", callback=Stopping(8))
    history = fit(Learner(resumed, prepare), images, recipe(**changes), folder=tmp_path / "b", resume=True)
    assert torch.equal(weights(whole), weights(resumed))
    assert history.losses == expected.losses


def test_the_last_epochs_are_neither_erased_nor_patched(
    images: Images, recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Draws] = []

    def draw_and_keep(*given: object) -> Draws:
        drawn.append(draw(*given))
        return drawn[-1]

    monkeypatch.setattr(loop, "draw", draw_and_keep)
    made = recipe(epochs=3, plain=2, erased=8, pasted=0.5)
    fit(Learner(network(), prepare), images, made, folder=tmp_path)
    disturbed = [(draws.hole is not None, draws.patches is not None) for draws in drawn]
    assert disturbed == [(True, True)] * 5 + [(False, False)] * 10
    assert all(draws.shift is not None and draws.mirrored is not None for draws in drawn)


def test_one_seed_gives_one_network_and_another_seed_another(images: Images, recipe: Make, tmp_path: Path) -> None:
    models = [network() for _ in range(3)]
    for number, (model, seed) in enumerate(zip(models, (0, 0, 1), strict=True)):
        fit(Learner(model, prepare), images, recipe(seed=seed), folder=tmp_path / str(number))
    assert torch.equal(weights(models[0]), weights(models[1]))
    assert not torch.equal(weights(models[0]), weights(models[2]))


def test_best_keeps_the_epoch_of_the_greatest_validation_accuracy(images: Images, recipe: Make, tmp_path: Path) -> None:
    model = network()
    history = fit(Learner(model, prepare), images, recipe(keep="best", epochs=4), folder=tmp_path)
    held = images.held_out(20)[1]
    with torch.inference_mode():
        right = model(prepare(held.pixels)).argmax(1) == held.labels
    assert float(right.double().mean()) == max(epoch.validation_accuracy for epoch in history.epochs)


def test_batches_in_pieces_give_the_gradient_of_the_whole(images: Images, recipe: Make, tmp_path: Path) -> None:
    # A network without batch statistics and dropout, whose gradients add up.
    def linear() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIDE**2, 10)).double()

    def double(pixels: torch.Tensor) -> torch.Tensor:
        return prepare(pixels).double()

    whole, pieces = linear(), linear()
    fit(Learner(whole, double), images, recipe(), folder=tmp_path / "a")
    fit(Learner(pieces, double), images, recipe(), folder=tmp_path / "b", pieces=4)
    assert weights(whole) == pytest.approx(weights(pieces), abs=1e-5)  # the loss itself is computed in float32


def test_a_batch_that_cannot_be_shared_is_refused(images: Images, recipe: Make, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="a batch of 16 images cannot be shared by 3; choose a batch_size"):
        fit(Learner(network(), prepare), images, recipe(), folder=tmp_path, pieces=3)


def test_a_batch_larger_than_the_training_part_is_refused(images: Images, recipe: Make, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match="larger than the training part of 80; choose a smaller one, such as --set batch_size=32"
    ):
        fit(Learner(network(), prepare), images, recipe(batch_size=81), folder=tmp_path)


def test_resuming_another_recipe_is_refused_and_names_what_differs(
    images: Images, recipe: Make, tmp_path: Path
) -> None:
    fit(Learner(network(), prepare), images, recipe(), folder=tmp_path)
    said = r"another recipe \(different: learning_rate: 0.05 there, 0.1 given\)"
    with pytest.raises(TrainingError, match=said):
        fit(Learner(network(), prepare), images, recipe(learning_rate=0.1), folder=tmp_path, resume=True)


def test_a_state_that_is_none_is_refused_in_one_sentence(images: Images, recipe: Make, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"nothing of ours")
    with pytest.raises(TrainingError, match="not a stored run that this version reads"):
        fit(Learner(network(), prepare), images, recipe(), folder=tmp_path, resume=True)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_epoch_before(
    images: Images, recipe: Make, tmp_path: Path
) -> None:
    calls = 0

    def poisoned(pixels: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return prepare(pixels) * (math.nan if calls > 7 else 1)

    with pytest.raises(TrainingError, match="no longer a number in epoch 2; start again with a smaller learning rate"):
        fit(Learner(network(), poisoned), images, recipe(), folder=tmp_path)
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    assert len(stored["epochs"]) == 1


def test_a_disk_that_fills_up_loses_no_epoch(
    images: Images, recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cbam_core.training.state as state

    whole, first, second = network(), network(), network(seed=5)
    fit(Learner(whole, prepare), images, recipe(), folder=tmp_path / "a")
    written = state.write_atomically
    calls = 0

    def full(path: Path, write: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        written(path, write)  # type: ignore[arg-type]

    monkeypatch.setattr(state, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        fit(Learner(first, prepare), images, recipe(), folder=tmp_path / "b")
    fit(Learner(second, prepare), images, recipe(), folder=tmp_path / "b", resume=True)
    assert torch.equal(weights(whole), weights(second))


def test_what_is_measured_on_images_held_out_is_the_plain_definition(
    images: Images, recipe: Make, tmp_path: Path
) -> None:
    model = network()
    measured = fit(Learner(model, prepare), images, recipe(), folder=tmp_path).epochs[-1]
    held = images.held_out(20)[1]
    with torch.no_grad():
        logits = model(prepare(held.pixels))
    assert measured.validation_loss == pytest.approx(float(functional.cross_entropy(logits, held.labels)), rel=1e-5)
    assert measured.validation_accuracy == int((logits.argmax(1) == held.labels).sum()) / 20


KILLED = '''
import sys, time, torch
from pathlib import Path
from cbam_core.training.loop import Learner, fit
from cbam_core.training.recipes import Recipe
from cbam_core.training.callbacks import Callback
from tests.training.conftest import network, prepare, small_images

class Slow(Callback):
    """However late it is killed, the run has not come to its end."""

    def step(self, step):
        print(step.number, flush=True)
        time.sleep(0.05 if step.number < 10 else 1000)

torch.set_num_threads(1)
recipe = Recipe(name="test", epochs=2, batch_size=16, learning_rate=0.05, validation=20, bfloat16=False)
fit(Learner(network(), prepare), small_images(), recipe, folder=Path(sys.argv[1]), callback=Slow())
'''


def test_a_run_killed_at_once_goes_on_to_the_same_weights(
    interpreter: Interpreter, images: Images, recipe: Make, tmp_path: Path
) -> None:
    run = interpreter.start(KILLED, tmp_path / "b", cwd=Path(__file__).parents[2])
    run.says(r"^7\n")
    time.sleep(0.02)
    run.kill()
    assert run.wait().returncode == -signal.SIGKILL
    whole, resumed = network(), network(seed=9)
    fit(Learner(whole, prepare), images, recipe(), folder=tmp_path / "a")
    history = fit(Learner(resumed, prepare), images, recipe(), folder=tmp_path / "b", resume=True)
    assert len(history.epochs) == 2
    assert torch.equal(weights(whole), weights(resumed))


@pytest.mark.parametrize("broken", ["loss", "weights"])
def test_a_network_that_came_to_compute_with_no_numbers_is_one_sentence_and_is_not_stored(
    images: Images, recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    measured = loop._totals

    def measure(model: torch.nn.Module, *rest: object) -> tuple[float, int]:
        if broken == "weights":
            model.get_buffer("bn1.running_var").fill_(float("inf"))
        _, right = measured(model, *rest)
        return (float("nan"), right) if broken == "loss" else (1.0, right)

    fit(Learner(network(), prepare), images, recipe(epochs=1), folder=tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    monkeypatch.setattr(loop, "_totals", measure)
    with pytest.raises(TrainingError, match="no longer computes with finite numbers after epoch 1; start again"):
        fit(Learner(network(), prepare), images, recipe(epochs=1), folder=tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == before
