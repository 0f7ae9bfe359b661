"""Links that ask for what there is not: one line says what, and what is shown in its place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.session.addresses import compare, go_back, said, visit
from tests.app.visiting import MAIN, go_to

BEFORE = "This link asks for what cannot be shown here: "


def notices(app):
    """What the page says about its link."""
    return [info.value for info in app.info if info.value.startswith("This link asks")]


def notice(app):
    (only,) = notices(app)
    assert only.startswith(BEFORE)
    return only.removeprefix(BEFORE)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"network": "nobody"},
            "network nobody. Shown instead: network cbam\\_cnn\\_cifar10.",
        ),
        (
            {"image": "sample-5000"},
            "sample image 5000. Shown instead: sample image 31.",
        ),
        (
            {"image": "test-4711"},
            "test image 4711. Shown instead: sample image 31. The test set is not on this server.",
        ),
        ({"class": "zebra"}, "class zebra."),
        ({"block": "layer9"}, "block layer9."),
        (
            {"scale": "log", "lang": "xx"},
            "scale=log, language xx. Shown instead: scale=unit, language EN.",
        ),
    ],
    ids=["network", "image", "test set", "class", "block", "part"],
)
def test_one_line_names_what_a_link_asks_for_in_vain_and_what_is_shown(parameters, expected):
    app = visit(**parameters)
    assert notice(app) == expected
    assert said(app) == parameters


def test_an_image_beyond_the_test_set_is_named(test_set):
    app = visit(image="test-9999")
    assert notice(app) == "test image 9999. Shown instead: sample image 31."


def test_a_class_that_the_test_set_lacks_is_named_and_the_image_is_shown(test_set):
    app = visit(**{"image": "test-3", "class": "zebra"})
    assert notice(app) == "class zebra."
    assert app.segmented_control(key="inspect-source").value == "test"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"mode": "classes", "a": "zebra", "b": "dog"},
            "A: zebra. Shown instead: A: cat.",
        ),
        (
            {"a": "test-3", "b": "sample-50"},
            "A: test image 3. Shown instead: A: sample image 30. The test set is not on this server.",
        ),
        (
            {"mode": "classes", "a": "cat", "b": "dog", "of": "test"},
            "of=test. Shown instead: of=samples. The test set is not on this server.",
        ),
        (
            {"mode": "three"},
            "mode=three. Shown instead: mode=pictures.",
        ),
    ],
    ids=["class", "test set", "means", "mode"],
)
def test_compare_says_what_its_link_asks_for_in_vain(parameters, expected):
    app = compare(**parameters)
    assert notice(app) == expected
    assert said(app) == parameters


@pytest.mark.parametrize("page", ["model", "training"])
def test_every_page_says_what_its_link_asks_for_in_vain(page):
    app = AppTest.from_file(str(MAIN), default_timeout=200)
    go_to(app, page)
    app.query_params["network"] = "nobody"
    app.run()
    assert notice(app).startswith("network nobody.")
    assert said(app) == {"network": "nobody"}
    app.sidebar.selectbox(key="network_name").select("cbam_resnet_cifar10").run()
    assert not notices(app)
    assert said(app)["network"] == "cbam_resnet_cifar10"


def test_a_page_that_there_is_not_is_named_and_its_parameters_are_followed():
    app = visit(page="tides", image="sample-3", lang="zh")
    (info,) = [info.value for info in app.info if "tides" in info.value]
    assert info == "此链接所指的内容无法在此显示：页面 tides。现改为显示：页面 查看。"
    app.segmented_control(key="inspect-source").select("upload").run()
    assert "page" not in said(app)


def test_a_page_that_there_is_needs_no_word():
    app = visit(page="inspect", image="sample-3")
    assert not notices(app)
    assert said(app) == {"network": "cbam_cnn_cifar10", "image": "sample-3"}


def test_training_names_the_run_that_a_link_asks_for_in_vain():
    app = AppTest.from_file(str(MAIN), default_timeout=200)
    go_to(app, "training")
    app.query_params["run"] = "monday"
    app.run()
    assert notice(app).startswith("run monday. Shown instead: run ")


def test_the_line_about_a_link_stays_until_the_visitor_chooses_something():
    app = visit(network="nobody", image="sample-3")
    app.run()
    assert notices(app)
    assert said(app) == {"network": "nobody", "image": "sample-3"}
    app.sidebar.selectbox(key="network_name").select("cbam_resnet_cifar10").run()
    assert not notices(app)
    assert said(app) == {"network": "cbam_resnet_cifar10", "image": "sample-3"}


def test_another_page_ends_the_line_about_a_link_and_starts_its_own_address():
    app = visit(network="nobody")
    go_to(app, "model").run()
    assert not notices(app)
    assert said(app) == {"network": "cbam_cnn_cifar10"}


def test_going_back_to_a_link_says_again_what_it_asks_for_in_vain():
    app = visit(image="sample-3")
    go_back(app, 1, network="cbam_cnn_cifar10", image="sample-500")
    assert notice(app) == "sample image 500. Shown instead: sample image 3."
    assert said(app) == {"network": "cbam_cnn_cifar10", "image": "sample-500"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"image": "sample-007", "opacity": "0.50", "scale": "unit", "fit": "crop"},
        {"lang": "zh", "network": "cbam_resnet_cifar10"},
        {"utm_source": "somewhere", "image": "sample-3"},
    ],
    ids=["usual values", "language", "not ours"],
)
def test_a_link_that_says_the_same_in_other_words_is_honoured(parameters):
    app = visit(**parameters)
    assert not [info.value for info in app.info if "link" in info.value or "链接" in info.value]


def test_channels_in_another_order_are_the_same_channels():
    assert not notices(compare(mode="pictures", channels="cbam3~17,cbam1~5"))


def test_what_a_link_asks_for_is_shown_as_plain_text():
    app = visit(network="**<script>** [x](y)\n" + "z" * 60)
    assert "network \\*\\*\\<script\\>\\*\\* \\[x\\]\\(y\\) zzz" in notice(app)
    assert "z" * 40 not in notice(app)
