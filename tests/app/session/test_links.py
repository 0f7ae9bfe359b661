"""Addresses: what they say, what is believed of them, and that they bring back what was on the page."""

from __future__ import annotations

import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app.inspect import result as inspect_result
from app.session import links
from app.session.mark import MARK
from app.shell.router import PAGES, parameters_of
from cbam_core.viewer import Settings
from tests.app.session.addresses import READERS, compare, go_back, read, said, visit
from tests.app.visiting import MAIN, go_to


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("image", "sample-31", ("sample", 31)),
        ("image", "test-4711", ("test", 4711)),
        ("image", "folder-my cat.jpg", ("folder", "my cat.jpg")),
        ("opacity", "0.4", 0.4),
        ("opacity", "1", 1.0),
        ("smooth", "yes", True),
        ("smooth", "no", False),
        ("scale", "stretch", "stretch"),
        ("square", "10~20.5~30", (10.0, 20.5, 30.0)),
        ("square_b", "10~20.5~30", (10.0, 20.5, 30.0)),
        ("fit_a", "pad", "pad"),
        ("lang", "zh", "zh"),
    ],
)
def test_good_values_are_read(name, text, value):
    assert read({name: text}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("image", "sample--1"),
        ("image", "test-999999"),
        ("image", "test-٣"),
        ("image", "folder-../../etc/passwd"),
        ("image", "folder-a\\b"),
        ("image", "upload-1"),
        ("opacity", "nan"),
        ("opacity", "1e9"),
        ("opacity", "2"),
        ("smooth", "maybe"),
        ("scale", "log"),
        ("square", "1~2"),
        ("square", "1~2~0"),
        ("square", "inf~1~1"),
        ("lang", "xx"),
        ("fit", "zoom"),
        ("fit_a", "zoom"),
        ("square_b", "1~2"),
        ("mode", "<script>"),
        ("block", "a\nb"),
        ("network", ""),
        ("block", "x" * 201),
        ("nothing", "known"),
    ],
)
def test_bad_values_count_as_absent(name, text):
    assert read({name: text}) == {}


def test_a_page_names_what_it_shows():
    assert said(visit()) == {"network": "cbam_cnn_cifar10", "image": "sample-31"}


def test_a_link_brings_back_network_image_and_settings():
    app = visit(network="cbam_resnet_cifar10", image="sample-7", colours="magma", opacity="0.25")
    assert app.sidebar.selectbox(key="network_name").value == "cbam_resnet_cifar10"
    assert said(app) == {
        "network": "cbam_resnet_cifar10",
        "image": "sample-7",
        "colours": "magma",
        "opacity": "0.25",
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {"network": "../../etc/passwd", "image": "test-1"},  # nothing was fetched here
        {"network": "nobody", "image": "sample-5000"},
        {"image": "folder-cat.jpg", "opacity": "-1", "colours": "no such table"},
        {"image": "\x00", "square": "a~b~c", "mode": "'; drop"},
    ],
)
def test_hostile_links_show_what_anybody_sees(parameters):
    app = visit(**parameters)
    assert not app.exception
    assert not app.error
    assert app.sidebar.selectbox(key="network_name").value == "cbam_cnn_cifar10"
    assert said(app) == parameters  # until the visitor chooses something
    app.segmented_control(key="inspect-source").select("camera").run()
    app.segmented_control(key="inspect-source").select("sample").run()
    assert said(app) == {"network": "cbam_cnn_cifar10", "image": "sample-31"}


def test_an_upload_has_no_link(picture_file):
    app = visit()
    app.segmented_control(key="inspect-source").select("upload").run()
    app.file_uploader[0].set_value([("cat.png", picture_file.read_bytes(), "image/png")]).run()
    assert "image" not in said(app)


def test_two_pictures_have_a_link():
    app = compare(mode="pictures", a="sample-3", b="sample-55", sort="difference", ends="0")
    wanted = {"network": "cbam_cnn_cifar10", "a": "sample-3", "b": "sample-55", "sort": "difference", "ends": "0"}
    assert said(app) == wanted


