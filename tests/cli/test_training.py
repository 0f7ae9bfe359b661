"""``cbam train``: what it asks the library for, and what it prints."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cbam_core.cli import main
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.history import Epoch, History
from cbam_core.training import precision
from cbam_core.training import run as run_module
from cbam_core.training.building import Sources
from cbam_core.training.callbacks import Callbacks, Step
from cbam_core.training.recipes import FAST, REFERENCE
from cbam_core.training.run import TrainedRun


@pytest.fixture
def asked(monkeypatch, tiny_classifier):
    """Stands in for the training; records what was asked for."""
    from cbam_core.weights.card import Card

    calls = []
    done = replace(tiny_classifier, card=Card(test_correct=9, test_count=10))

    def train_classifier(recipe, folder, *, callbacks, **options):
        calls.append((recipe, folder, options))
        callbacks, history = Callbacks(callbacks), History()
        callbacks.begin(done.model, history)
        for number in range(1, recipe.epochs + 1):
            callbacks.step(Step(number, number, 1, 1, recipe.epochs, 16, 1.5, 0.1))
            history = History((*history.epochs, Epoch(number, 20.0, 0.1, 1.5, 0.5, 1.25, 0.625)))
            callbacks.epoch(done.model, history)
        callbacks.end(history)
        answers = np.zeros((10, 2), np.uint16)
        counted = None if options["resume"] else Evaluation(("a", "b"), *np.zeros((2, 10), np.uint8), answers)
        return TrainedRun(folder / "made.safetensors", done, counted)

    monkeypatch.setattr(run_module, "train_classifier", train_classifier)
    return calls


def test_the_recipe_is_followed_as_it_is(asked, tmp_path, capsys):
    assert main(["train", "--recipe", "fast", "--out", str(tmp_path)]) == 0
    recipe, folder, options = asked[0]
    assert recipe == FAST
    assert folder == tmp_path
    assert options == {"name": None, "data_folder": None, "resume": False, "tensorboard": True}
    said = capsys.readouterr().out.splitlines()
    assert len(said) == FAST.epochs + 3
    assert said[0] == f"for TensorBoard, run: tensorboard --logdir {tmp_path}"
    assert said[1] == "epoch   1  loss 1.5000  accuracy 50.00 %  validation 62.50 %  20 s"
    assert said[-2] == "test accuracy 90.00 %, 9 of 10"
    assert said[-1] == str(tmp_path / "made.safetensors")


def test_of_several_processes_the_first_says_the_outcome(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert main(["train", "--recipe", "fast", "--out", str(tmp_path)]) == 0
    assert "test accuracy" not in capsys.readouterr().out


def test_epochs_seed_and_places_can_be_chosen(asked, tmp_path, capsys):
    words = f"train --out {tmp_path} --epochs 2 --seed 5 --resume --name mine --data-dir {tmp_path} --no-tensorboard"
    assert main(words.split()) == 0
    recipe, _, options = asked[0]
    assert (recipe.epochs, recipe.seed, recipe.learning_rate) == (2, 5, FAST.learning_rate)
    assert options == {"name": "mine", "data_folder": tmp_path, "resume": True, "tensorboard": False}
    assert "already complete" in capsys.readouterr().out


def test_every_value_of_a_recipe_can_be_set(asked, tmp_path):
    words = f"train --recipe reference --out {tmp_path} --set learning_rate=0.02 --set flip=no --epochs 1"
    assert main(words.split()) == 0
    recipe, _, _ = asked[0]
    assert recipe == replace(REFERENCE, learning_rate=0.02, flip=False, epochs=1)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("--set lr=3", 3, "a recipe has no value 'lr'"),
        ("--set epochs=-1", 3, "epochs must lie in [1, 100000]; given -1"),
        ("--set epochs", 2, "'epochs' must look like NAME=VALUE"),
        ("--recipe best", 2, "'best' is not one of fast, reference, residual, staged, strong"),
    ],
)
def test_a_broken_value_is_one_line_and_nothing_is_started(asked, tmp_path, capsys, words, status, said):
    assert main(["train", "--out", str(tmp_path / "run"), *words.split()]) == status
    assert said in " ".join(capsys.readouterr().err.split())
    assert asked == []


def test_missing_data_are_one_line_and_nothing_is_started(tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path / "run"), "--data-dir", str(tmp_path)]) == 3
    said, errors = capsys.readouterr()
    assert said == ""
    assert errors.count("\n") == 1
    assert "cbam data fetch" in errors
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("dtype", "said"), [(torch.float32, True), (torch.bfloat16, False)])
def test_a_processor_without_bfloat16_is_reported(asked, tmp_path, capsys, monkeypatch, dtype, said):
    monkeypatch.setattr(precision, "arithmetic", lambda device: dtype)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert main(["train", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert ("no instructions for bfloat16; the run computes in float32" in capsys.readouterr().err) == said
    assert main(["train", "--epochs", "1", "--set", "bfloat16=no", "--out", str(tmp_path)]) == 0
    assert "bfloat16" not in capsys.readouterr().err


def test_every_command_in_the_help_names_a_recipe_that_can_be_followed(asked, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["train", "--help"])
    said = capsys.readouterr().out.split("Examples:")[1]
    commands = [line.split("cbam", 1)[1].split() for line in said.splitlines() if line.strip().startswith("cbam train")]
    assert len(commands) >= 3
    for words in commands:
        assert main(words) == 0


def test_resuming_alone_goes_on_with_the_stored_recipe(asked, tmp_path):
    from cbam_core.training.state import store

    stored = replace(REFERENCE, learning_rate=0.02, epochs=3)
    store(tmp_path, stored, History(), {})
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 0
    assert main(["train", "--out", str(tmp_path), "--resume", "--epochs", "4"]) == 0
    assert main(["train", "--out", str(tmp_path), "--resume", "--recipe", "fast"]) == 0
    assert [recipe for recipe, _, _ in asked] == [stored, replace(stored, epochs=4), FAST]


def test_resuming_where_there_is_no_run_says_that_one_begins(asked, tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 0
    assert f"cbam: there is no run in {tmp_path} yet, so one begins\n" in capsys.readouterr().err
    assert asked[0][0] == FAST
    assert main(["train", "--out", str(tmp_path)]) == 0
    assert "so one begins" not in capsys.readouterr().err


def test_a_run_that_was_stopped_in_its_first_epoch_is_known_by_its_history(asked, tmp_path):
    from cbam_core.training.records import write_history

    write_history(tmp_path, replace(FAST, epochs=2, seed=7).as_dict(), History())
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 0
    assert asked[0][0] == replace(FAST, epochs=2, seed=7)


@pytest.mark.parametrize("begun", [True, False])
def test_ctrl_c_says_how_a_run_that_has_begun_continues(tmp_path, capsys, monkeypatch, begun):
    folder = tmp_path / "my run"

    def stopped(*_, **__):
        if begun:
            folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "train_classifier", stopped)
    assert main(["train", "--out", str(folder)]) == 130
    said = f"cbam: stopped; continue with: cbam train --out '{folder}' --resume\n" if begun else ""
    assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize("content", [{"recipe": {"epochs": 3}}, {"recipe": "fast"}, [1], None])
def test_a_damaged_state_is_one_line(asked, tmp_path, capsys, content):
    torch.save(content, tmp_path / "state.pt")
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert asked == []


def test_the_american_spelling_is_understood(asked, tmp_path):
    assert main(["train", "--out", str(tmp_path), "--set", "optimizer=adam", "--set", "learning_rate=0.001"]) == 0
    assert asked[0][0].optimiser == "adam"


def test_a_network_a_folder_and_weights_of_ones_own_are_passed_on(asked, tmp_path):
    words = f"train --out {tmp_path} --model torchvision:resnet18 --insert layer[1-4] --gradual --size 64 --epochs 1"
    assert main([*words.split(), "--data", "photos", "--weights", "mine.pth"]) == 0
    assert main(["train", "--out", str(tmp_path), "--model", "my.nets:build", "--epochs", "1", "--plain"]) == 0
    (recipe, _, options), (own, _, others) = asked
    assert (recipe.architecture, recipe.insert, recipe.size) == ("torchvision:resnet18", "layer[1-4]", 64)
    assert (recipe.gradual, own.gradual) == (True, False)
    assert options["sources"] == Sources("", "photos", "mine.pth")
    assert others["sources"] == Sources("my.nets:build")


def test_a_run_without_test_images_says_how_it_was_watched(tmp_path, capsys, monkeypatch, tiny_classifier):
    from cbam_core.weights.card import Card

    done = replace(tiny_classifier, card=Card(history=({"validation_accuracy": 0.75},)))
    monkeypatch.setattr(run_module, "train_classifier", lambda *_, **__: TrainedRun(tmp_path / "a.toml", done, None))
    assert main(["train", "--out", str(tmp_path), "--epochs", "1"]) == 0
    assert "validation accuracy 75.00 %; there are no test images" in capsys.readouterr().out
