"""Differences in colours and in bars."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plotly.graph_objects import Figure

from cbam_core.render.charts import PAIR_COLOURS, WeightsPair
from cbam_core.render.difference import (
    LEAST_DIFFERENCE,
    compared_weights,
    difference_picture,
    scale_of_differences,
    weights_of_one,
)
from cbam_core.render.diverging import DIVERGING
from cbam_core.render.overlay import Cells

LEFT = np.array([0.5, 0.1, 0.9, 0.3, 0.6], np.float32)
RIGHT = np.array([0.4, 0.9, 0.85, 0.3, 0.1], np.float32)
PAIR = WeightsPair(LEFT, RIGHT, ("A", "B"))


def test_a_map_lies_where_its_cells_lie() -> None:
    values = np.array([[-1, 1]], np.float32)
    ends = [DIVERGING[0].tolist(), DIVERGING[254].tolist()]
    tiled = difference_picture(values, None, (4, 2), zoom=1)
    assert tiled.tolist() == [[ends[0], ends[0], ends[1], ends[1]]] * 2
    shifted = difference_picture(values, Cells(0.5, 1.0, 2.0, 2.0), (4, 2), zoom=1)
    assert shifted[0].tolist() == [ends[0], ends[1], ends[1], ends[1]]


def test_a_scale_holds_all_differences_and_makes_nothing_of_rounding() -> None:
    assert scale_of_differences([-0.2, 0.1]) == 0.2
    assert scale_of_differences([LEAST_DIFFERENCE]) == LEAST_DIFFERENCE
    assert scale_of_differences([6e-8, 0.0]) == 1.0
    assert scale_of_differences([]) == 1.0


def test_bars_keep_the_pages_own_text_colour_and_carry_the_spread() -> None:
    deviations = (np.arange(5, dtype=np.float32) / 10, np.zeros(5, np.float32))
    chart = compared_weights(replace(PAIR, deviations=deviations), order="difference")
    assert "font" not in chart["layout"]
    assert chart["data"][0]["x"] == ["1", "4", "0", "2", "3"]
    assert chart["data"][0]["error_y"]["array"] == pytest.approx([0.1, 0.4, 0.0, 0.2, 0.3])
    assert "error_y" not in compared_weights(PAIR)["data"][0]


def test_the_ends_are_the_most_lowered_and_the_most_raised() -> None:
    by_index = compared_weights(PAIR, ends=1)
    assert [bars["x"] for bars in by_index["data"]] == [["1", "4"], ["1", "4"]]
    assert by_index["data"][1]["y"] == pytest.approx([0.9, 0.1])
    assert [row[2] for row in by_index["data"][1]["customdata"]] == pytest.approx([0.8, -0.5])
    assert len(compared_weights(PAIR, ends=3)["data"][0]["x"]) == 5


def test_many_channels_cut_to_few_get_a_number_each() -> None:
    left = np.linspace(0, 1, 100, dtype=np.float32)
    chart = compared_weights(WeightsPair(left, left[::-1].copy(), ("A", "B")), ends=5)
    assert chart["layout"]["xaxis"]["dtick"] == 1
    assert chart["data"][0]["x"] == ["0", "1", "2", "3", "4", "95", "96", "97", "98", "99"]


def test_a_chosen_channel_gets_a_band_where_its_bars_stand() -> None:
    def bands(**how: Any) -> list[Any]:
        shapes: list[Any] = compared_weights(PAIR, **how)["layout"].get("shapes", [])
        return [(shape["x0"], shape["x1"]) for shape in shapes]

    assert bands() == []
    assert bands(chosen=3) == [(2.5, 3.5)]
    assert bands(chosen=4, ends=1) == [(0.5, 1.5)]
    assert bands(chosen=2, ends=1) == []  # not among the bars


def test_one_bar_of_each_channel_answers_the_pointer_and_a_click_pales_none() -> None:
    chart = compared_weights(PAIR)
    assert chart["layout"]["hovermode"] == "x"
    assert [bars.get("hoverinfo") for bars in chart["data"]] == [None, "skip"]
    assert [bars["unselected"] for bars in chart["data"]] == [{"marker": {"opacity": 1}}] * 2
    assert len(Figure(chart).data) == len(chart["data"])  # Plotly takes every part


def test_bars_of_one_side_have_its_colour_and_no_other_sides() -> None:
    chart = weights_of_one(LEFT, side=1)
    (bars,) = chart["data"]
    assert bars["marker"]["color"] == PAIR_COLOURS[1]
    assert bars["y"] == pytest.approx(LEFT)
    assert weights_of_one(LEFT, side=0, order="sorted")["data"][0]["x"] == ["2", "4", "0", "3", "1"]
    assert weights_of_one(LEFT, side=0, ends=1)["data"][0]["x"] == ["1", "2"]
    assert len(weights_of_one(LEFT, side=0, ends=3)["data"][0]["x"]) == 5
    assert len(Figure(chart).data) == len(chart["data"])  # Plotly takes every part
