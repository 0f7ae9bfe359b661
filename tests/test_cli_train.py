"""``cbam train``: what it asks the library for, and what it prints."""

import pytest

from cbam_core.cli import main
from cbam_core.training import run as run_module
from cbam_core.training.loop import Epoch
from cbam_core.training.recipes import SHORT
from cbam_core.training.run import TrainedRun
from cbam_core.training.scoring import Score


@pytest.fixture
def asked(monkeypatch, tiny_classifier):
    """Stands in for the training; records what was asked for."""
    from dataclasses import replace

    from cbam_core.weights.card import Card

    calls = []
    done = replace(tiny_classifier, card=Card(test_correct=9, test_count=10))

    def train_classifier(recipe, folder, *, report, **options):
        calls.append((recipe, folder, options))
        for number in range(1, recipe.epochs + 1):
            report(Epoch(number, 20.0, 1.5, 0.5, 1.25, 0.625))
        counted = None if options["resume"] else Score(("a",), (9,), (10,))
        return TrainedRun(folder / "made.safetensors", done, counted)

    monkeypatch.setattr(run_module, "train_classifier", train_classifier)
    return calls


def test_the_recipe_is_followed_as_it_is(asked, tmp_path, capsys):
    assert main(["train", "--recipe", "short", "--out", str(tmp_path)]) == 0
    recipe, folder, options = asked[0]
    assert recipe == SHORT
    assert folder == tmp_path
    assert options == {"name": None, "data_folder": None, "resume": False}
    said = capsys.readouterr().out.splitlines()
    assert len(said) == SHORT.epochs + 2
    assert said[0] == "epoch   1  loss 1.5000  right 50.00%  held out 62.50%  20 s"
    assert said[-2] == "test accuracy 90.00%, 9 of 10"
    assert said[-1] == str(tmp_path / "made.safetensors")


def test_epochs_seed_and_places_can_be_chosen(asked, tmp_path, capsys):
    words = f"train --out {tmp_path} --epochs 2 --seed 5 --resume --name mine --data-dir {tmp_path}"
    assert main(words.split()) == 0
    recipe, _, options = asked[0]
    assert (recipe.epochs, recipe.seed, recipe.learning_rate) == (2, 5, SHORT.learning_rate)
    assert options == {"name": "mine", "data_folder": tmp_path, "resume": True}
    assert "finished before" in capsys.readouterr().out


def test_missing_data_are_one_line_and_nothing_is_started(tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path / "run"), "--data-dir", str(tmp_path)]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "cbam data fetch" in errors
    assert not (tmp_path / "run").exists()
