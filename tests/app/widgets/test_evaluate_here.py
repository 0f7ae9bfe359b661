"""Evaluating a network here: what it costs, how it goes on, and that pages show what was found as for others."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from itertools import count
from threading import Event

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image

from app import services
from app.services import evaluating
from cbam_core import CBAM_CNN, load_classifier
from cbam_core.data.dataset import open_dataset
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import ModelError
from cbam_core.evaluation.evaluation_file import save_evaluation
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.survey import Survey, score_with_gates
from cbam_core.evaluation.usual_gates import usual_gates
from cbam_core.network import save_classifier
from cbam_core.places import CHECKPOINT_VARIABLE, IMAGE_VARIABLE, RUNS_VARIABLE
from cbam_core.results.usual import usual_path, write_usual
from cbam_core.weights.card import Card
from tests.app.visiting import go_to, open_page
from tests.made_runs import make_run

SERVED = "served"


@pytest.fixture(scope="module")
def state():
    """The state dict of a network that was trained elsewhere."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        buffer = io.BytesIO()
        torch.save(CBAM_CNN().state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture
def served(monkeypatch, tmp_path, tiny_classifier):
    """One network for all visitors, of which nothing is known but its weights; gives its file."""
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "checkpoints"))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "checkpoints").mkdir()
    st.cache_resource.clear()
    file = tmp_path / "checkpoints" / f"{SERVED}.safetensors"
    save_classifier(replace(tiny_classifier, card=Card()), file)
    yield file
    st.cache_resource.clear()  # what was found here is kept for all visitors


def opened(page="inspect"):
    return open_page(page)


def finish(app):
    """Draw the page until nothing goes on any more."""
    end = time.monotonic() + 60
    while app.get("progress"):
        assert time.monotonic() < end
        time.sleep(0.05)
        app.run()
    assert not app.exception
    return app


def has(app, key):
    return any(button.key == key for button in app.button)


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.error])


def charts(app):
    return app.get("plotly_chart")


def test_the_cost_and_the_images_are_said_before_anything_is_begun(served, test_set):
    app = opened("model")
    assert "of this server, in the background" in texts(app)
    assert "250 images \\(CIFAR-10, test images\\)" in texts(app)
    assert "Kept for all visitors" in texts(app)
    assert charts(app) == []


def test_a_served_network_is_evaluated_once_for_all_visitors(served, test_set, monkeypatch):
    app = opened("model")
    app.button(key="model-begin").click().run()
    finish(app)
    classifier = load_classifier(served)
    expected = score(classifier, open_dataset("cifar10:test"))
    assert len(charts(app)) == 2
    assert f"{expected.total_right} of 250 images of the test set are classified correctly" in texts(app)
    assert not has(app, "model-begin")
    assert {metric.label for metric in app.metric} >= {"Test accuracy"}
    monkeypatch.setattr(Survey, "step", None)  # nothing may be worked out again
    assert len(charts(opened("model"))) == 2
    st.cache_resource.clear()  # as after a restart
    assert len(charts(opened("model"))) == 2
    found = services.network(SERVED).usual
    assert (found.count, found.images) == (250, "cifar10:test")
    expected_gates = usual_gates(classifier, open_dataset("cifar10:test")).gates
    np.testing.assert_allclose(found.gates[0].mean, expected_gates[0].mean, rtol=1e-5)


def test_an_uploaded_network_is_evaluated_for_its_visitor_alone(served, test_set, state):
    app = opened()
    app.sidebar.file_uploader[0].set_value([("mine.pth", state, "application/octet-stream")]).run()
    go_to(app, "model").run()
    assert "Kept for your visit" in texts(app)
    app.button(key="model-begin").click().run()
    finish(app)
    assert len(charts(app)) == 2
    assert any("Test accuracy" in caption.value for caption in app.sidebar.caption)
    go_to(app, "inspect").run()
    app.segmented_control(key="inspect-source").select("test").run()
    assert not has(app, "test-begin")
    app.segmented_control(key="test-answers").select("wrong").run()
    wrong = int((~score(load_classifier(state), open_dataset("cifar10:test")).is_right).sum())
    assert f"of {wrong:,}" in texts(app)
    assert not app.exception
    other = opened("model")
    assert has(other, "model-begin")
    assert charts(other) == []


def test_the_test_set_page_offers_it_and_then_filters(served, test_set):
    app = opened()
    app.segmented_control(key="inspect-source").select("test").run()
    assert "needs this network's predictions on the test set. About" in texts(app)
    assert "for 250 images \\(CIFAR-10, test images\\). Kept for all visitors." in texts(app)
    app.button(key="test-begin").click().run()
    finish(app)
    assert app.segmented_control(key="test-answers").value == "all"
    assert not app.exception


@pytest.fixture
def held(monkeypatch):
    """A pass that waits before its second step until the test is over, which can look at it while it goes on."""
    step, begun, over = Survey.step, count(1), Event()

    def held_up(survey, most=None):
        if next(begun) > 1:
            over.wait(60)
        step(survey, most or 10)

    monkeypatch.setattr(Survey, "step", held_up)
    yield
    over.set()


