"""Runs of which something is missing, damaged or odd: one sentence says so, and the rest is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, PROGRESS, read_progress
from cbam_core.training.records import write_progress
from tests.app.training.page import NETWORK, charts, open_training, progress_line, ship, texts
from tests.made_runs import make_run


def test_progress_without_a_history_is_no_error(folders):
    folder = make_run(folders[1] / "fast", complete=False)
    (folder / HISTORY).unlink()
    app = open_training()
    assert len(progress_line(app)) == 1
    assert not app.error


def test_an_impossible_progress_does_not_break_the_page(folders):
    folder = make_run(folders[1] / "fast", complete=False)
    progress = read_progress(folder)
    write_progress(folder, replace(progress, epoch=99, steps=0, epochs=0))
    assert len(progress_line(open_training())) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"recipe": {}, "epochs": [{"number": 1}], "losses": []}'])
def test_a_damaged_history_is_one_sentence_and_the_film_stays(folders, text):
    ship(folders[0])
    (folders[0] / f"{NETWORK}.{HISTORY}").write_text(text)
    app = open_training()
    (error,) = app.error
    assert (
        error.value
        == "cbam\\_cnn\\_cifar10.history.json cannot be read: it is damaged, or is not a record of a training run."
    )
    assert "press play" in texts(app)
    assert str(folders[0]) not in texts(app)


def test_words_where_numbers_should_be_are_damage_too(folders):
    folder = make_run(folders[1] / "odd")
    record = json.loads((folder / HISTORY).read_text())
    record["epochs"][1]["validation_accuracy"] = "high"
    (folder / HISTORY).write_text(json.dumps(record))
    assert len(open_training().error) == 1


@pytest.mark.parametrize("content", [b"", b"no film", "cut"])
def test_a_damaged_film_is_one_sentence_and_the_curves_stay(folders, content):
    folder = make_run(folders[1] / "fast")
    whole = (folder / FILM).read_bytes()
    (folder / FILM).write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    app = open_training()
    (error,) = app.error
    assert error.value.startswith("film.npz cannot be read")
    assert len(charts(app)) == 3


@pytest.mark.parametrize("name", [HISTORY, PROGRESS])
@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 400, '{"epochs": [{"number": 1e400}]}'], ids=len)
def test_a_damaged_run_is_listed_as_such_and_the_others_stay(folders, name, text):
    make_run(folders[1] / "whole")
    (make_run(folders[1] / "odd") / name).write_text(text)
    app = open_training()
    assert app.selectbox(key="training-run").options == ["odd (cannot be read)", "whole"]
    app.selectbox(key="training-run").select("odd").run()
    assert not app.exception
    assert [error.value.partition(" cannot")[0] for error in app.error] == [name]
    app.selectbox(key="training-run").select("whole").run()
    assert not app.exception
    assert not app.error
    assert len(charts(app)) == 3


def test_a_run_without_a_film_shows_the_rest(folders):
    (make_run(folders[1] / "fast") / FILM).unlink()
    app = open_training()
    assert "press play" not in texts(app)
    assert len(charts(app)) == 3
    assert not app.error


def test_a_folder_may_be_named_anything(folders):
    make_run(folders[1] / "<b>*x* $(rm)", complete=False, age=300)
    app = open_training()
    assert not app.error
    assert """ --out "$CBAM_RUNS_DIR"/'<b>*x* $(rm)' --resume""" in texts(app)
