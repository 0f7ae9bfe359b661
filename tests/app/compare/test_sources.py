"""Where Compare's pictures come from: the test set, the operator's folder, the camera, and Inspect."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.session.last_image import Picked
from app.session.uploads import Fitted, Upload
from cbam_core import explain
from cbam_core.data.images import decode
from cbam_core.explanation import explain_channel
from tests.app.compare.page import CAT, NETWORK, charts, html, mode, said, source, texts, uploader, zips
from tests.app.visiting import MAIN, go_to, shipped


def test_an_upload_is_taken_from_inspect_as_it_was_fitted_there(app):
    go_to(app, "inspect").run()
    app.segmented_control[0].select("Upload").run()
    app.file_uploader[0].set_value([("chelsea.png", CAT, "image/png")]).run()
    app.segmented_control(key="fit").select("pad").run()
    go_to(app, "compare").run()
    app.button(key="compare-inspect-left").click().run()
    assert source(app, "left", 1).value == "upload"
    assert "Shown: chelsea.png" in texts(app)
    expected = explain(shipped(NETWORK), CAT, "pad").blocks[0].channel_weights
    app.selectbox(key="compare-ends").select(0).run()
    assert charts(app)[0]["data"][0]["y"] == pytest.approx(expected.tolist())
    app.button(key="compare-swap").click().run()
    assert charts(app)[0]["data"][1]["y"] == pytest.approx(expected.tolist())


def test_nothing_is_offered_from_inspect_before_a_visit_there(app):
    app.session_state["picked"] = None
    assert not [button for button in app.run().button if (button.key or "").startswith("compare-inspect")]


def test_an_image_of_the_test_set_is_chosen_by_number_or_by_chance_and_changes_sides(app, test_set):
    app.run()
    source(app, "right").select("test").run()
    assert not app.exception
    number = app.number_input(key="compare-test-right-0")
    assert (number.min, number.max) == (0, 249)
    number.set_value(207).run()
    network = shipped(NETWORK)
    weights = explain(network, test_set.images[207]).blocks[0].channel_weights
    app.selectbox(key="compare-ends").select(0).run()
    assert charts(app)[0]["data"][1]["y"] == pytest.approx(weights.tolist(), abs=1e-6)
    app.selectbox(key="compare-channel-cbam1").select(4).run()
    values = explain_channel(network, explain(network, test_set.images[207]), "cbam1", 4).before
    assert f"B: 16×16 cells, from {values.min():.3g} to {values.max():.3g}" in html(app)
    app.button(key="compare-swap").click().run()
    assert source(app, "left", 1).value == "test"
    assert app.number_input(key="compare-test-left-1").value == 207
    app.button(key="compare-random-left-1").click().run()
    assert not app.exception
    assert 0 <= app.number_input(key="compare-test-left-1").value < 250


def test_an_image_of_the_test_set_is_taken_from_inspect(app, test_set):
    app.session_state["picked"] = Picked("test", 130)
    app.run()
    app.button(key="compare-inspect-left").click().run()
    assert not app.exception
    assert app.number_input(key="compare-test-left-1").value == 130
    mode(app, "networks")
    assert app.number_input(key="compare-test-left-1").value == 130
    assert len(charts(app)) == 3


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Two pictures that whoever runs the app has laid out."""
    laid_out = tmp_path / "pictures"
    laid_out.mkdir()
    for name, part in (("chelsea.png", (0, 0, 300, 300)), ("whiskers.png", (100, 50, 400, 250))):
        Image.open(io.BytesIO(CAT)).crop(part).save(laid_out / name)
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(laid_out))
    return laid_out


def first_weights(picture, *how):
    return explain(shipped(NETWORK), picture.read_bytes(), *how).blocks[0].channel_weights.tolist()


def test_a_folder_of_the_operators_is_offered_on_both_sides_and_linked(app, folder):
    app.run()
    for side in ("left", "right"):
        source(app, side).select("folder").run()
        assert not app.exception
    assert said(app)["a"] == said(app)["b"] == "folder-chelsea.png"
    app.selectbox(key="compare-ends").select(0).run()
    assert charts(app)[0]["data"][0]["y"] == pytest.approx(first_weights(folder / "chelsea.png"))
    assert len(zips(app)) == 1
    (folder / "chelsea.png").unlink()
    (folder / "whiskers.png").unlink()
    assert not app.run().exception
    assert not charts(app)