def test_a_block_that_the_network_lacks_leaves_the_address():
    app = visit(image="sample-3", block="layer9", opacity="0.4")
    app.sidebar.selectbox(key="network_name").select("cbam_resnet_cifar10").run()
    assert said(app) == {"network": "cbam_resnet_cifar10", "image": "sample-3", "opacity": "0.4"}
    assert said(visit(image="sample-3", block="cbam2"))["block"] == "cbam2"


def test_two_networks_have_a_link():
    app = compare(
        mode="networks", image="sample-4", a="cbam_resnet_cifar10", b="cbam_cnn_cifar10", masks="alone", colours="fixed"
    )
    assert said(app) == {
        "image": "sample-4",
        "a": "cbam_resnet_cifar10",
        "b": "cbam_cnn_cifar10",
        "mode": "networks",
        "masks": "alone",
        "colours": "fixed",
    }


def test_open_feature_maps_are_in_the_address_and_come_back():
    app = compare(mode="pictures", channels="cbam1~5,cbam3~17,cbam2~9999,nothing~3")
    assert app.selectbox(key="compare-channel-cbam1").value == 5
    assert app.selectbox(key="compare-channel-cbam3").value == 17
    assert app.selectbox(key="compare-channel-cbam2").value is None  # it has no such channel
    app.selectbox(key="compare-channel-cbam2").select(8).run()
    app.button(key="compare-channel-cbam1-close").click().run()
    assert said(app)["channels"] == "cbam2~8,cbam3~17"
    go_back(app, 1, "compare", mode="pictures", channels="cbam1~2")
    assert [app.selectbox(key=f"compare-channel-cbam{n}").value for n in (1, 2, 3)] == [2, None, None]
    assert said(app)["channels"] == "cbam1~2"


def test_two_classes_have_a_link():
    app = compare(mode="classes", a="ship", b="truck")
    assert said(app) == {"network": "cbam_cnn_cifar10", "a": "ship", "b": "truck", "mode": "classes"}
    assert app.selectbox(key="compare-class-left-1").value == "ship"


def test_a_hostile_comparison_is_what_anybody_sees():
    app, usual = compare(mode="<b>", a="sample-9999", b="../x", sort="up", ends="-1", masks="?"), compare()
    for one in (app, usual):
        one.button(key="compare-swap").click().run()
    assert said(app) == said(usual)


@given(st.dictionaries(st.sampled_from([*READERS, "other"]), st.text(max_size=260), max_size=8))
def test_whatever_an_address_says_is_read_or_passed_over(parameters):
    for name, value in read(parameters).items():
        written = links.as_text(value) if not isinstance(value, tuple) or name == "square" else None
        if written is not None:
            assert read({name: written}) == {name: value}


@given(st.floats(0, 1))
def test_an_opacity_is_written_as_it_is_read(opacity):
    texts = {"opacity": links.as_text(float(opacity))}
    assert read(texts)["opacity"] == pytest.approx(opacity, abs=1e-4)


def test_pages_give_a_name_that_they_share_the_same_meaning():
    owners = [parameters_of(page) for page in PAGES]
    for name, reader in READERS.items():
        assert all(owner[name] is reader for owner in owners if name in owner), name


def test_a_page_reads_and_writes_its_own_parameters_alone():
    def script():
        import streamlit as st

        from app.session import links

        st.text(repr(links.arrive({"depth": links.read_name}, "well")))
        links.write(network="one", depth="deep", run="first", lang=None)

    app = AppTest.from_function(script)
    for name, value in {"lang": "zh", "network": "one", "depth": "deep", "run": "first"}.items():
        app.query_params[name] = value
    app.run()
    assert app.text[0].value == repr({"depth": "deep", "lang": "zh", "network": "one"})
    assert said(app) == {"lang": "zh", "network": "one", "depth": "deep"}


def test_an_address_that_a_browser_sends_late_is_no_wish():
    app = visit(image="sample-3")
    app.query_params["image"] = "sample-7"  # as from a browser that has not heard of what was written since
    app.run()
    assert said(app)["image"] == "sample-3"


def test_going_back_is_a_wish_each_time():
    app = visit(image="sample-3")
    for number, index in ((1, 7), (2, 3), (3, 7)):
        go_back(app, number, image=f"sample-{index}")
        assert said(app) == {"network": "cbam_cnn_cifar10", "image": f"sample-{index}"}


