"""Two classes: means over the bundled images and over the test set."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from app import services
from cbam_core import explain
from cbam_core.data.samples import sample_sheet
from cbam_core.evaluation.class_means import GateSums
from cbam_core.network import save_classifier
from tests.app.compare.page import FIRST_CAT, NETWORK, charts, html, mode, opened, predictions, texts, zips
from tests.app.visiting import shipped


def test_means_of_two_classes_can_be_taken_along(app):
    mode(app, "classes")
    (button,) = [button.proto for button in app.get("download_button") if button.proto.id.endswith("compare-means")]
    assert button.label == "Raw values (.npz)"
    assert not zips(app)


def test_classes_are_means_of_ten_with_their_spread(networks):
    app = opened("classes")
    network, sheet = shipped(NETWORK), sample_sheet()
    cats = [explain(network, image) for image in sheet.images[FIRST_CAT : FIRST_CAT + 10]]
    right = sum(one.predicted == "cat" for one in cats)
    assert f"{right} of 10 recognised as cat" in html(app)
    assert "(n = 10)" in texts(app)
    app.selectbox(key="compare-ends").select(0).run()
    bars = charts(app)[0]["data"][0]
    stack = np.stack([one.blocks[0].channel_weights for one in cats]).astype(np.float64)
    assert bars["y"] == pytest.approx(stack.mean(axis=0), abs=1e-5)
    assert bars["error_y"]["array"] == pytest.approx(stack.std(axis=0), abs=1e-5)
    app.button(key="compare-swap").click().run()
    assert app.selectbox(key="compare-class-left-1").value == "dog"


def network_of_classes(folder, classifier, classes, name):
    """A network of these classes, kept beside the shipped one; its weights are those of another."""
    save_classifier(replace(classifier, classes=classes), folder / f"{name}.safetensors")
    app = opened()
    app.sidebar.selectbox(key="network_name").select(name).run()
    assert not app.exception
    return app


def test_only_classes_that_the_network_knows_are_offered_and_judged(networks, tiny_classifier):
    known = ("ship", *map("thing {}".format, range(8)), "cat")
    app = network_of_classes(networks, tiny_classifier, known, "other")
    mode(app, "classes")
    assert app.selectbox(key="compare-class-left-0").options == ["cat", "ship"]
    assert app.selectbox(key="compare-class-right-0").value == "ship"  # it knows no dog
    assert "recognised as dog" not in html(app)


def test_a_network_of_other_classes_is_not_asked_for_those_of_cifar(networks, tiny_classifier):
    app = network_of_classes(networks, tiny_classifier, tuple(map("thing {}".format, range(10))), "things")
    assert "Truth:" not in predictions(app)
    mode(app, "classes")
    assert "knows none of them. It knows thing 0, thing 1" in texts(app)
    assert "recognised as" not in html(app)
    assert not [box for box in app.selectbox if (box.key or "").startswith("compare-class")]


def test_without_the_test_set_one_line_says_how_to_fetch_it(networks):
    app = opened("classes")
    assert "cbam data fetch" in texts(app)
    assert not [control for control in app.segmented_control if control.key == "compare-over"]


def test_classes_over_the_test_set_are_its_means_and_kept_for_the_next_visitor(networks, test_set, monkeypatch):
    app = opened("classes")
    app.segmented_control(key="compare-over").select("test").run()
    assert not app.exception
    network = shipped(NETWORK)
    cats = [explain(network, image) for image in test_set.images[test_set.labels == 3]]
    right = sum(one.predicted == "cat" for one in cats)
    assert f"{right} of {len(cats)} recognised as cat" in html(app)
    counts = dict.fromkeys([np.sum(test_set.labels == 3), np.sum(test_set.labels == 5)])
    assert f"(n = {', '.join(map(str, counts))})" in texts(app)
    app.selectbox(key="compare-ends").select(0).run()
    bars = charts(app)[0]["data"][0]
    stack = np.stack([one.blocks[0].channel_weights for one in cats]).astype(np.float64)
    assert bars["y"] == pytest.approx(stack.mean(axis=0), abs=1e-5)
    assert bars["error_y"]["array"] == pytest.approx(stack.std(axis=0), abs=1e-5)
    assert not [button for button in app.button if button.key == "compare-cancel"]
    st.cache_resource.clear()  # as after a restart
    monkeypatch.setattr(GateSums, "take_in", None)  # it would have to be worked out again
    again = opened("classes")
    again.segmented_control(key="compare-over").select("test").run()
    assert not again.exception
    assert f"{right} of {len(cats)} recognised as cat" in html(again)


def test_a_sum_that_was_ended_is_gone_on_with(test_set):
    class EndedError(Exception):
        """As Streamlit ends a run: while it draws."""

    def end_it(done, total):
        if done >= 192:
            raise EndedError

    network = shipped(NETWORK)
    with pytest.raises(EndedError):
        services.test_summaries(network, end_it)
    begun = []
    found = services.test_summaries(network, lambda done, total: begun.append((done, total)))
    assert begun == [(192, 250)]
    assert sum(one.count for one in found.values()) == 250


def test_a_run_that_was_overtaken_while_it_waited_counts_no_image_twice(test_set, monkeypatch):
    network, overtaken = shipped(NETWORK), []

    @contextmanager
    def slot():
        if not overtaken:
            overtaken.append(True)
            overtaken.append(services.test_summaries(network, lambda done, total: None))
        yield

    monkeypatch.setattr("app.services.class_means.slot", slot)
    found = services.test_summaries(network, lambda done, total: None)
    assert sum(one.count for one in found.values()) == 250
    assert {name: one.count for name, one in found.items()} == {name: one.count for name, one in overtaken[1].items()}


def test_a_class_with_itself_is_told_apart_by_letters(networks):
    app = opened("classes")
    app.selectbox(key="compare-class-right-0").select("cat").run()
    assert [bars["name"] for bars in charts(app)[0]["data"]] == ["A cat", "B cat"]
    assert html(app).count("<span>+0.000 to +0.000</span>") == 3
