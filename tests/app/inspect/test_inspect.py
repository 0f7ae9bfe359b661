"""The shell and Inspect without a browser: what every control does, and what a bad file does."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from starlette.formparsers import MultiPartParser
from streamlit.testing.v1 import AppTest

from cbam_core import CBAM_CNN, explain, load_classifier
from cbam_core.network import save_classifier
from tests.app.visiting import MAIN, go_to

CAT = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()
ASTRONAUT = (Path(skimage.__file__).parent / "data" / "astronaut.png").read_bytes()


@pytest.fixture
def app():
    """The page as a new visitor gets it."""
    test = AppTest.from_file(str(MAIN), default_timeout=60)
    test.run()
    assert not test.exception
    return test


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.warning])


def upload(app, *files):
    app.segmented_control[0].select("Upload").run()
    app.file_uploader[0].set_value([(name, content, "image/png") for name, content in files]).run()
    assert not app.exception
    return app


def test_a_server_that_streamlit_started_promises_less_of_uploads(app, monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)
    app.segmented_control[0].select("Upload").run()
    assert "stays on this server during your visit only" in texts(app)
    assert "not written to disk" not in texts(app)


def test_first_visit_names_the_network_and_its_measured_accuracy(app):
    card = load_classifier("cbam_cnn_cifar10").card
    shown = " ".join(caption.value for caption in app.sidebar.caption)
    assert "1,150,896 parameters" in shown
    assert f"{100 * card.test_correct / card.test_count:.2f}\xa0%" in shown


def test_going_back_to_a_source_finds_how_its_pictures_were_fitted(app):
    upload(app, ("cat.png", CAT))
    app.segmented_control(key="fit").select("pad").run()
    app.segmented_control[0].select("sample").run()
    app.segmented_control[0].select("upload").run()
    assert app.segmented_control(key="fit").value == "pad"


def test_the_smallest_picture_has_a_square_too(app):
    file = io.BytesIO()
    Image.new("RGB", (1, 1), "teal").save(file, "PNG")
    upload(app, ("dot.png", file.getvalue()))
    app.segmented_control(key="fit").select("square").run()
    assert not app.error


def test_a_network_without_gates_is_said_to_have_none(monkeypatch, tmp_path, tiny_classifier):
    model = CBAM_CNN(gates="none").eval()
    plain = replace(tiny_classifier, model=model, arguments={"num_classes": 10, "gates": "none"})
    save_classifier(plain, tmp_path / "plain.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    test = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert not test.exception
    assert [info.value for info in test.info] == ["This network has no gates to show."]
    assert "each feature channel by its channel weight" not in texts(test)
    go_to(test, "compare").run()
    assert not test.exception
    assert [info.value for info in test.info] == ["There are no gates to compare."]


def test_visitors_are_not_told_where_networks_were_looked_for_but_the_operator_is(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    test = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert not test.exception
    assert "no longer a trained network here" in texts(test)
    assert str(tmp_path) not in texts(test)
    assert str(tmp_path) in caplog.text


def test_only_pages_that_exist_are_listed(app):
    assert [box.label for box in app.sidebar.selectbox] == ["Network"]


def test_what_gates_are_not_is_said_once_on_first_sight(app):
    said = [caption.value for caption in app.caption if "do not explain why the network chose a class" in caption.value]
    assert len(said) == 1


def test_empty_upload_says_what_the_network_knows_and_where_pictures_live(app):
    app.segmented_control[0].select("Upload").run()
    assert "airplane, automobile, bird" in texts(app)
    assert "memory during your visit only" in texts(app)
    assert not app.error


def test_one_upload_offers_every_fit(app):
    upload(app, ("cat.png", CAT))
    assert not app.error
    for fit in ("square", "pad", "squash", "crop"):
        app.segmented_control(key="fit").select(fit).run()
        assert not app.exception
        assert not app.error


def test_bad_upload_is_one_sentence_that_names_the_file(app):
    upload(app, ("<b>evil</b>.png", b"no picture at all"))
    (error,) = app.error
    assert error.value.startswith("-b-evil--b-.png: ")
    assert "<b>" not in error.value


def test_a_refused_upload_is_logged_once_however_often_the_page_is_drawn(app, caplog):
    caplog.set_level("INFO", "cbam_lens")
    upload(app, ("a.png", b"no picture at all"), ("b.png", b"nor is this"))
    app.run()
    app.run()
    assert app.error
    assert [line.getMessage() for line in caplog.records].count("upload refused: image.unknown-format") == 2


def test_several_uploads_give_a_table_with_predictions_and_refusals(app):
    upload(app, ("cat.png", CAT), ("astronaut.png", ASTRONAUT), ("broken.png", CAT[:3000]))
    (table,) = app.dataframe
    assert list(table.value["File"]) == ["cat.png", "astronaut.png", "broken.png"]
    expected = [explain(load_classifier("cbam_cnn_cifar10"), image) for image in (CAT, ASTRONAUT)]
    assert list(table.value["Prediction"][:2]) == [one.predicted for one in expected]
    assert list(table.value["Probability"][:2]) == [f"{100 * float(e.probabilities.max()):.1f}\xa0%" for e in expected]
    assert table.value["Prediction"][2] == "Not read: see below"
    (error,) = app.error
    assert error.value.startswith("broken.png: ")
    assert "damaged" in error.value or "incomplete" in error.value


def test_of_several_uploads_the_first_that_could_be_read_is_open_and_what_to_do_about_others_is_said(app):
    page = b"<!doctype html><html><body>a photo</body></html>"
    upload(app, ("broken.png", CAT[:3000]), ("html.jpg", page), ("cat.png", CAT))
    (error,) = app.error
    broken, saved = error.value.split("\n\n")
    assert broken.startswith("broken.png: ")
    assert saved.startswith("html.jpg: ")
    assert saved.endswith("open the page, and save the image itself.")
    assert "A block multiplies" in texts(app)


def test_where_none_of_several_uploads_could_be_read_each_says_why(app):
    upload(app, ("broken.png", CAT[:3000]), ("worse.png", b"nothing"))
    (error,) = app.error
    assert error.value.startswith("broken.png: ")
    assert "\n\nworse.png: " in error.value


def test_same_file_twice_counts_once(app):
    upload(app, ("cat.png", CAT), ("again.png", CAT))
    assert not app.dataframe


def test_different_pictures_of_one_name_are_told_apart(app):
    upload(app, ("image.png", CAT), ("image.png", ASTRONAUT))
    assert list(app.dataframe[0].value["File"]) == ["image.png", "image-2.png"]


def test_too_many_uploads_are_said_to_be_too_many(app):
    tiny = []
    for shade in range(26):
        file = io.BytesIO()
        Image.fromarray(np.full((32, 32, 3), shade, np.uint8)).save(file, "PNG")
        tiny.append((f"{shade}.png", file.getvalue()))
    upload(app, *tiny)
    assert "the first 24 are shown" in texts(app)
    assert len(app.dataframe[0].value) == 24


def test_pictures_that_were_left_out_can_be_had_back(app):
    app.session_state["uploads-left-out"] = frozenset({hashlib.sha256(ASTRONAUT).hexdigest()})
    upload(app, ("cat.png", CAT), ("astronaut.png", ASTRONAUT))
    assert not app.dataframe  # one is left
    assert "Images not opened: 1." in texts(app)
    app.button(key="uploads-go-on").click().run()
    assert list(app.dataframe[0].value["File"]) == ["cat.png", "astronaut.png"]
    assert "not opened" not in texts(app)


@pytest.mark.parametrize("kept", [(("astronaut.png", ASTRONAUT),), (("cat.png", CAT), ("astronaut.png", ASTRONAUT))])
def test_where_all_that_is_there_had_been_left_out_none_is(app, kept):
    app.session_state["uploads-left-out"] = frozenset(hashlib.sha256(content).hexdigest() for _, content in kept)
    upload(app, *kept)
    assert "not opened" not in texts(app)
    assert len(app.dataframe) == (len(kept) > 1)


def test_going_back_and_forth_keeps_uploads(app):
    upload(app, ("cat.png", CAT), ("astronaut.png", ASTRONAUT))
    app.segmented_control[0].select("Samples").run()
    app.segmented_control[0].select("Upload").run()
    assert len(app.dataframe[0].value) == 2
