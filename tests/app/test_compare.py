"""Compare without a browser: its three ways, swapping, uploads good and bad, and what is said of differences."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import services
from app.components.comparison import in_words
from app.components.uploads import Upload
from app.picked import Picked
from cbam_core import explain, load_classifier
from cbam_core.classifier import save_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain_channel
from cbam_core.explanation.comparison import Similarity, similarity
from cbam_core.explanation.summing import GateSums
from cbam_core.places import shipped_checkpoints

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
CAT = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()
NETWORK = "cbam_cnn_cifar10"
FIRST_CAT, FIRST_DOG = 30, 50


@pytest.fixture
def app(monkeypatch, tmp_path):
    """The page as a new visitor opens it, with one shipped network and a twin of it."""
    shutil.copy(shipped_checkpoints()[NETWORK], tmp_path)
    shutil.copy(shipped_checkpoints()[NETWORK], tmp_path / "twin.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    return opened()


def opened():
    test = AppTest.from_file(str(MAIN), default_timeout=60)
    test.run()
    test.switch_page("views/compare.py").run()
    assert not test.exception
    return test


def html(app):
    return " ".join(element.proto.body for element in app.get("html"))


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.warning, *app.info])


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def predictions(app):
    return " ".join(str(element.proto) for element in app.get("bidi_component"))


def mode(app, name):
    app.segmented_control(key="compare-mode").select(name).run()
    assert not app.exception
    return app


def source(app, place, turn=0):
    return app.segmented_control(key=f"compare-source-{place}-{turn}")


def uploader(app, place, turn=0):
    return next(one for one in app.file_uploader if f"compare-file-{place}-{turn}" in one.proto.id)


def test_two_pictures_show_every_block_on_one_scale_with_the_differences_and_likeness(app):
    network = load_classifier(NETWORK)
    left, right = (explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG))
    assert len(charts(app)) == 3
    drawn = html(app)
    for one, other in zip(left.blocks, right.blocks, strict=True):
        low, high = one.spatial_mask.min(), one.spatial_mask.max()
        assert f"Spatial mask of {one.name}, A: " in drawn
        assert f"from {low:.2f} to {high:.2f}" in drawn
        difference = other.spatial_mask.astype(np.float64) - one.spatial_mask
        assert f"{difference.max():+.3f}".replace("-", "−") in drawn
        assert f"cosine {similarity(one.spatial_mask, other.spatial_mask).cosine:.2f}" in drawn
    assert "Equal gates do not mean equal reasons" in texts(app)
    assert "near 1 whenever both stay near some level" in texts(app)  # behind "More"


def test_bars_are_the_weights_of_both_and_can_be_sorted_and_shown_whole(app):
    network = load_classifier(NETWORK)
    left, right = (explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG))
    weights = [one.blocks[2].channel_weights for one in (left, right)]
    assert len(charts(app)[2]["data"][0]["x"]) == 20
    app.selectbox(key="compare-ends").select(0).run()
    app.segmented_control(key="compare-order").select("difference").run()
    bars = charts(app)[2]["data"]
    channels = [int(name) for name in bars[0]["x"]]
    assert len(channels) == 128
    assert bars[0]["y"] == pytest.approx(weights[0][channels].tolist())
    assert bars[1]["y"] == pytest.approx(weights[1][channels].tolist())
    sizes = np.abs(weights[1] - weights[0])[channels]
    assert (np.diff(sizes) <= 1e-6).all()


def test_charts_are_described_for_those_who_cannot_see_them(app):
    spoken = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert all(re.search(r"channel weights of A and B; mean .* largest difference", text) for text in spoken)


def test_a_chart_has_one_button_that_is_no_block_of_another_colour(app):
    for chart in app.get("plotly_chart"):
        assert json.loads(chart.proto.config)["modeBarButtons"] == [["toImage"]]
        assert json.loads(chart.proto.spec)["layout"]["modebar"]["bgcolor"] == "rgba(0,0,0,0)"


def test_swapping_exchanges_the_sides(app):
    before = charts(app)[2]["data"]
    app.button(key="compare-swap").click().run()
    after = charts(app)[2]["data"]
    assert after[0]["name"] == before[0]["name"] == "A"
    assert (after[0]["y"], after[1]["y"]) == (before[1]["y"], before[0]["y"])


def test_differences_have_one_scale_to_the_greatest_of_them_until_asked_otherwise(app):
    network = load_classifier(NETWORK)
    left, right = (explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG))
    greatest = max(
        float(np.abs(other.spatial_mask - one.spatial_mask).max())
        for one, other in zip(left.blocks, right.blocks, strict=True)
    )
    assert html(app).count(f"<span>−{greatest:.3g}</span>") == 3
    assert html(app).count(f"<span>+{greatest:.3g}</span>") == 3
    app.segmented_control(key="compare-colours").select("fixed").run()
    assert html(app).count("<span>−1</span>") == 3
    assert "".join(app.query_params["colours"]) == "fixed"


def test_side_without_a_file_waits_and_the_other_stays(app):
    source(app, "right").select("upload").run()
    assert "Give picture B a file" in texts(app)
    assert "memory for your visit only" in texts(app)
    assert not charts(app)


def test_bad_file_is_one_sentence_and_a_good_one_takes_its_place(app):
    source(app, "right").select("upload").run()
    uploader(app, "right").set_value([("<b>evil</b>.png", b"no picture at all", "image/png")]).run()
    assert not app.exception
    (error,) = app.error
    assert "<b>" not in error.value
    assert len(app.get("bidi_component")) >= 2  # strip and prediction of the other side
    uploader(app, "right").set_value([("chelsea.png", CAT, "image/png")]).run()
    assert not app.error
    assert len(charts(app)) == 3


def test_an_upload_changes_sides_too(app):
    source(app, "right").select("upload").run()
    uploader(app, "right").set_value([("chelsea.png", CAT, "image/png")]).run()
    before = charts(app)[2]["data"]
    app.button(key="compare-swap").click().run()
    assert source(app, "left", 1).value == "upload"
    assert source(app, "right", 1).value == "sample"
    assert "Shown: chelsea.png" in texts(app)
    assert charts(app)[2]["data"][0]["y"] == before[1]["y"]


def test_a_chosen_channel_shows_its_feature_maps_of_both_and_closes_again(app):
    network = load_classifier(NETWORK)
    pair = [explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG)]
    maps = [explain_channel(network, one, "cbam2", 17) for one in pair]
    assert "Feature map of channel" not in html(app)
    app.selectbox(key="compare-ends").select(0).run()
    app.selectbox(key="compare-channel-cbam2").select(17).run()
    assert not app.exception
    drawn = html(app)
    for side, one in zip("AB", maps, strict=True):
        for when, values in (("before", one.before), ("after", one.after)):
            said = f"Feature map of channel 17 of cbam2 {when} the gates, {side}: 8x8 cells, from "
            assert f"{said}{values.min():.3g} to {values.max():.3g}" in drawn
    top = max(one.before.max() for one in maps)
    assert drawn.count(f"<span>{top:.3g}</span>") == 2  # one scale for both
    assert f"{maps[0].weight:.3f} in A and {maps[1].weight:.3f} in B" in texts(app)
    (band,) = charts(app)[1]["layout"].get("shapes", [None])
    assert charts(app)[1]["data"][0]["x"][round(band["x0"] + 0.5)] == "17"
    app.button(key="compare-channel-cbam2-close").click().run()
    assert app.selectbox(key="compare-channel-cbam2").value is None
    assert "Feature map of channel" not in html(app)


def test_a_chosen_channel_stays_when_sides_are_swapped(app):
    app.selectbox(key="compare-channel-cbam3").select(100).run()
    before = re.findall("Feature map of channel 100 .*?, A: (.*?);", html(app))
    app.button(key="compare-swap").click().run()
    assert re.findall("Feature map of channel 100 .*?, B: (.*?);", html(app)) == before


def test_a_channel_that_a_block_lacks_is_not_chosen():
    def page():
        import streamlit as st

        from app.components.features import choose_channel

        st.write(f"chosen: {choose_channel('cbam1', 32, key='channel', changed=lambda: None)}")

    test = AppTest.from_function(page)
    test.session_state["channel"] = 100
    test.run()
    assert not test.exception
    assert test.markdown[0].value == "chosen: None"


def test_an_upload_and_two_networks_have_feature_maps_too(app):
    source(app, "right").select("upload").run()
    uploader(app, "right").set_value([("chelsea.png", CAT, "image/png")]).run()
    app.selectbox(key="compare-channel-cbam1").select(3).run()
    network = load_classifier(NETWORK)
    values = explain_channel(network, explain(network, CAT), "cbam1", 3).before
    assert f"B: 16x16 cells, from {values.min():.3g} to {values.max():.3g}" in html(app)
    mode(app, "networks")
    app.selectbox(key="compare-channel-cbam1").select(3).run()
    found = re.findall("Feature map of channel 3 of cbam1 before the gates, .: (.*?);", html(app))
    assert len(found) == 2
    assert found[0] == found[1]  # twins


def test_classes_have_no_feature_map_of_one_picture(app):
    mode(app, "classes")
    assert not [box for box in app.selectbox if (box.key or "").startswith("compare-channel")]


def test_an_upload_is_taken_from_inspect_as_it_was_fitted_there(app):
    app.switch_page("views/inspect.py").run()
    app.segmented_control[0].select("Upload").run()
    app.file_uploader[0].set_value([("chelsea.png", CAT, "image/png")]).run()
    app.segmented_control(key="fit").select("pad").run()
    app.switch_page("views/compare.py").run()
    app.button(key="compare-inspect-left").click().run()
    assert source(app, "left", 1).value == "upload"
    assert "Shown: chelsea.png" in texts(app)
    expected = explain(load_classifier(NETWORK), CAT, "pad").blocks[0].channel_weights
    app.selectbox(key="compare-ends").select(0).run()
    assert charts(app)[0]["data"][0]["y"] == pytest.approx(expected.tolist())
    app.button(key="compare-swap").click().run()
    assert charts(app)[0]["data"][1]["y"] == pytest.approx(expected.tolist())


def test_nothing_is_offered_from_inspect_before_a_visit_there(app):
    app.session_state["picked"] = None
    assert not [button for button in app.run().button if (button.key or "").startswith("compare-inspect")]


def test_twins_have_no_differences(app):
    mode(app, "networks")
    assert app.selectbox(key="compare-network-left-0").value == NETWORK
    assert app.selectbox(key="compare-network-right-0").value == "twin"
    assert len(charts(app)) == 3
    assert html(app).count("<span>+0.000 to +0.000</span>") == 3
    assert "learn their channels apart" not in texts(app)  # they are one network


def shipped_pair(monkeypatch):
    """The page comparing the two networks that ship, whose blocks have other names."""
    monkeypatch.delenv("CBAM_CHECKPOINT_DIR", raising=False)
    if len(shipped_checkpoints()) < 2:
        pytest.skip("one network ships")
    return mode(opened(), "networks")


def test_networks_with_blocks_of_other_names_are_compared_grid_by_grid(monkeypatch):
    app = shipped_pair(monkeypatch)
    assert [header.value for header in app.header] == [f"cbam{n} with stage{n}.0.cbam" for n in (1, 2, 3)]
    assert "paired by the grid of their masks" in texts(app)
    left, right = (
        {block.name: block for block in explain(load_classifier(name), sample_sheet().images[FIRST_CAT]).blocks}
        for name in (NETWORK, "cbam_resnet_cifar10")
    )
    drawn = html(app)
    for n in (1, 2, 3):
        one, other = left[f"cbam{n}"].spatial_mask, right[f"stage{n}.0.cbam"].spatial_mask
        difference = other.astype(np.float64) - one
        assert f"Difference of the spatial masks of cbam{n} with stage{n}.0.cbam, B minus A: from " in drawn
        assert f"{difference.max():+.3f}".replace("-", "−") in drawn
        assert f"cosine {similarity(one, other).cosine:.2f}" in drawn
    assert "no partner in the other network" in texts(app)
    assert drawn.count("Spatial mask of stage1.1.cbam, B") == 1
    app.button(key="compare-swap").click().run()
    assert app.selectbox(key="compare-network-right-1").value == NETWORK
    assert app.header[0].value == "stage1.0.cbam with cbam1"


def test_channels_of_other_numbers_have_bars_of_their_own_and_no_likeness(monkeypatch):
    app = shipped_pair(monkeypatch)
    assert "no channel of one belongs to a channel of the other" in texts(app)
    assert "learn their channels apart" not in texts(app)  # no chart sets channel beside channel
    bars = [chart["data"] for chart in charts(app)]
    assert [len(one) for one in bars] == [1] * 9  # of three pairs, and of the three blocks without a partner
    assert re.search(r"stage2\.1\.cbam, \d+ channels", html(app))
    assert '<th scope="row">Channels' not in html(app)
    assert "stage3.0.cbam, 224 channels" in html(app)
    boxes = [box.key for box in app.selectbox if (box.key or "").startswith("compare-channel")]
    assert len(boxes) == 9
    assert "compare-channel-a.cbam1" in boxes
    assert "compare-channel-cbam1" not in boxes  # no channel of one goes with a channel of the other
    app.selectbox(key="compare-ends").select(0).run()
    app.segmented_control(key="compare-order").select("difference").run()
    weights = explain(load_classifier(NETWORK), sample_sheet().images[FIRST_CAT]).blocks[2].channel_weights
    assert charts(app)[4]["data"][0]["y"] == pytest.approx(sorted(weights.tolist(), reverse=True))
    spoken = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert re.match(r"128 channel weights from .* highest in channel", spoken[4])


def test_a_channel_of_one_network_alone_is_followed_there_and_linked(monkeypatch):
    app = shipped_pair(monkeypatch)
    app.selectbox(key="compare-channel-b.stage1.1.cbam").select(7).run()  # of a block without a partner
    app.selectbox(key="compare-channel-a.cbam3").select(100).run()
    assert not app.exception
    drawn = html(app)
    assert "Feature map of channel 7 of stage1.1.cbam before the gates, B" in drawn
    assert "Feature map of channel 100 of cbam3 after the gates, A" in drawn
    network, image = load_classifier(NETWORK), sample_sheet().images[FIRST_CAT]
    followed = explain_channel(network, explain(network, image), "cbam3", 100)
    assert f"that map times its weight, {followed.weight:.3f}, and times the mask" in texts(app)
    linked = app.query_params["channels"]
    assert linked in ("a.cbam3~100,b.stage1.1.cbam~7", ["a.cbam3~100,b.stage1.1.cbam~7"])
    app.button(key="compare-channel-b.stage1.1.cbam-close").click().run()
    assert "Feature map of channel 7 of" not in html(app)
    assert app.query_params["channels"] in ("a.cbam3~100", ["a.cbam3~100"])
    app.button(key="compare-swap").click().run()
    assert "channels" not in app.query_params  # what stands left is another network now


def test_networks_of_one_shape_say_that_their_channels_do_not_correspond(app, tmp_path, tiny_checkpoint):
    shutil.copy(tiny_checkpoint, tmp_path / "zebra.safetensors")
    app = compare_networks(opened(), right="zebra")
    assert "learn their channels apart" in texts(app)
    assert "paired by the grid" not in texts(app)
    assert [header.value for header in app.header] == ["cbam1", "cbam2", "cbam3"]
    assert [len(chart["data"]) for chart in charts(app)] == [2] * 3


def compare_networks(app, right):
    mode(app, "networks")
    app.selectbox(key="compare-network-right-0").select(right).run()
    assert not app.exception
    return app


def zips(app):
    return [button.proto for button in app.get("download_button") if button.proto.id.endswith("compare-zip")]


@pytest.mark.parametrize("what", ["pictures", "networks"])
def test_a_zip_of_both_sides_is_offered_beside_the_link(app, what):
    mode(app, what)
    (button,) = zips(app)
    assert button.label == "Download both (.zip)"
    assert "has no address" not in texts(app)


def test_means_of_two_classes_can_be_taken_along(app):
    mode(app, "classes")
    (button,) = [button.proto for button in app.get("download_button") if button.proto.id.endswith("compare-means")]
    assert button.label == "Raw values (.npz)"
    assert not zips(app)


def test_what_has_no_link_is_said_in_the_open_with_the_zip_that_there_is(app):
    source(app, "right").select("upload").run()
    assert not zips(app)  # one side waits
    assert "has no address." in texts(app)
    assert "ZIP" not in texts(app)
    uploader(app, "right").set_value([("chelsea.png", CAT, "image/png")]).run()
    assert len(zips(app)) == 1
    assert "Download everything as a ZIP instead" in texts(app)


def test_one_network_is_said_to_be_one(app, tmp_path):
    (tmp_path / "twin.safetensors").unlink()
    app = mode(opened(), "networks")
    assert "Only one trained network" in texts(app)
    assert len(charts(app)) == 3


def test_classes_are_means_of_ten_with_their_spread(app):
    mode(app, "classes")
    network, sheet = load_classifier(NETWORK), sample_sheet()
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


def test_only_classes_that_the_network_knows_are_offered_and_judged(app, tmp_path, tiny_classifier):
    known = ("ship", *map("thing {}".format, range(8)), "cat")
    app = network_of_classes(tmp_path, tiny_classifier, known, "other")
    mode(app, "classes")
    assert app.selectbox(key="compare-class-left-0").options == ["cat", "ship"]
    assert app.selectbox(key="compare-class-right-0").value == "cat"  # it knows no dog
    assert "recognised as dog" not in html(app)


def test_a_network_of_other_classes_is_not_asked_for_those_of_cifar(app, tmp_path, tiny_classifier):
    app = network_of_classes(tmp_path, tiny_classifier, tuple(map("thing {}".format, range(10))), "things")
    assert "Truth:" not in predictions(app)
    mode(app, "classes")
    assert "knows none of them: it knows thing 0, thing 1" in texts(app)
    assert "recognised as" not in html(app)
    assert not [box for box in app.selectbox if (box.key or "").startswith("compare-class")]


def test_without_the_test_set_one_line_says_how_to_fetch_it(app):
    mode(app, "classes")
    assert "cbam data fetch" in texts(app)
    assert not [control for control in app.segmented_control if control.key == "compare-over"]


def test_classes_over_the_test_set_are_its_means_and_kept_for_the_next_visitor(app, test_set, monkeypatch):
    mode(app, "classes")
    app.segmented_control(key="compare-over").select("test").run()
    assert not app.exception
    network = load_classifier(NETWORK)
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
    monkeypatch.setattr(GateSums, "add", None)  # it would have to be worked out again
    again = mode(opened(), "classes")
    again.segmented_control(key="compare-over").select("test").run()
    assert not again.exception
    assert f"{right} of {len(cats)} recognised as cat" in html(again)


def test_an_image_of_the_test_set_is_chosen_by_number_or_by_chance_and_changes_sides(app, test_set):
    app.run()
    source(app, "right").select("test").run()
    assert not app.exception
    number = app.number_input(key="compare-test-right-0")
    assert (number.min, number.max) == (0, 249)
    number.set_value(207).run()
    network = load_classifier(NETWORK)
    weights = explain(network, test_set.images[207]).blocks[0].channel_weights
    app.selectbox(key="compare-ends").select(0).run()
    assert charts(app)[0]["data"][1]["y"] == pytest.approx(weights.tolist(), abs=1e-6)
    app.selectbox(key="compare-channel-cbam1").select(4).run()
    values = explain_channel(network, explain(network, test_set.images[207]), "cbam1", 4).before
    assert f"B: 16x16 cells, from {values.min():.3g} to {values.max():.3g}" in html(app)
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


def test_a_sum_that_was_ended_is_gone_on_with(test_set):
    class EndedError(Exception):
        """As Streamlit ends a run: while it draws."""

    def end_it(done, total):
        if done >= 200:
            raise EndedError

    network = load_classifier(NETWORK)
    with pytest.raises(EndedError):
        services.test_summaries(network, end_it)
    begun = []
    found = services.test_summaries(network, lambda done, total: begun.append((done, total)))
    assert begun == [(200, 250)]
    assert sum(one.count for one in found.values()) == 250


def test_a_class_with_itself_is_told_apart_by_letters(app):
    mode(app, "classes")
    app.selectbox(key="compare-class-right-0").select("cat").run()
    assert [bars["name"] for bars in charts(app)[0]["data"]] == ["A cat", "B cat"]
    assert html(app).count("<span>+0.000 to +0.000</span>") == 3


@pytest.mark.parametrize(
    ("pearson", "said"),
    [
        (0.9, "rise and fall together"),
        (0.5, "partly rise and fall together"),
        (0.0, "hardly related"),
        (-0.5, "partly run against each other"),
        (-0.9, "run against each other"),
    ],
)
def test_correlations_in_words(pearson, said):
    assert in_words(Similarity(1.0, pearson)) == said
    assert "hardly varies" in in_words(Similarity(1.0, pearson), flat=True)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Two pictures that whoever runs the app has laid out."""
    laid_out = tmp_path / "pictures"
    laid_out.mkdir()
    for name, part in (("chelsea.png", (0, 0, 300, 300)), ("whiskers.png", (100, 50, 400, 250))):
        Image.open(io.BytesIO(CAT)).crop(part).save(laid_out / name)
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(laid_out))
    return laid_out


