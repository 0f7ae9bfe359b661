"""Feature maps of one channel: of both sides, or of one where the other's channels do not correspond."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest

from cbam_core import explain
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain_channel
from tests.app.compare.page import (
    CAT,
    FIRST_CAT,
    FIRST_DOG,
    NETWORK,
    charts,
    html,
    mode,
    opened,
    shipped_pair,
    source,
    texts,
    uploader,
)
from tests.app.visiting import shipped


def test_a_chosen_channel_shows_its_feature_maps_of_both_and_closes_again(app):
    network = shipped(NETWORK)
    pair = [explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG)]
    maps = [explain_channel(network, one, "cbam2", 17) for one in pair]
    assert "Feature map of channel" not in html(app)
    app.selectbox(key="compare-ends").select(0).run()
    app.selectbox(key="compare-channel-cbam2").select(17).run()
    assert not app.exception
    drawn = html(app)
    for side, one in zip("AB", maps, strict=True):
        for when, values in (("before", one.before), ("after", one.after)):
            said = f"Feature map of channel 17 of cbam2 {when} the gates, {side}: 8×8 cells, from "
            assert f"{said}{values.min():.3g} to {values.max():.3g}" in drawn
    top = max(one.before.max() for one in maps)
    assert drawn.count(f"<span>{top:.3g}</span>") == 2  # one scale for both
    assert f"{maps[0].weight:.3f} in A, {maps[1].weight:.3f} in B" in texts(app)
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

        from app.compare.channel import choose_channel

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
    network = shipped(NETWORK)
    values = explain_channel(network, explain(network, CAT), "cbam1", 3).before
    assert f"B: 16×16 cells, from {values.min():.3g} to {values.max():.3g}" in html(app)
    mode(app, "networks")
    app.selectbox(key="compare-channel-cbam1").select(3).run()
    found = re.findall("Feature map of channel 3 of cbam1 before the gates, .: (.*?);", html(app))
    assert len(found) == 2
    assert found[0] == found[1]  # twins


def test_classes_have_no_feature_map_of_one_picture(networks):
    app = opened("classes")
    assert not [box for box in app.selectbox if (box.key or "").startswith("compare-channel")]


def test_a_channel_of_one_network_alone_is_followed_there_and_linked(monkeypatch):
    app = shipped_pair(monkeypatch)
    app.selectbox(key="compare-channel-b.stage1.1.cbam").select(7).run()  # of a block without a partner
    app.selectbox(key="compare-channel-a.cbam3").select(100).run()
    assert not app.exception
    drawn = html(app)
    assert "Feature map of channel 7 of stage1.1.cbam before the gates, B" in drawn
    assert "Feature map of channel 100 of cbam3 after the gates, A" in drawn
    network, image = shipped(NETWORK), sample_sheet().images[FIRST_CAT]
    followed = explain_channel(network, explain(network, image), "cbam3", 100)
    assert f"that map times its weight ({followed.weight:.3f}) and times the spatial mask" in texts(app)
    linked = app.query_params["channels"]
    assert linked in ("a.cbam3~100,b.stage1.1.cbam~7", ["a.cbam3~100,b.stage1.1.cbam~7"])
    app.button(key="compare-channel-b.stage1.1.cbam-close").click().run()
    assert "Feature map of channel 7 of" not in html(app)
    assert app.query_params["channels"] in ("a.cbam3~100", ["a.cbam3~100"])
    app.button(key="compare-swap").click().run()
    assert "channels" not in app.query_params  # what stands left is another network now
