import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from torch import nn

from cbam_core.errors import TrainingError
from cbam_core.render.curves import measure_per_epoch
from cbam_core.results.history import HISTORY as HISTORY_FILE
from cbam_core.results.history import PROGRESS, Epoch, History, read_history, read_progress
from cbam_core.training.callbacks import Step
from cbam_core.training.recipes import Recipe, command_for
from cbam_core.training.records import Recording
from tests.made_runs import make_run

EPOCH = Epoch(1, 2.5, 0.1, 1.5, 0.5, 1.25, 0.75)
HISTORY = History((EPOCH,), (1.23456789, 0.5))


def step(number: int) -> Step:
    return Step(number, 1, number, 4, 2, 16, 1.0 / number, 0.1)


def test_history_comes_back(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    callback = Recording(tmp_path, recipe())
    callback.begin(nn.Identity(), History())
    callback.epoch(nn.Identity(), HISTORY)
    stored, history = read_history(tmp_path / "history.json")
    assert stored == recipe().as_dict()
    assert history.epochs == (EPOCH,)
    assert history.losses == (1.23457, 0.5)  # six digits


def test_progress_says_where_the_run_is_and_that_it_is_over(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    callback = Recording(tmp_path, recipe())
    assert read_progress(tmp_path) is None
    callback.begin(nn.Identity(), History())
    callback.step(step(1))
    first = read_progress(tmp_path)
    assert first is not None
    assert (first.epoch, first.epochs, first.index, first.steps, first.complete) == (1, 2, 1, 4, False)
    assert first.seconds_left == pytest.approx(7 * 16 / first.images_per_second)
    callback.step(step(2))
    assert read_progress(tmp_path) == first  # not a second has passed
    callback.end(HISTORY)
    last = read_progress(tmp_path)
    assert last is not None
    assert (last.index, last.complete, last.loss) == (2, True, 0.75)


def test_progress_has_the_losses_of_the_epoch_that_goes_on(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recording, "EVERY", 0.0)
    callback = Recording(tmp_path, recipe())
    callback.begin(nn.Identity(), History())
    for number, losses in ((1, (1.0,)), (3, (1.0, 0.333333))):
        callback.step(step(number))
        progress = read_progress(tmp_path)
        assert progress is not None
        assert progress.losses == losses  # six digits
    callback.epoch(nn.Identity(), HISTORY)
    callback.step(step(4))
    progress = read_progress(tmp_path)
    assert progress is not None
    assert progress.losses == (0.25,)


def test_files_of_a_run_are_plain_json(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    callback = Recording(tmp_path, recipe())
    callback.begin(nn.Identity(), History())
    callback.step(step(1))
    assert {path.name for path in tmp_path.iterdir()} == {"history.json", "progress.json"}
    assert json.loads((tmp_path / "history.json").read_text()) == {
        "recipe": recipe().as_dict(),
        "epochs": [],
        "losses": [],
    }


WORDS = ["number", "seconds", "learning_rate", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"recipe": {}, "epochs": [{"number": 1}], "losses": []}',
        json.dumps({"recipe": {}, "epochs": [dict.fromkeys(WORDS, "one")], "losses": []}),
        json.dumps({"recipe": {}, "epochs": ["one"], "losses": []}),
    ],
)
def test_what_is_no_history_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "history.json").write_text(content)
    with pytest.raises(TrainingError, match="is not the history of a training run"):
        read_history(tmp_path / "history.json")


@pytest.mark.parametrize("content", ["", "[]", '{"epoch": 1}', '{"losses": 3}'])
def test_a_broken_progress_file_is_no_progress(content: str, tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text(content)
    assert read_progress(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"epochs": ' + "[" * 100_000, '{"epochs": [], "recipe": {}, "losses": [' + "9" * 400 + "]}"],
    ids=["nested", "nested in a list", "400 digits"],
)
def test_a_damaged_history_is_one_sentence_and_a_damaged_progress_is_none(tmp_path, text):
    (tmp_path / "history.json").write_text(text)
    (tmp_path / "progress.json").write_text(text.replace("epochs", "losses"))
    with pytest.raises(TrainingError) as caught:
        read_history(tmp_path / "history.json")
    assert caught.value.code == "training.no-history"
    assert read_progress(tmp_path) is None


SPOILED = (None, True, -1, 10**400, 1e400, float("nan"), 1e300, "x", "\ud800", [], {}, [[[]]])


def _spoiled(record, draws):
    """A copy of a record in which one value, somewhere, is another one, or is missing."""
    record = json.loads(json.dumps(record))
    node = record
    while True:
        key = draws.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or draws.random() < 0.3:
            break
        node = inner
    if draws.random() < 0.2:
        del node[key]
    else:
        node[key] = draws.choice(SPOILED)
    return record


@pytest.mark.parametrize("name", [HISTORY_FILE, PROGRESS])
def test_files_that_are_changed_at_random_are_refused_or_can_be_shown(name, tmp_path):
    record, draws = json.loads((make_run(tmp_path) / name).read_text()), random.Random(0)
    refused = 0
    for _ in range(300):
        (tmp_path / name).write_text(json.dumps(_spoiled(record, draws)))
        try:
            shown = _history_as_shown(tmp_path) if name == HISTORY_FILE else _progress_as_shown(tmp_path)
        except TrainingError:
            shown = None
        refused += shown is None
        assert shown is None or json.dumps(shown, allow_nan=False, ensure_ascii=False).encode()
    assert 100 < refused < 300


def _history_as_shown(folder):
    recipe, history = read_history(folder / HISTORY_FILE)
    charts = [measure_per_epoch(history.epochs, measure) for measure in ("accuracy", "loss") if history.epochs]
    return [recipe, command_for(recipe, "runs/x"), charts]


def _progress_as_shown(folder):
    progress = read_progress(folder)
    return None if progress is None else [asdict(progress), progress.epoch / max(progress.epochs, 1)]


def test_an_epoch_without_a_number_that_can_be_is_refused(tmp_path):
    record = json.loads((make_run(tmp_path) / HISTORY_FILE).read_text())
    for value in (10**400, 1e400, 1.5, -1):
        record["epochs"][0]["number"] = value
        (tmp_path / HISTORY_FILE).write_text(json.dumps(record))
        with pytest.raises(TrainingError, match="is not the history of a training run"):
            read_history(tmp_path / HISTORY_FILE)
