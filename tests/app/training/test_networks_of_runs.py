"""A run and the network that it wrote: on this page, in the sidebar, and on other pages."""

from __future__ import annotations

import shutil

import pytest

from cbam_core import load_classifier
from cbam_core.places import shipped_checkpoints
from tests.app.training.page import NETWORK, metrics, open_training, ship, texts
from tests.app.visiting import put_network
from tests.made_runs import make_run

SHIPPED = shipped_checkpoints()


def shipped(name):
    """Bytes of a network that ships, wherever checkpoints are looked for by now."""
    return SHIPPED[name].read_bytes()


def network(app):
    return app.sidebar.selectbox(key="network_name")


def test_a_finished_run_shows_its_test_accuracy_and_its_network_is_in_the_sidebar(folders, finished):
    ship(folders[0])
    app = open_training()
    card = load_classifier(finished / "net.safetensors").card
    app.selectbox(key="training-run").select("mine").run()
    assert metrics(app)["Test accuracy"] == f"{100 * card.test_correct / card.test_count:.2f}\xa0%"
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