def said(app):
    return {name: "".join(value) for name, value in app.query_params.items()}


def first_weights(picture, *how):
    return explain(load_classifier(NETWORK), picture.read_bytes(), *how).blocks[0].channel_weights.tolist()


def test_a_folder_of_the_operators_is_offered_on_both_sides_and_linked(app, folder):
    app.run()
    for place in ("left", "right"):
        source(app, place).select("folder").run()
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
    app.session_state["picked"] = Picked("upload", upload=upload, fit="square", square=(10.0, 20.0, 90.0))
    app.run()
    app.button(key="compare-inspect-right").click().run()
    assert not app.exception
    assert source(app, "right", 1).value == "folder"
    there = said(app)
    assert (there["b"], there["fit_b"], there["square_b"]) == ("folder-whiskers.png", "square", "10~20~90")
    assert "has no address" not in texts(app)
    again = AppTest.from_file(str(MAIN), default_timeout=60)
    again.switch_page(str(MAIN.parent / "views" / "compare.py"))
    for name, value in {**there, "ends": "0"}.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    network = load_classifier(NETWORK)
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
    app.session_state["picked"] = Picked("upload", upload=upload, fit="pad")
    mode(app, "networks")
    app.button(key="compare-inspect-left").click().run()
    assert said(app)["image"] == "folder-chelsea.png"
    assert said(app)["fit"] == "pad"


def test_a_camera_on_either_side_waits_for_its_picture_and_keeps_it_when_swapped(app, monkeypatch):
    source(app, "right").select("camera").run()
    assert not app.exception
    assert not charts(app)
    assert "memory for your visit only" in texts(app)
    photo = Upload("camera.jpg", hashlib.sha256(CAT).hexdigest(), CAT)
    monkeypatch.setattr("app.components.sides.camera", lambda key: photo if "right-0" in key else None)
    app.run()
    assert len(charts(app)) == 3
    app.button(key="compare-swap").click().run()
    assert source(app, "left", 1).value == "camera"
    assert len(charts(app)) == 3
