"""The Training page without a browser: runs that ship, go on, have stalled, are damaged, and none at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from cbam_core import load_classifier
from cbam_core.places import shipped_checkpoints
from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, PROGRESS, read_progress
from cbam_core.training.records import write_progress
from tests.app.visiting import MAIN, go_to, open_page, put_network
from tests.made_runs import make_film, make_run

NETWORK = "cbam_cnn_cifar10"


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """A folder with one shipped network, and one for runs, both this test's own."""
    checkpoints, runs = tmp_path / "checkpoints", tmp_path / "runs"
    checkpoints.mkdir()
    runs.mkdir()
    put_network(checkpoints)
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(checkpoints))
    monkeypatch.setenv("CBAM_RUNS_DIR", str(runs))
    return checkpoints, runs


def ship(checkpoints, name=NETWORK):
    made = make_run(checkpoints.parent / "made")
    for kept in (HISTORY, FILM):
        shutil.copy(made / kept, checkpoints / f"{name}.{kept}")


def open_training():
    return open_page("training")


def texts(app):
    found = [*app.markdown, *app.caption, *app.error, *app.warning, *app.code]
    return " ".join(element.value for element in found)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def charts(app):
    return app.get("plotly_chart")


def progress_line(app):
    return [element.proto.text for element in app.get("progress")]


def test_a_run_that_ships_shows_curves_film_recipe_and_the_cards_test_accuracy(folders):
    ship(folders[0])
    app = open_training()
    card = load_classifier(NETWORK).card
    assert metrics(app)["Test accuracy"] == f"{100 * card.test_correct / card.test_count:.2f} %"
    assert metrics(app)["Validation accuracy, epoch 4"] == "88.0 %"
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
    assert "at best 88.0 % after epoch 4" in spoken[0]
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


def test_without_any_run_the_page_is_not_listed_and_says_how_to_start_one(folders):
    app = open_training()
    assert "cbam train --recipe fast --out runs/fast" in texts(app)
    assert not app.metric
    assert not app.error


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


def test_a_folder_may_be_named_anything(folders):
    make_run(folders[1] / "<b>*x* $(rm)", complete=False, age=300)
    app = open_training()
    assert not app.error
    assert """ --out "$CBAM_RUNS_DIR"/'<b>*x* $(rm)' --resume""" in texts(app)


SHIPPED = shipped_checkpoints()


def shipped(name):
    """Bytes of a network that ships, wherever checkpoints are looked for by now."""
    return SHIPPED[name].read_bytes()


@pytest.fixture
def finished(folders):
    """A run that wrote its network, with the network's card."""
    made = make_run(folders[1] / "mine")
    put_network(made, "net")
    return made


def network(app):
    return app.sidebar.selectbox(key="network_name")


def test_a_finished_run_shows_its_test_accuracy_and_its_network_is_in_the_sidebar(folders, finished):
    ship(folders[0])
    app = open_training()
    card = load_classifier(finished / "net.safetensors").card
    app.selectbox(key="training-run").select("mine").run()
    assert metrics(app)["Test accuracy"] == f"{100 * card.test_correct / card.test_count:.2f} %"
    assert network(app).options == [NETWORK, "Run: mine"]
    assert network(app).value == "runs/mine"
    assert not app.warning


@pytest.mark.parametrize("page", ["inspect", "model"])
def test_a_finished_run_opens_on_other_pages_by_one_click(folders, finished, page):
    app = open_training()
    app.button(key=f"training-to-{page}").click().run()
    assert not app.exception
    assert app.title[0].value == page.capitalize()
    assert network(app).value == "runs/mine"
    assert app.query_params["network"] == ["runs/mine"] or app.query_params["network"] == "runs/mine"


def test_it_opens_on_compare_beside_another_network(folders, finished):
    app = open_training()
    app.button(key="training-to-compare").click().run()
    assert not app.exception
    assert app.segmented_control(key="compare-mode").value == "networks"
    chosen = [box.value for box in app.selectbox if box.label.startswith("Network ")]
    assert chosen == ["runs/mine", NETWORK]


