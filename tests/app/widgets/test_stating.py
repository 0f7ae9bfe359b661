"""What a visitor states about a network of their own, in the page: asked for, shown, refused and undone."""

from __future__ import annotations

import io

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.widgets.stating import class_names, numbers
from cbam_core import CBAM_CNN
from tests.app.visiting import MAIN, go_to


@pytest.fixture(autouse=True)
def _nothing_is_found_out(monkeypatch):
    monkeypatch.setattr("app.widgets.stating.services.with_usual", lambda classifier: classifier)


def open_dialog(content):
    """Upload a network on the page Model, and open the dialog."""
    app = go_to(AppTest.from_file(str(MAIN), default_timeout=60), "model").run()
    file = io.BytesIO()
    torch.save(content, file)
    app.sidebar.file_uploader[0].set_value([("best.pth", file.getvalue(), "application/octet-stream")]).run()
    app.button(key="own-stating-open").click().run()
    assert not app.exception
    return app


def card(app):
    return " ".join(element.proto.body for element in app.get("html"))


def test_classes_and_normalisation_are_stated_shown_on_the_card_and_undone():
    app = open_dialog(CBAM_CNN(3, hidden=4).state_dict())
    assert "the file names no classes" in card(app)
    app.text_area(key="stating-classes").set_value("cat\ndog\nowl")
    app.selectbox(key="stating-normalisation").set_value("imagenet")
    app.button(key="stating-apply").click().run()
    app.run()
    assert not app.exception
    assert "cat, dog, owl" in card(app)
    assert "mean 0.4850, 0.4560, 0.4060" in card(app)
    assert "the file names no" not in card(app)
    assert "Class names, Mean and deviation" in card(app)
    app.button(key="own-stating-undo").click().run()
    assert "the file names no classes" in card(app)
    assert "Stated by you" not in card(app)


def test_names_that_do_not_fit_are_refused_in_one_sentence():
    app = open_dialog(CBAM_CNN(3, hidden=4).state_dict())
    app.text_area(key="stating-classes").set_value("cat, dog")
    app.button(key="stating-apply").click().run()
    (error,) = app.error
    assert "2 classes are named, but the network has 3" in error.value


def test_a_network_with_one_output_asks_for_two_names():
    app = open_dialog(CBAM_CNN(1, hidden=4).state_dict())
    app.text_input(key="stating-negative").set_value("healthy")
    app.text_input(key="stating-positive").set_value("ill")
    app.button(key="stating-apply").click().run()
    app.run()
    assert "healthy, ill" in card(app)
    assert "sigmoid is assumed" not in card(app)


def test_averaged_weights_are_chosen_where_the_file_has_both():
    state = CBAM_CNN(3, hidden=4).state_dict()
    app = open_dialog({"model": state, "ema": {**state, "fc2.bias": torch.ones(3)}})
    assert any("the file also holds other weights" in one.value.lower() for one in app.caption)
    before = card(app)
    app.text_area(key="stating-classes").set_value("a, b, c")
    app.button(key="stating-apply").click().run()
    app.run()
    assert "Weights" not in card(app)
    app.button(key="own-stating-open").click().run()
    app.selectbox(key="stating-weights").set_value("ema")
    app.button(key="stating-apply").click().run()
    app.run()
    assert "Weights, Class names" in card(app)
    assert card(app) != before


@pytest.mark.parametrize(
    "text", ["cat\ndog", "cat, dog", "['cat', 'dog']", 'cat\n\n "dog" ', "cat，dog", "[\n'cat',\n'dog'\n]"]
)
def test_names_are_read_however_they_are_written(text):
    assert class_names(text) == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "found"), [("0.5", (0.5,)), ("(0.1, 0.2 0.3)", (0.1, 0.2, 0.3)), ("half", ()), ("", ())]
)
def test_numbers_are_read_however_they_are_written(text, found):
    assert numbers(text) == found