def test_a_mark_that_was_followed_is_followed_once():
    app = visit(image="sample-3")
    for index in (7, 9):  # the second as a browser sends it that has not heard yet of the address without the mark
        go_back(app, 1, image=f"sample-{index}")
    assert said(app)["image"] == "sample-7"


def test_an_address_says_after_which_step_back_it_was_written():
    app = go_back(visit(image="sample-3"), 5, image="sample-7")
    assert MARK in app.query_params
    assert app.query_params[MARK] in ("5", ["5"])
    app.run()  # as a browser sends it that takes the mark out only where it is seen
    assert app.query_params[MARK] in ("5", ["5"])
    assert said(app)["image"] == "sample-7"


@pytest.mark.parametrize("mark", ["6~model", "6", "6~", "~inspect", "x~inspect", "6~inspect~model", "9" * 17])
def test_a_step_back_that_is_meant_for_another_page_or_for_none_is_not_taken_for_one_to_this_page(mark):
    app = go_back(visit(image="sample-3"), 5, image="sample-7")
    app.query_params["image"], app.query_params[MARK] = "sample-9", mark
    app.run()
    assert said(app)["image"] == "sample-7"
    assert app.query_params[MARK] in ("5", ["5"])  # so addresses.js knows that nobody followed it


@pytest.fixture
def viewer(monkeypatch):
    """Stands in for the viewer: what it began with, by its key, and a place for what the visitor chooses."""
    began, chosen = {}, {}

    def show(payload, *, key, ahead=None):
        began[key] = Settings(**payload["settings"])
        streamlit.session_state[key] = {}
        return began[key].changed_by(chosen)

    monkeypatch.setattr(inspect_result, "attention_viewer", show)
    return began, chosen


def test_going_back_brings_back_the_settings_of_the_viewer(viewer):
    began, chosen = viewer
    app = visit()
    chosen["colours"] = "magma"
    app.run()
    assert said(app)["colours"] == "magma"
    chosen.clear()
    go_back(app, 1, network="cbam_cnn_cifar10")
    assert began["sample-viewer-1"].colours == "viridis"
    assert "colours" not in said(app)


def test_another_source_begins_with_the_settings_of_the_last(viewer, picture_file):
    began, chosen = viewer
    app = visit()
    chosen["opacity"] = 0.9
    app.run()
    chosen.clear()
    app.segmented_control(key="inspect-source").select("upload").run()
    app.file_uploader[0].set_value([("cat.png", picture_file.read_bytes(), "image/png")]).run()
    assert began["upload-viewer-0"].opacity == 0.9
    assert began["sample-viewer-0"].opacity == 0.5  # what it was given stays while it is there


def test_a_network_is_asked_for_once():
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.query_params["network"] = "cbam_resnet_cifar10"
    app.query_params["image"] = "sample-3"
    app.run()
    assert app.sidebar.selectbox(key="network_name").value == "cbam_resnet_cifar10"
    app.sidebar.selectbox(key="network_name").select("cbam_cnn_cifar10").run()
    assert app.sidebar.selectbox(key="network_name").value == "cbam_cnn_cifar10"


def test_a_page_without_anything_to_show_does_not_hold_on_to_a_network(monkeypatch, tmp_path):
    monkeypatch.setattr("app.services.training_runs", dict)
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.query_params["network"] = "cbam_resnet_cifar10"
    go_to(app, "training")
    app.run()
    app.sidebar.selectbox(key="network_name").select("cbam_cnn_cifar10").run()
    assert app.sidebar.selectbox(key="network_name").value == "cbam_cnn_cifar10"
    assert said(app) == {"network": "cbam_cnn_cifar10"}


def test_the_address_that_is_copied_names_what_is_shown(monkeypatch):
    queries = []
    monkeypatch.setattr(inspect_result, "copy_link", lambda **given: queries.append(given["query"]))
    visit(network="nobody", image="sample-3")
    visit(image="sample-3")
    assert queries == ["network=cbam_cnn_cifar10&image=sample-3", None]