def test_run_and_sidebar_follow_each_other(folders, finished):
    ship(folders[0])
    app = open_training()
    assert (app.selectbox(key="training-run").value, network(app).value) == (NETWORK, NETWORK)
    app.selectbox(key="training-run").select("mine").run()
    assert (app.selectbox(key="training-run").value, network(app).value) == ("mine", "runs/mine")
    network(app).select(NETWORK).run()
    assert (app.selectbox(key="training-run").value, network(app).value) == (NETWORK, NETWORK)


def test_where_they_cannot_agree_a_line_says_so(folders):
    ship(folders[0])
    make_run(folders[1] / "live", complete=False, epochs=2)
    app = open_training()
    assert app.selectbox(key="training-run").value == "live"
    assert "has not written its network yet; the sidebar shows another one, cbam\\_cnn\\_cifar10" in texts(app)
    assert not [button for button in app.button if (button.key or "").startswith("training-to")]


def test_a_network_that_its_run_has_just_written_is_there_without_a_restart(folders):
    folder = make_run(folders[1] / "live", complete=False, epochs=2)
    app = open_training()
    assert network(app).options == [NETWORK]
    make_run(folder)
    put_network(folder, "net")
    app.run()
    assert network(app).options == [NETWORK, "Run: live"]
    assert network(app).value == "runs/live"
    assert "Test accuracy" in metrics(app)


def test_a_run_that_was_deleted_is_one_sentence_and_another_network_is_shown(folders, finished):
    ship(folders[0])
    app = open_training()
    app.selectbox(key="training-run").select("mine").run()
    shutil.rmtree(finished)
    app.run()
    assert not app.exception
    (warning,) = app.sidebar.warning
    assert warning.value == "The network Run\\: mine is no longer there. cbam\\_cnn\\_cifar10 is shown instead."
    network(app).select(NETWORK).run()
    assert network(app).value == NETWORK


def test_a_network_that_code_of_its_owner_builds_is_one_sentence_that_says_how_to_open_it(folders, finished):
    whole = (finished / "net.safetensors").read_bytes()
    (finished / "net.safetensors").write_bytes(whole[:5000])
    (finished / "net.toml").write_text('model = "my.nets:build"\n', encoding="utf-8")
    ship(folders[0])
    app = open_training()
    app.selectbox(key="training-run").select("mine").run()
    assert [error.value for error in app.error] == [
        "The network of the run mine is built by code of its owner; the operator shows it by cbam app --model net.toml."
    ]


def test_a_network_that_is_half_written_is_one_sentence_without_the_servers_folders(folders, finished):
    whole = (finished / "net.safetensors").read_bytes()
    (finished / "net.safetensors").write_bytes(whole[:5000])
    ship(folders[0])
    app = open_training()
    app.selectbox(key="training-run").select("mine").run()
    (error,) = app.error
    assert error.value.startswith("The network of the run mine cannot be opened")
    assert str(folders[1]) not in error.value
    assert network(app).value == NETWORK
    network(app).select("runs/mine").run()
    assert "The network of the run mine cannot be opened" in app.sidebar.warning[0].value
    assert network(app).value == NETWORK
    assert not app.exception


def test_the_file_of_a_run_is_known_when_it_is_uploaded(folders, finished):
    (folders[0] / f"{NETWORK}.safetensors").rename(folders[0] / "other.safetensors")
    (folders[0] / "other.safetensors").write_bytes(shipped("cbam_resnet_cifar10"))
    app = open_training()
    content = (finished / "net.safetensors").read_bytes()
    app.sidebar.file_uploader[0].set_value([("again.safetensors", content, "application/octet-stream")]).run()
    assert not app.exception
    assert network(app).options == ["other", "Run: mine"]
    assert network(app).value == "runs/mine"
