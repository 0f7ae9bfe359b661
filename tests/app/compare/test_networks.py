"""Two networks on one picture: twins, other blocks, other channels."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from cbam_core import explain
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation.comparison import similarity
from tests.app.compare.page import FIRST_CAT, NETWORK, charts, compare_networks, html, opened, shipped_pair, texts
from tests.app.visiting import shipped


def test_twins_have_no_differences(networks):
    app = opened("networks")
    assert app.selectbox(key="compare-network-left-0").value == NETWORK
    assert app.selectbox(key="compare-network-right-0").value == "twin"
    assert len(charts(app)) == 3
    assert html(app).count("<span>+0.000 to +0.000</span>") == 3
    assert "learn their channels independently" not in texts(app)  # they are one network


def test_networks_with_blocks_of_other_names_are_compared_grid_by_grid(monkeypatch):
    app = shipped_pair(monkeypatch)
    assert [header.value for header in app.header] == [f"cbam{n} with stage{n}.0.cbam" for n in (1, 2, 3)]
    assert "paired by the grid of their masks" in texts(app)
    left, right = (
        {block.name: block for block in explain(shipped(name), sample_sheet().images[FIRST_CAT]).blocks}
        for name in (NETWORK, "cbam_resnet_cifar10")
    )
    drawn = html(app)
    for n in (1, 2, 3):
        one, other = left[f"cbam{n}"].spatial_mask, right[f"stage{n}.0.cbam"].spatial_mask
        difference = other.astype(np.float64) - one
        assert f"Difference of the spatial masks of cbam{n} with stage{n}.0.cbam, B minus A: from " in drawn
        assert f"{difference.max():+.3f}".replace("-", "−") in drawn
        assert f"cosine {similarity(one, other).cosine:.2f}" in drawn
    assert "no counterpart in the other network" in texts(app)
    assert drawn.count("Spatial mask of stage1.1.cbam, B") == 1
    picture = app.query_params["image"]
    app.button(key="compare-swap").click().run()
    assert app.selectbox(key="compare-network-right-1").value == NETWORK
    assert app.query_params["image"] == picture
    assert app.header[0].value == "stage1.0.cbam with cbam1"


def test_channels_of_other_numbers_have_bars_of_their_own_and_no_likeness(monkeypatch):
    app = shipped_pair(monkeypatch)
    assert "their channels do not correspond" in texts(app)
    assert "learn their channels independently" not in texts(app)  # no chart sets channel beside channel
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
    weights = explain(shipped(NETWORK), sample_sheet().images[FIRST_CAT]).blocks[2].channel_weights
    assert charts(app)[4]["data"][0]["y"] == pytest.approx(sorted(weights.tolist(), reverse=True))
    spoken = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert re.match(r"128 channel weights from .* highest in channel", spoken[4])


def test_networks_of_one_shape_say_that_their_channels_do_not_correspond(networks, tiny_checkpoint):
    shutil.copy(tiny_checkpoint, networks / "zebra.safetensors")
    app = compare_networks("zebra")
    assert "learn their channels independently" in texts(app)
    assert "paired by the grid" not in texts(app)
    assert [header.value for header in app.header] == ["cbam1", "cbam2", "cbam3"]
    assert [len(chart["data"]) for chart in charts(app)] == [2] * 3


def test_one_network_is_said_to_be_one(networks):
    (networks / "twin.safetensors").unlink()
    app = opened("networks")
    assert "Only one trained network" in texts(app)
    assert len(charts(app)) == 3
