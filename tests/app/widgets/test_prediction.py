import io

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from app.widgets.prediction import PREVIEW, framed_square, percent, prediction_data, preview_of
from cbam_core import explain


def test_percentages_have_one_decimal():
    assert [percent(value) for value in (0.0, 0.70349, 0.9996, 1.0)] == ["0.0 %", "70.3 %", "100.0 %", "100.0 %"]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ([1, 2.5, 30], (1.0, 2.5, 30.0)),
        (None, None),
        ([1, 2], None),
        ([1, 2, "3"], None),
        ([1, 2, float("nan")], None),
        ([1, 2, 1e9], None),
        ({"x": 1}, None),
    ],
)
def test_a_browser_can_send_any_square_and_only_three_numbers_count(monkeypatch, sent, taken):
    monkeypatch.setattr(st, "session_state", {"frame": {"square": sent}})
    assert framed_square("frame") == taken
    assert framed_square("another") is None


def test_preview_is_small_and_keeps_its_proportions():
    with Image.open(io.BytesIO(preview_of(np.zeros((300, 1200, 3), np.uint8)))) as preview:
        assert preview.size == (PREVIEW, PREVIEW // 4)


def test_the_network_is_right_or_wrong_only_about_classes_that_it_knows(tiny_classifier):
    explanation = explain(tiny_classifier, np.zeros((32, 32, 3), np.uint8))
    other = next(name for name in explanation.classes if name != explanation.predicted)

    def verdict(truth):
        return prediction_data(explanation, caption="", truth=truth)["words"]["verdict"]

    assert verdict(explanation.predicted).endswith("The network is right.")
    assert verdict(other).endswith("The network is wrong.")
    assert verdict("zebra") == "Truth: zebra. The network does not know this class."
    assert verdict(None) == ""