def test_it_goes_on_while_other_pages_are_looked_at_and_can_be_cancelled(served, test_set, held):
    app = opened("model")
    app.button(key="model-begin").click().run()
    (line,) = app.get("progress")
    assert line.proto.text.endswith("of 250 images")
    go_to(app, "inspect").run()
    go_to(app, "model").run()
    assert app.get("progress")
    app.button(key="model-cancel").click().run()
    app.run()
    assert not app.get("progress")
    assert has(app, "model-begin")
    assert charts(app) == []


def test_without_the_test_set_the_bundled_images_are_taken_and_named_everywhere(served):
    app = opened("model")
    assert "100 images \\(the bundled images\\)" in texts(app)
    app.button(key="model-begin").click().run()
    finish(app)
    assert "of 100 images of the sample set are classified correctly" in texts(app)
    assert "Accuracy on the bundled images" in {metric.label for metric in app.metric}
    assert any("of 100 bundled images right" in caption.value for caption in app.sidebar.caption)
    assert not has(app, "model-begin")


@pytest.fixture
def foreign(served, tiny_classifier):
    """A network of other classes."""
    save_classifier(replace(tiny_classifier, classes=tuple(map("thing {}".format, range(10))), card=Card()), served)
    return served


def test_for_other_classes_the_panel_is_hidden_and_usual_gates_are_offered_alone(foreign, test_set):
    app = opened()
    app.segmented_control(key="inspect-source").select("test").run()
    assert "differ from those of the test set" in texts(app)
    assert "what is usual for the network's gates over 250 images" in texts(app)
    go_to(app, "model").run()
    assert "no confusion matrix" in texts(app)
    assert "what is usual for the network's gates over 250 images" in texts(app)
    app.button(key="model-begin").click().run()
    finish(app)
    assert charts(app) == []
    assert services.network(SERVED).usual.images == "cifar10:test"


def test_few_images_of_the_operator_do_not_say_what_is_usual(foreign, monkeypatch, tmp_path):
    for number, image in enumerate(sample_sheet().images[:3]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path))
    assert "operator" not in texts(opened("model"))


def test_for_other_classes_the_operators_folder_comes_first(foreign, test_set, monkeypatch, tmp_path):
    monkeypatch.setattr(evaluating, "FEWEST", 2)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, image in enumerate(sample_sheet().images[:3]):
        Image.fromarray(image).save(folder / f"{number}.png")
    monkeypatch.setenv(IMAGE_VARIABLE, str(folder))
    app = opened("model")
    assert "over 3 images \\(the images of this server's operator\\)" in texts(app)
    app.button(key="model-begin").click().run()
    finish(app)
    assert (services.network(SERVED).usual.count, services.network(SERVED).usual.images) == (3, "operator:folder")


def test_an_image_of_the_folder_that_is_none_is_one_sentence_without_its_place(foreign, monkeypatch, tmp_path):
    monkeypatch.setattr(evaluating, "FEWEST", 2)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.png").write_bytes(b"nothing")
    monkeypatch.setenv(IMAGE_VARIABLE, str(folder))
    app = opened("model")
    app.button(key="model-begin").click().run()
    end = time.monotonic() + 30
    while not app.error:
        assert time.monotonic() < end
        app.run()
    (error,) = app.error
    assert "cannot be read" in error.value
    assert str(folder) not in error.value
    app.button(key="model-again").click().run()
    app.run()
    assert has(app, "model-begin")
    assert [shown.value for shown in app.error] == [error.value]
    later = opened("model")  # another visit
    assert [shown.value for shown in later.error] == [error.value]
    (folder / "0.png").unlink()
    for number in range(3):
        Image.new("RGB", (32, 32), (80 * number, 0, 0)).save(folder / f"{number}.png")
    later.button(key="model-begin").click().run()
    assert not later.error


def test_a_network_that_does_not_answer_with_numbers_is_offered_nothing(served, test_set, monkeypatch):
    def fails(survey, most=None):
        raise ModelError("model.not-finite", "no numbers")

    monkeypatch.setattr(Survey, "step", fails)
    st.cache_data.clear()
    assert evaluating.offer_for(services.network(SERVED)) is None


def test_a_run_has_what_it_kept_at_its_end_and_what_it_lacks_is_offered(served, test_set, tiny_classifier, tmp_path):
    run = make_run(tmp_path / "runs" / "fast")
    file = run / "net.safetensors"
    save_classifier(replace(tiny_classifier, card=Card()), file)
    app = opened("model")
    app.sidebar.selectbox(key="network_name").select("runs/fast").run()
    assert "cbam evaluate --checkpoint runs/fast/net.safetensors --keep" in " ".join(code.value for code in app.code)
    assert has(app, "model-begin")
    evaluation, usual = score_with_gates(load_classifier(file), open_dataset("cifar10:test"))
    save_evaluation(evaluation, file)
    write_usual(usual, usual_path(file))
    st.cache_resource.clear()  # usual gates are read with the network
    app.run()
    assert len(charts(app)) == 2
    assert not has(app, "model-begin")


def test_results_that_were_made_before_are_made_again_with_what_is_usual_now(served, test_set):
    before = services.network(SERVED)
    first = services.show_sample(before, 0).explanation.blocks[0].gates[0].usual
    app = opened("model")
    app.button(key="model-begin").click().run()
    finish(app)
    after = services.network(SERVED)
    assert services.version_of(before) != services.version_of(after)
    assert after.model is before.model
    second = services.show_sample(after, 0).explanation.blocks[0].gates[0].usual
    assert (first.count, second.count) == (100, 250)
