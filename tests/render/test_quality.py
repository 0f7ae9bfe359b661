"""Accuracy of classes and calibration as Plotly charts."""

import numpy as np
from plotly.graph_objects import Figure

from cbam_core.render.quality import class_accuracy, describe_classes, describe_reliability, reliability

NAMES, RIGHT, COUNT = ("cat", "<b>dog", "none"), (8, 5, 0), (10, 10, 0)
INTERVALS = [(0.5, 0.95), (0.2, 0.8), (0.0, 1.0)]


def bins():
    count = np.array([0, 4, 16])
    return count, np.array([np.nan, 0.5, 0.75]), np.array([np.nan, 0.5, 0.9])


def test_a_class_has_a_dot_at_its_accuracy_and_a_bar_from_low_to_high():
    chart = class_accuracy(NAMES, RIGHT, COUNT, INTERVALS)
    (dots,) = chart["data"]
    assert dots["x"] == [80, 50]
    bar = dots["error_x"]
    assert np.allclose(np.array(dots["x"]) + bar["array"], [95, 80])
    assert np.allclose(np.array(dots["x"]) - bar["arrayminus"], [50, 20])
    assert chart["layout"]["xaxis"]["range"][0] <= 20
    assert "8 of 10 right: 80.0 %" in dots["hovertext"][0]
    assert len(Figure(chart).data) == len(chart["data"])  # Plotly takes every part


def test_a_name_is_shown_letter_by_letter_and_an_empty_class_left_out():
    chart = class_accuracy(NAMES, RIGHT, COUNT, INTERVALS)
    assert chart["layout"]["yaxis"]["ticktext"] == ["cat", "&lt;b&gt;dog"]
    assert "<b>dog" not in chart["data"][0]["hovertext"][1].replace("<b>&lt;", "")


def test_a_page_with_a_theme_keeps_its_own_ink():
    assert "font" not in class_accuracy(NAMES, RIGHT, COUNT, INTERVALS, ink=None)["layout"]
    assert class_accuracy(NAMES, RIGHT, COUNT, INTERVALS, ink="#123456")["layout"]["font"] == {"color": "#123456"}


def test_calibration_has_a_dot_for_each_bin_with_answers_and_a_bar_for_every_bin():
    count, accuracy, confidence = bins()
    chart = reliability(count, accuracy, confidence, [(0.0, 1.0), (0.1, 0.9), (0.5, 0.9)], 0.12)
    diagonal, dots, bars = chart["data"]
    assert (diagonal["x"], diagonal["y"]) == ([0, 100], [0, 100])
    assert (dots["x"], dots["y"]) == ([50, 90], [50, 75])
    assert np.allclose(dots["error_y"]["array"], [40, 15])
    assert bars["y"] == [0, 4, 16]
    assert np.allclose(bars["x"], [100 / 6, 50, 500 / 6], atol=0.01)
    assert "12.00 %" in chart["layout"]["title"]["text"]
    assert len(Figure(chart).data) == len(chart["data"])  # Plotly takes every part


def test_charts_are_also_said():
    assert describe_classes(NAMES, RIGHT, COUNT, INTERVALS).startswith(
        "cat: 80.0 % right, 95 % interval 50.0 % to 95.0"
    )
    assert "none" not in describe_classes(NAMES, RIGHT, COUNT, INTERVALS)
    assert describe_classes((), (), (), []) == "No image was shown."
    count, accuracy, confidence = bins()
    said = describe_reliability(count, accuracy, confidence, 0.12)
    assert "12.00 % over 3 confidence bins" in said
    assert "the mean confidence is 82.0 % and the accuracy 70.0 %: overconfident." in said
    assert "well calibrated" in describe_reliability(count, confidence, confidence, 0.0)
    assert "underconfident" in describe_reliability(count, confidence, accuracy, 0.12)
    assert describe_reliability(np.zeros(2, int), np.full(2, np.nan), np.full(2, np.nan), 0.0) == "No image was shown."
