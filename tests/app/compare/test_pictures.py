"""Two pictures compared: masks, differences, bars, likeness; uploads good and bad; what can be taken along."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from app.compare.pair import in_words
from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation.comparison import Similarity, similarity
from tests.app.compare.page import (
    CAT,
    FIRST_CAT,
    FIRST_DOG,
    NETWORK,
    charts,
    html,
    mode,
    source,
    texts,
    uploader,
    zips,
)
from tests.app.visiting import go_to


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
    assert "near 1 whenever the values of each hardly vary" in texts(app)  # behind "More"


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


def test_another_page_and_another_mode_lose_no_setting(app):
    app.segmented_control(key="compare-masks").select("alone").run()
    mode(app, "classes")
    mode(app, "pictures")
    assert app.segmented_control(key="compare-masks").value == "alone"
    mode(app, "networks")
    go_to(app, "model").run()
    go_to(app, "compare").run()
    assert app.segmented_control(key="compare-mode").value == "networks"
    assert app.segmented_control(key="compare-masks").value == "alone"


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
    assert "Upload a file for image B" in texts(app)
    assert "memory during your visit only" in texts(app)
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


@pytest.mark.parametrize(
    ("pearson", "said"),
    [
        (0.9, "positively correlated"),
        (0.5, "partly positively correlated"),
        (0.0, "hardly correlated"),
        (-0.5, "partly negatively correlated"),
        (-0.9, "negatively correlated"),
    ],
)
def test_correlations_in_words(pearson, said):
    assert in_words(Similarity(1.0, pearson)) == said
    assert "hardly varies" in in_words(Similarity(1.0, pearson), flat=True)


@pytest.mark.parametrize("what", ["pictures", "networks"])
def test_a_zip_of_both_sides_is_offered_beside_the_link(app, what):
    mode(app, what)
    (button,) = zips(app)
    assert button.label == "Download both (.zip)"
    assert "cannot be linked" not in texts(app)


def test_what_has_no_link_is_said_in_the_open_with_the_zip_that_there_is(app):
    source(app, "right").select("upload").run()
    assert not zips(app)  # one side waits
    assert "cannot be linked." in texts(app)
    assert "ZIP" not in texts(app)
    uploader(app, "right").set_value([("chelsea.png", CAT, "image/png")]).run()
    assert len(zips(app)) == 1
    assert "Download everything as a ZIP instead" in texts(app)
