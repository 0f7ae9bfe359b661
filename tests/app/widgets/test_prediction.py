import pytest
import streamlit as st

from app.widgets.prediction import framed_square


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
