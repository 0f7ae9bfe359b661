"""The Training page without a browser: runs that ship, go on, have stalled, and none at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from cbam_core import load_classifier
from cbam_core.results.film import FILM
from cbam_core.results.history import PROGRESS, read_progress
from cbam_core.training.records import write_progress
from tests.app.training.page import NETWORK, charts, metrics, open_training, progress_line, ship, texts
from tests.app.visiting import MAIN, go_to
from tests.made_runs import make_film, make_run


def test_a_run_that_ships_shows_curves_film_recipe_and_the_cards_test_accuracy(folders):
    ship(folders[0])
    app = open_training()
    card = load_classifier(NETWORK).card
    assert metrics(app)["Test accuracy"] == f"{100 * card.test_correct / card.test_count:.2f}\xa0%"
    assert metrics(app)["Validation accuracy, epoch 4"] == "88.0\xa0%"
    assert metrics(app)["Iterations"] == "100"
    assert metrics(app)["Training time"] == "2 min"
    assert len(charts(app)) == 3
    assert [len(json.loads(chart.proto.spec)["data"]) for chart in charts(app)] == [2, 2, 2]
    assert "after epochs 0, 1, 2, 4" in texts(app)
    assert card.command in texts(app)
    assert "learning rate" in " ".join(element.proto.body for element in app.get("html"))
    assert progress_line(app) == []
    assert not app.error


def test_charts_are_described_for_those_who_cannot_see_them(folders):
    ship(folders[0])
    spoken = [chart.proto.alt for chart in charts(open_training())]
    assert "at best 88.0\xa0% after epoch 4" in spoken[0]
    assert all("100 iterations" in text or "4 epochs" in text for text in spoken)


def test_a_run_that_goes_on_is_chosen_first_and_says_where_it_is(folders):
    ship(folders[0])
    make_run(folders[1] / "fast", complete=False, epochs=2, of=16)
    app = open_training()
    assert app.selectbox(key="training-run").value == "fast"
    (line,) = progress_line(app)
    assert line == "Epoch 3 of 16, batch 10 of 25 · loss 0.750 · 512 images/s · about 13 min left"
    assert "Test accuracy" not in metrics(app)
    assert not app.warning


def test_new_epochs_and_the_end_of_a_run_come_by_themselves(folders):
    folder = make_run(folders[1] / "fast", complete=False, epochs=2)
    app = open_training()
    assert "Validation accuracy, epoch 2" in metrics(app)
    make_run(folder, complete=False, epochs=3)
    app.run()
    assert "Validation accuracy, epoch 3" in metrics(app)
    make_run(folder, complete=True, epochs=4)
    app.run()
    assert "Validation accuracy, epoch 4" in metrics(app)
    assert progress_line(app) == []


def test_a_run_that_went_silent_is_said_to_have_stalled_and_how_to_go_on(folders):
    make_run(folders[1] / "fast", complete=False, age=300, epochs=2)
    app = open_training()
    (warning,) = app.warning
    assert "stalled" in warning.value
    assert "5 min ago, in epoch 3 of 4" in warning.value
    assert "cbam train --recipe fast --epochs 4 --set learning_rate=0.1" in texts(app)
    assert '--out "$CBAM_RUNS_DIR"/fast --resume' in texts(app)
    assert progress_line(app) == []
    assert len(charts(app)) == 3


def test_without_a_chosen_folder_of_runs_the_command_names_the_usual_one(folders, monkeypatch):
    monkeypatch.delenv("CBAM_RUNS_DIR")
    make_run(folders[1] / "my run", complete=False, age=300, epochs=2)
    assert "--out 'runs/my run' --resume" in texts(open_training())


def test_a_run_called_like_a_network_that_ships_has_an_address_of_its_own(folders):
    ship(folders[0])
    make_run(folders[1] / NETWORK, epochs=3)
    app = open_training()
    app.selectbox(key="training-run").select(f"runs/{NETWORK}").run()
    assert app.query_params["run"] == f"runs/{NETWORK}"
    again = AppTest.from_file(str(MAIN), default_timeout=60)
    again.query_params["run"] = f"runs/{NETWORK}"
    go_to(again, "training").run()
    assert again.selectbox(key="training-run").value == f"runs/{NETWORK}"


def test_a_run_that_has_only_begun(folders):
    folder = make_run(folders[1] / "fast", complete=False, epochs=0)
    (folder / PROGRESS).unlink()
    (folder / FILM).unlink()
    app = open_training()
    assert progress_line(app) == ["The run is starting"]
    assert "after the first epoch" in texts(app)
    assert len(charts(app)) == 0
    assert not app.error


def test_losses_of_the_epoch_that_goes_on_are_in_the_curve(folders):
    folder = make_run(folders[1] / "fast", complete=False, epochs=0)
    write_progress(folder, replace(read_progress(folder), losses=(2.3, 2.1, 1.9)))
    app = open_training()
    assert len(charts(app)) == 1  # before the first epoch is over
    assert "3 iterations" in charts(app)[0].proto.alt
    make_run(folder, complete=False, epochs=2)
    write_progress(folder, replace(read_progress(folder), losses=(0.9, 0.8)))
    app.run()
    assert "52 iterations" in charts(app)[2].proto.alt


def test_losses_of_an_epoch_that_is_over_are_not_counted_twice(folders):
    folder = make_run(folders[1] / "fast", complete=False, epochs=2)
    write_progress(folder, replace(read_progress(folder), epoch=2, losses=(0.9, 0.8)))
    assert "50 iterations" in charts(open_training())[2].proto.alt


def test_without_any_run_the_page_is_not_listed_and_says_how_to_start_one(folders):
    app = open_training()
    assert "cbam train --recipe fast --out runs/fast" in texts(app)
    assert not app.metric
    assert not app.error


def test_a_choice_survives_a_new_run_and_the_end_of_its_own(folders):
    make_run(folders[1] / "old", film=make_film((0, 1)))
    make_run(folders[1] / "new")
    app = open_training()
    app.selectbox(key="training-run").select("old").run()
    assert "after epochs 0, 1;" in texts(app)
    make_run(folders[1] / "newest", complete=False)
    app.run()
    assert app.selectbox(key="training-run").value == "old"
    assert "after epochs 0, 1;" in texts(app)
    shutil.rmtree(folders[1] / "old")
    app.run()
    assert not app.exception
    assert "after epochs 0, 1, 2, 4;" in texts(app)


def test_the_network_in_the_sidebar_brings_its_run(folders):
    ship(folders[0])
    ship(folders[0], "another")
    assert open_training().selectbox(key="training-run").value == NETWORK