def test_without_a_folder_none_is_offered(app):
    assert "folder" not in source(app, "left").options
    assert len(source(app, "left").options) == 3  # samples, upload, camera


def test_a_picture_of_the_folder_taken_from_inspect_keeps_its_link_and_its_fit(app, folder):
    content = (folder / "whiskers.png").read_bytes()
    upload = Upload("whiskers.png", hashlib.sha256(content).hexdigest(), content)
    app.session_state["picked"] = Picked("upload", upload=upload, fitted=Fitted("square", (10.0, 20.0, 90.0)))
    app.run()
    app.button(key="compare-inspect-right").click().run()
    assert not app.exception
    assert source(app, "right", 1).value == "folder"
    there = said(app)
    assert (there["b"], there["fit_b"], there["square_b"]) == ("folder-whiskers.png", "square", "10~20~90")
    assert "cannot be linked" not in texts(app)
    again = AppTest.from_file(str(MAIN), default_timeout=60)
    go_to(again, "compare")
    for name, value in {**there, "ends": "0"}.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    network = shipped(NETWORK)
    expected = explain(network, content, "square", square=(10.0, 20.0, 90.0)).blocks[0].channel_weights
    assert charts(again)[0]["data"][1]["y"] == pytest.approx(expected.tolist())


def test_a_file_that_only_has_the_name_of_one_in_the_folder_is_an_upload(app, folder):
    app.session_state["picked"] = Picked("upload", upload=Upload("chelsea.png", "0" * 64, CAT))
    app.run()
    app.button(key="compare-inspect-left").click().run()
    assert source(app, "left", 1).value == "upload"


def test_a_folder_picture_of_two_networks_is_linked(app, folder):
    content = (folder / "chelsea.png").read_bytes()
    upload = Upload("chelsea.png", hashlib.sha256(content).hexdigest(), content)
    app.session_state["picked"] = Picked("upload", upload=upload, fitted=Fitted("pad"))
    mode(app, "networks")
    app.button(key="compare-inspect-left").click().run()
    assert said(app)["image"] == "folder-chelsea.png"
    assert said(app)["fit"] == "pad"


def test_a_camera_on_either_side_waits_for_its_picture_and_keeps_it_when_swapped(app, monkeypatch):
    source(app, "right").select("camera").run()
    assert not app.exception
    assert not charts(app)
    assert "memory during your visit only" in texts(app)
    photo = Upload("camera.jpg", hashlib.sha256(CAT).hexdigest(), CAT)
    monkeypatch.setattr("app.compare.sides.camera", lambda key, receive: receive(photo) if "right-0" in key else None)
    app.run()
    assert len(charts(app)) == 3
    app.button(key="compare-swap").click().run()
    assert source(app, "left", 1).value == "camera"
    assert len(charts(app)) == 3


def test_an_upload_is_read_in_another_way_where_that_changes_it_also_when_sides_are_swapped(app):
    clear = np.zeros((32, 32, 4), np.uint8)
    clear[8:24, 8:24] = 255
    file = io.BytesIO()
    Image.fromarray(clear).save(file, "PNG")
    source(app, "left").select("upload").run()
    uploader(app, "left").set_value([("clear.png", file.getvalue(), "image/png")]).run()
    assert not app.exception
    assert [toggle.label for toggle in app.toggle] == ["Transparent areas on black"]
    app.toggle[0].set_value(True).run()
    app.selectbox(key="compare-ends").select(0).run()
    black = decode(file.getvalue(), ground="black")
    expected = explain(shipped(NETWORK), black).blocks[0].channel_weights
    assert charts(app)[0]["data"][0]["y"] == pytest.approx(expected.tolist(), abs=1e-6)
    app.button(key="compare-swap").click().run()
    assert [toggle.value for toggle in app.toggle] == [True]
    app.toggle[0].set_value(False).run()
    white = explain(shipped(NETWORK), file.getvalue()).blocks[0].channel_weights
    assert charts(app)[0]["data"][1]["y"] == pytest.approx(white.tolist(), abs=1e-6)
