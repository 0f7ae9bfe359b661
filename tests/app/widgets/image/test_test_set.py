"""The test set as the source of an image: its filters, its pages of thumbnails, and its links."""

from __future__ import annotations

import numpy as np
import pytest

from app.services import images as pictures
from cbam_core.data.cifar10 import CLASSES
from cbam_core.results.evaluation import Evaluation, levels_of
from tests.app.inspect.page import elsewhere_and_back, image, number, texts, visit

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


def test_without_the_test_set_one_sentence_says_how_to_get_it():
    said = texts(visit("test"))
    assert "`cbam data fetch`" in said
    assert "`.venv/bin/cbam data fetch`" in said
    assert "Whoever started the app" in said


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


def test_an_address_within_the_test_set_leaves_the_strip_of_samples_alone(test_set):
    app = visit(image="sample-5")
    begun = app.session_state["inspect-sample-generation"]
    for index in (3, 7):
        app.query_params.clear()
        app.query_params["image"] = f"test-{index}"
        app.query_params["gone"] = f"{index}~inspect"  # as addresses.js marks Back and Forward
        app.run()
        assert image(app) == f"test-{index}"
    assert app.session_state["inspect-sample-generation"] == begun


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
