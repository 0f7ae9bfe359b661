"""Channel weights as Plotly bars."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from plotly.graph_objects import Figure

from cbam_core.errors import CbamError
from cbam_core.render.charts import (
    INK,
    PAIR_COLOURS,
    WeightsPair,
    channel_weights,
    compare_channel_weights,
    describe_channel_weights,
    describe_comparison,
)

WEIGHTS = np.array([0.5, 0.123456, 0.9, 0.3], np.float32)
OTHER = np.array([0.4, 0.9, 0.85, 0.3], np.float32)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_bars_are_the_weights_in_channel_order() -> None:
    bars = channel_weights(WEIGHTS, title="cbam1")["data"][0]
    assert bars["x"] == ["0", "1", "2", "3"]
    assert np.array_equal(np.array(bars["y"], np.float32), WEIGHTS)


def test_sorted_bars_run_from_the_highest_to_the_lowest() -> None:
    bars = channel_weights(WEIGHTS, title="cbam1", order="sorted")["data"][0]
    assert bars["x"] == ["2", "0", "3", "1"]
    assert bars["y"] == sorted(bars["y"], reverse=True)


def test_top_and_bottom_keep_the_ends_of_the_ranking() -> None:
    by_weight = channel_weights(WEIGHTS, title="cbam1", order="sorted", top=1, bottom=2)["data"][0]
    chart = channel_weights(WEIGHTS, title="cbam1", top=1, bottom=2)
    by_index = chart["data"][0]
    assert chart["layout"]["xaxis"]["title"]["text"] == f"channel (3 of {len(WEIGHTS)})"
    assert by_weight["x"] == ["2", "3", "1"]
    assert by_index["x"] == ["1", "2", "3"]


def test_equal_weights_keep_channel_order() -> None:
    bars = channel_weights(np.full(20, 0.5, np.float32), title="flat", order="sorted", top=3)["data"][0]
    assert bars["x"] == ["0", "1", "2"]


@pytest.mark.parametrize(("top", "bottom"), [(3, 2), (5, None), (0, None), (-1, None), (None, 5), (6, -2)])
def test_more_channels_than_there_are_is_one_sentence(top: int | None, bottom: int | None) -> None:
    with pytest.raises(CbamError, match="at most 4") as caught:
        channel_weights(WEIGHTS, title="cbam1", top=top, bottom=bottom)
    assert caught.value.code == "chart.too-many"


def test_a_block_without_weights_is_one_sentence() -> None:
    nothing = np.empty(0, np.float32)
    for draw in (lambda: channel_weights(nothing, title=""), lambda: describe_channel_weights(nothing)):
        with pytest.raises(CbamError, match="no channel weights"):
            draw()


def test_hover_names_channel_and_weight_with_four_decimals() -> None:
    template = channel_weights(WEIGHTS, title="cbam1")["data"][0]["hovertemplate"]
    assert template == "channel %{x}<br>weight %{y:.4f}<extra></extra>"


def test_scale_is_fixed_unless_a_gate_leaves_it() -> None:
    small, large = WEIGHTS / np.float32(100), WEIGHTS * np.float32(4)
    assert channel_weights(small, title="")["layout"]["yaxis"]["range"] == [0, 1]
    assert channel_weights(large, title="")["layout"]["yaxis"]["range"] == pytest.approx([0, 3.6])


def test_backgrounds_are_transparent() -> None:
    layout = channel_weights(WEIGHTS, title="")["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"


@pytest.mark.parametrize("page", ["#ffffff", "#0e1117"])
@pytest.mark.parametrize("colour", [*PAIR_COLOURS, INK])
def test_bars_and_words_stand_out_on_light_and_dark_pages(colour: str, page: str) -> None:
    high, low = sorted((luminance(colour), luminance(page)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


def test_a_page_can_choose_the_colour_of_words() -> None:
    assert channel_weights(WEIGHTS, title="", ink="#fafafa")["layout"]["font"]["color"] == "#fafafa"


def test_every_bar_of_a_few_is_named() -> None:
    few = channel_weights(np.ones(24, np.float32), title="")["layout"]["xaxis"]
    many = channel_weights(np.ones(512, np.float32), title="")["layout"]["xaxis"]
    assert few["dtick"] == 1
    assert many["nticks"] <= 24


def test_comparison_shows_both_weights_and_their_difference() -> None:
    left, right = compare_channel_weights(WeightsPair(WEIGHTS, OTHER, ("cat", "dog")), title="cbam1")["data"]
    assert (left["name"], right["name"]) == ("cat", "dog")
    assert np.array_equal(np.array(left["y"], np.float32), WEIGHTS)
    assert np.array_equal(np.array(right["y"], np.float32), OTHER)
    expected = np.stack([WEIGHTS, OTHER, OTHER.astype(float) - WEIGHTS], axis=1)
    assert np.array_equal(left["customdata"], expected)
    assert left["hovertemplate"].startswith("channel %{x}<br>cat %{customdata[0]:.4f}<br>dog %{customdata[1]:.4f}")


def test_comparison_orders_by_the_first_or_by_the_difference() -> None:
    pair = WeightsPair(WEIGHTS, OTHER, ("a", "b"))
    by_left = compare_channel_weights(pair, title="", order="left")
    by_difference = compare_channel_weights(pair, title="", order="difference", top=2)
    assert [bars["x"] for bars in by_left["data"]] == [["2", "0", "3", "1"]] * 2
    assert [bars["x"] for bars in by_difference["data"]] == [["1", "0"]] * 2
    assert by_difference["data"][1]["y"] == OTHER[[1, 0]].tolist()


def test_comparison_refuses_different_numbers_of_channels() -> None:
    with pytest.raises(CbamError, match="the first has 4 and the second 3") as caught:
        compare_channel_weights(WeightsPair(WEIGHTS, OTHER[:3], ("a", "b")), title="")
    assert caught.value.code == "chart.lengths-differ"


def test_names_cannot_smuggle_markup_or_template_fields() -> None:
    hostile = "<a href='x'>%{y}</a>"
    chart = compare_channel_weights(WeightsPair(WEIGHTS, OTHER, (hostile, "b")), title=hostile)
    shown = [chart["layout"]["title"]["text"], chart["data"][0]["name"], chart["data"][0]["hovertemplate"]]
    assert not any("<a" in text or "%{y}" in text for text in shown)


def test_description_tells_what_the_bars_show() -> None:
    text = describe_channel_weights(WEIGHTS)
    assert text == ("4 channel weights from 0.1235 to 0.9000, mean 0.4559; highest in channel 2, lowest in channel 1.")
    pair = describe_comparison(WeightsPair(WEIGHTS, OTHER, ("cat", "dog")))
    assert "4 channel weights of cat and dog" in pair
    assert "largest difference 0.7765, in channel 1" in pair


def test_words_can_be_translated() -> None:
    words = {"channel": "通道", "weight": "权重", "by_index": "通道", "one": "{count} 个通道"}
    chart = channel_weights(WEIGHTS, title="cbam1", words=words)
    assert chart["data"][0]["hovertemplate"].startswith("通道 %{x}<br>权重")
    assert describe_channel_weights(WEIGHTS, words=words) == "4 个通道"


def test_chart_is_valid_for_plotly() -> None:
    for chart in (
        channel_weights(WEIGHTS, title="cbam1", order="sorted"),
        compare_channel_weights(WeightsPair(WEIGHTS, OTHER, ("a", "b")), title="cbam1"),
    ):
        figure = Figure(chart)
        assert list(figure.data[0].y) == chart["data"][0]["y"]


def test_drawing_does_not_import_plotly() -> None:
    program = """
import sys
import numpy as np
from cbam_core.render.charts import channel_weights
channel_weights(np.ones(4, np.float32), title="")
sys.exit("plotly" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
