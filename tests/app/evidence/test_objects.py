"""Sections of Evidence that test whether masks lie where the object is."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from app.session.mark import MARK
from tests.app.visiting import MAIN, go_to


@pytest.fixture(scope="module")
def app():
    test = AppTest.from_file(str(MAIN), default_timeout=60).run()
    return go_to(test, "evidence").run()


def htmls(app):
    return " ".join(element.proto.body for element in app.get("html"))


def test_tests_that_are_quick_are_made_at_once_and_others_at_a_button(app, monkeypatch):
    monkeypatch.setattr("app.services.mask_tests.seconds_an_image", lambda _: 0.01)  # however busy this machine is
    monkeypatch.setattr("cbam_core.evidence.deletion.POINTS", 3)
    monkeypatch.setattr("cbam_core.evidence.deletion.DRAWS", 1)
    app.button_group(key="evidence-section").set_value("shift").run()
    assert not app.exception
    said = htmls(app)
    assert "<h4>cbam1.spatial<span>follows</span></h4><p>Follows the content" in said
    assert said.count("Moved up") == said.count("Moved right") >= 2
    app.button_group(key="evidence-section").set_value("deletion").run()
    assert "cbam-test" not in htmls(app)
    app.button(key="deletion-begin").click().run()
    until = time.monotonic() + 60
    while ".cbam-test" not in htmls(app) and time.monotonic() < until:
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert [info.value for info in app.info] == []
    assert "random maps of its own smoothness" in htmls(app)
    assert len(app.get("plotly_chart")) == 2


def test_what_a_network_does_not_allow_is_said(app):
    app.button_group(key="evidence-section").set_value("tiles").run()
    assert not app.exception
    assert "does not take images of 64×64 pixels" in app.info[0].value.replace("\\", "")


def test_the_address_names_the_section_and_the_images(app):
    app.button_group(key="evidence-section").set_value("randomised").run()
    app.button_group(key="evidence-masks-of").set_value("set").run()
    assert not app.exception
    assert app.query_params["section"] == "randomised"
    assert app.query_params["over"] == "set"
    assert [button.key for button in app.button if button.key == "randomised-begin"]


def test_going_back_to_an_address_that_names_neither_shows_the_first_section_and_this_image(app):
    app.button_group(key="evidence-section").set_value("randomised").run()
    image = app.query_params["image"]
    app.button_group(key="evidence-masks-of").set_value("set").run()
    app.query_params.clear()
    app.query_params.update({"image": image, "section": "randomised", MARK: "1~evidence"})
    app.run()
    assert app.button_group(key="evidence-masks-of").value == "image"
    app.query_params.clear()
    app.query_params.update({"image": image, MARK: "2~evidence"})
    app.run()
    assert not app.exception
    assert app.button_group(key="evidence-section").value == "maps"
    assert "section" not in app.query_params
