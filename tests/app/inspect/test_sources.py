"""Where pictures of Inspect come from: the test set with its filters, the camera, the operator's folder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import services
from app.services import dataset
from app.services import images as pictures
from app.widgets.camera import insecure_host
from cbam_core import load_classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import DataError
from cbam_core.results.evaluation import Evaluation, levels_of
from tests.app.visiting import MAIN, go_to

CAT = CLASSES.index("cat")


@pytest.fixture
def answers(monkeypatch, test_set):
    """The network took every second image for a cat, less and less sure."""
    count = len(test_set.labels)
    predicted = np.where(np.arange(count) % 2, test_set.labels, CAT).astype(np.uint8)
    probabilities = np.full((count, 10), 0.01, np.float32)
    probabilities[np.arange(count), predicted] = np.linspace(0.9, 0.5, count)
    made = Evaluation(CLASSES, test_set.labels, predicted, levels_of(probabilities), "test")
    monkeypatch.setattr(pictures, "evaluation_of", lambda _: made)
    return made


def visit(source=None, **parameters):
    app = AppTest.from_file(str(MAIN), default_timeout=100)
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    if source:
        app.segmented_control(key="inspect-source").select(source).run()
    assert not app.exception
    return app


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.error])


def image(app):
    given = app.query_params["image"]
    return given[0] if isinstance(given, list) else given


def visit_with(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    app = visit("upload")
    app.file_uploader(key="files").set_value([("a.png", file.getvalue(), "image/png")]).run()
    assert not app.exception
    return {toggle.label: toggle for toggle in app.toggle}, app


def shown_input(app):
    return app.session_state["picked"].fitted


def test_values_that_use_a_small_part_of_their_range_can_be_stretched_and_back():
    narrow = (np.arange(1024, dtype=np.uint16).reshape(32, 32) // 8 + 900).astype(np.uint16)
    toggles, app = visit_with(narrow)
    assert list(toggles) == ["Stretch the values"]
    toggles["Stretch the values"].set_value(True).run()
    assert shown_input(app).stretch
    assert [toggle.label for toggle in app.toggle] == ["Stretch the values"]
    app.toggle[0].set_value(False).run()
    assert not shown_input(app).stretch


def test_transparent_areas_can_be_placed_on_black():
    clear = np.zeros((32, 32, 4), np.uint8)
    toggles, app = visit_with(clear)
    assert list(toggles) == ["Transparent areas on black"]
    toggles["Transparent areas on black"].set_value(True).run()
    assert shown_input(app).ground == "black"


def test_an_image_that_neither_changes_is_offered_neither():
    assert not visit_with(np.zeros((32, 32, 3), np.uint8))[0]


def number(app):
    return next(box for box in app.number_input if box.label == "Number")


def test_without_the_test_set_one_sentence_says_how_to_get_it():
    assert "`cbam data fetch`" in texts(visit("test"))


def test_the_test_set_begins_with_the_image_that_samples_begin_with(test_set):
    app = visit("test")
    assert image(app).startswith("test-")
    assert f"of {len(test_set.labels)}" in texts(app)


def test_without_kept_answers_only_the_class_is_asked_and_a_sentence_says_why(test_set):
    app = visit("test")
    assert "needs this network's predictions on the test set" in texts(app)
    assert not [control for control in app.segmented_control if control.key == "test-answers"]
    app.selectbox(key="test-class").select(CAT).run()
    assert test_set.labels[int(image(app).removeprefix("test-"))] == CAT
    assert f"of {int((test_set.labels == CAT).sum())}" in texts(app)


def test_wrong_answers_come_surest_first(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    app.selectbox(key="test-order").select("sure").run()
    wrong = np.flatnonzero(~answers.is_right)
    assert f"of {len(wrong)}" in texts(app)
    app.selectbox(key="test-class").select(CLASSES.index("dog")).run()
    dogs = [index for index in wrong if CLASSES[answers.labels[index]] == "dog"]
    assert f"of {len(dogs)}" in texts(app)
    assert image(app) == f"test-{dogs[0]}" or int(image(app).removeprefix("test-")) in dogs


def test_a_number_is_gone_to_whatever_the_filters_are(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    right = int(np.flatnonzero(answers.is_right)[5])
    number(app).set_value(right).run()
    assert image(app) == f"test-{right}"
    assert app.segmented_control(key="test-answers").value == "all"


def test_chance_takes_another_one_of_those_that_were_asked_for(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    before = image(app)
    app.button(key="test-random").click().run()
    assert image(app) != before
    assert not answers.is_right[int(image(app).removeprefix("test-"))]


def test_pages_of_thumbnails_go_there_and_back(test_set):
    app = visit(image="test-0")
    assert app.button(key="test-before").disabled
    app.button(key="test-after").click().run()
    assert image(app) == "test-100"
    app.button(key="test-after").click().run()
    assert image(app) == "test-200"
    assert app.button(key="test-after").disabled
    app.button(key="test-before").click().run()
    assert image(app) == "test-100"


def test_nothing_like_that_is_one_sentence(monkeypatch, answers):
    all_right = Evaluation(CLASSES, answers.labels, answers.labels, answers.levels, "test")
    monkeypatch.setattr(pictures, "evaluation_of", lambda _: all_right)
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    assert "No test image matches these filters" in texts(app)
    assert "image" not in app.query_params
    assert not app.error


def test_a_link_to_a_test_image_opens_it(test_set):
    app = visit(image="test-123")
    assert app.segmented_control(key="inspect-source").value == "test"
    assert image(app) == "test-123"
    assert "test image 123" in texts(app) or number(app).value == 123


def test_filters_are_in_the_link_and_come_back(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    app.selectbox(key="test-order").select("sure").run()
    app.selectbox(key="test-class").select(CLASSES.index("dog")).run()
    said = {name: values[0] if isinstance(values, list) else values for name, values in app.query_params.items()}
    assert (said["class"], said["answers"], said["by"]) == ("dog", "wrong", "sure")
    shown = next(caption.value for caption in app.caption if "Images" in caption.value)
    again = visit(**said)
    assert image(again) == said["image"]
    assert again.selectbox(key="test-class").value == CLASSES.index("dog")
    assert again.segmented_control(key="test-answers").value == "wrong"
    assert again.selectbox(key="test-order").value == "sure"
    assert shown in [caption.value for caption in again.caption]


@pytest.mark.parametrize(
    "hiding", [{"answers": "right"}, {"class": "truck"}, {"class": "<b>"}, {"answers": "none", "by": "hue"}]
)
def test_filters_that_would_hide_the_linked_image_are_left_out(answers, hiding):
    wrong_dog = next(i for i in np.flatnonzero(~answers.is_right) if CLASSES[answers.labels[i]] == "dog")
    app = visit(image=f"test-{wrong_dog}", **hiding)
    assert number(app).value == wrong_dog
    assert "asks for what cannot be shown here" in texts(app)
    app.button(key="test-random").click().run()  # the address is kept until then
    assert not {"class", "answers", "by"} & set(app.query_params)


def test_filters_by_answers_need_answers(test_set):
    dog = int(np.flatnonzero(test_set.labels == CLASSES.index("dog"))[3])
    app = visit(**{"image": f"test-{dog}", "class": "dog", "answers": "wrong", "by": "sure"})
    assert number(app).value == dog
    assert "cannot be shown here: answers=wrong, by=sure." in texts(app)
    app.button(key="test-random").click().run()  # the address is kept until then
    assert app.query_params["class"] in ("dog", ["dog"])
    assert not {"answers", "by"} & set(app.query_params)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    shown = tmp_path / "pictures"
    shown.mkdir()
    for number, name in enumerate(("a cat.png", "b.png")):
        Image.new("RGB", (64, 48), (200, 40 * number, 0)).save(shown / name)
    (shown / "broken.png").write_bytes(b"no picture")
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(shown))
    return shown


def test_without_a_folder_there_is_no_such_source():
    assert "folder" not in visit().segmented_control(key="inspect-source").options


def test_a_picture_of_the_folder_has_a_link_that_says_how_it_was_fitted(folder):
    app = visit("folder")
    assert image(app) == "folder-a cat.png"
    app.segmented_control(key="fit").select("pad").run()
    again = visit(image="folder-b.png", fit="pad")
    assert again.segmented_control(key="inspect-source").value == "folder"
    assert image(again) == "folder-b.png"
    assert again.segmented_control(key="fit").value == "pad"


def test_an_address_of_what_cannot_be_opened_can_be_left(folder):
    app = visit(image="folder-broken.png")
    assert app.segmented_control(key="inspect-source").value == "folder"
    assert "asks for what cannot be shown here: image broken.png." in texts(app)
    app.segmented_control(key="inspect-source").select("sample").run()
    assert app.segmented_control(key="inspect-source").value == "sample"
    assert image(app) == "sample-31"


def test_a_square_of_the_folders_picture_is_not_that_of_an_upload_of_its_name(folder):
    app = visit(image="folder-b.png", fit="square", square="1~2~20")
    assert app.query_params["square"] == "1~2~20"
    app.segmented_control(key="inspect-source").select("upload").run()
    file = io.BytesIO()
    Image.new("RGB", (200, 200), (1, 2, 3)).save(file, "PNG")
    app.file_uploader[0].set_value([("b.png", file.getvalue(), "image/png")]).run()
    assert app.segmented_control(key="fit").value == "square"
    assert app.session_state["picked"].fitted.square is None


def test_a_damaged_test_set_is_told_the_operator_once(test_set, monkeypatch, caplog):
    def damaged():
        raise DataError("data.damaged", "test_images.npy is damaged; fetch it again with 'cbam data fetch'")

    monkeypatch.setattr(dataset, "open_test_set", damaged)
    assert services.test_set() is None
    assert services.test_set() is None
    assert [record.message for record in caplog.records].count(
        "data.damaged: test_images.npy is damaged; fetch it again with 'cbam data fetch'"
    ) == 1


def test_a_picture_that_the_operator_adds_does_not_take_the_place_of_the_one_that_is_shown(folder):
    app = visit(image="folder-b.png")
    Image.new("RGB", (64, 48), (0, 200, 0)).save(folder / "0.png")
    app.run()
    assert image(app) == "folder-b.png"
    (folder / "b.png").unlink()
    app.run()
    assert image(app) == "folder-0.png"
    assert not app.exception


def test_an_address_within_the_test_set_leaves_the_strip_of_samples_alone(test_set):
    app = visit(image="sample-5")
    begun = app.session_state["inspect-sample-generation"]
    for number in (3, 7):
        app.query_params.clear()
        app.query_params["image"] = f"test-{number}"
        app.query_params["gone"] = str(number)  # as client.js marks Back and Forward
        app.run()
        assert image(app) == f"test-{number}"
    assert app.session_state["inspect-sample-generation"] == begun


def test_a_file_that_is_no_picture_is_one_sentence(folder):
    app = visit(image="folder-broken.png")
    assert len(app.error) == 1
    assert "broken.png" in app.error[0].value


def test_thumbnails_of_the_folder_are_made_once_and_again_where_a_picture_changed(folder):
    for number in range(20):
        Image.new("RGB", (64, 48), (0, 0, 10 * number)).save(folder / f"c{number:02}.png")
    told = []
    sheet = services.gallery_sheet(services.gallery(), 10, told.append)
    assert told == [10, 20]
    assert Image.open(io.BytesIO(sheet)).size == (10 * 88, 3 * 88)
    assert services.gallery_sheet(services.gallery(), 10, told.append) is sheet
    assert told == [10, 20]
    Image.new("RGB", (64, 50), (255, 255, 255)).save(folder / "b.png")
    assert services.gallery_sheet(services.gallery(), 10, told.append) != sheet


def test_an_empty_folder_and_a_missing_one_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(tmp_path))
    assert "no images in the folder" in texts(visit("folder"))
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(tmp_path / "gone"))
    app = visit("folder")
    assert app.error[0].value.startswith("The image folder cannot be read")
    assert str(tmp_path) not in texts(app)
    assert "image" not in app.query_params


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://lens.example.org/", None),
        ("http://localhost:8501/", None),
        ("http://127.0.0.1:8501/", None),
        ("http://[::1]:8501/", None),
        ("http://192.168.1.20:8501/", "192.168.1.20"),
        ("http://lens.example.org/inspect", "lens.example.org"),
        ("http://[bad", None),
        (None, None),
    ],
)
def test_the_camera_needs_https_or_this_machine(url, host):
    assert insecure_host(url) == host


def test_answers_are_those_kept_beside_the_shipped_network():
    classifier = load_classifier("cbam_cnn_cifar10")
    assert services.evaluation_of(classifier).total == 10_000


def test_a_number_among_those_found_leaves_the_filters(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    wrong = int(np.flatnonzero(~answers.is_right)[7])
    number(app).set_value(wrong).run()
    assert image(app) == f"test-{wrong}"
    assert app.segmented_control(key="test-answers").value == "wrong"


def test_the_number_is_that_of_the_picture_after_a_filter(answers):
    app = visit("test")
    for chosen in ("wrong", "right"):
        app.segmented_control(key="test-answers").select(chosen).run()
        assert image(app) == f"test-{number(app).value}"


def test_another_order_begins_with_what_comes_first(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    wrong = np.flatnonzero(~answers.is_right)
    app.selectbox(key="test-order").select("sure").run()
    assert image(app) == f"test-{wrong[0]}"
    app.selectbox(key="test-order").select("unsure").run()
    assert image(app) == f"test-{wrong[-1]}"
    app.selectbox(key="test-order").select("index").run()
    assert image(app) == f"test-{wrong[-1]}"


def elsewhere_and_back(app):
    go_to(app, "compare").run()
    go_to(app, "inspect").run()
    assert not app.exception
    return app


def test_another_page_loses_neither_source_nor_filters(answers):
    app = visit("test")
    app.segmented_control(key="test-answers").select("wrong").run()
    app.selectbox(key="test-class").select(CLASSES.index("dog")).run()
    before = app.query_params["image"], number(app).value
    elsewhere_and_back(app)
    assert app.segmented_control(key="inspect-source").value == "test"
    assert app.segmented_control(key="test-answers").value == "wrong"
    assert app.selectbox(key="test-class").value == CLASSES.index("dog")
    assert (app.query_params["image"], number(app).value) == before


def test_another_page_loses_no_folder_picture_and_no_fit(folder):
    app = visit(image="folder-b.png", fit="pad")
    elsewhere_and_back(app)
    assert image(app) == "folder-b.png"
    assert app.segmented_control(key="fit").value == "pad"


def test_an_upload_that_was_looked_at_is_there_again_until_it_is_put_away():
    app = visit("upload")
    content = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()
    app.file_uploader[0].set_value([("chelsea.png", content, "image/png")]).run()
    assert "image" not in app.query_params
    elsewhere_and_back(app)
    assert app.segmented_control(key="inspect-source").value == "upload"
    assert "The last image you viewed: chelsea.png" in texts(app)
    assert "A block multiplies" in texts(app)
    app.button(key="uploads-forget").click().run()
    assert "The last image you viewed" not in texts(app)
    assert "Any image works" in texts(app)
    assert "A block multiplies" not in texts(app)


def test_a_part_that_a_linked_picture_does_not_have_is_left_out(folder):
    app = visit(image="folder-b.png", fit="square", square="99999~99999~99999")
    assert not app.error
    assert image(app) == "folder-b.png"
    assert "cannot be shown here: square=99999" in texts(app)
    app.segmented_control(key="fit").select("pad").run()  # the address is kept until then
    assert "square" not in app.query_params


def test_where_nothing_is_shown_the_address_names_nothing(folder):
    app = visit("folder")
    assert "image" in app.query_params
    app.segmented_control(key="inspect-source").select("upload").run()
    assert "image" not in app.query_params
    app.segmented_control(key="inspect-source").select("folder").run()
    assert "image" in app.query_params
    app = visit(image="folder-b.png")
    (folder / "b.png").write_bytes(b"no picture")
    app.run()
    assert "image" not in app.query_params
