"""Pictures of maps: what is drawn anew, and what is kept of a visit."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.widgets.figures import MOST_DRAWN, drawn_once, figure


def script():
    """Draws a picture for each list of what decides about it, in the order of the session's state."""
    import numpy as np
    import streamlit as st

    from app.widgets.figures import drawn_once

    def draw(number):
        st.session_state["drawn"] = [*st.session_state.get("drawn", []), number]
        return np.full((2, 3, 3), number, np.uint8)

    for number, decides in enumerate(st.session_state["asked"]):
        drawn_once(lambda number=number: draw(number), *decides)


def drawn(app, *asked):
    """Numbers of those that were drawn, of all that are asked for."""
    app.session_state["drawn"], app.session_state["asked"] = [], asked
    assert not app.run().exception
    return app.session_state["drawn"]


@pytest.fixture
def visit():
    return AppTest.from_function(script)


MAP = np.linspace(0, 1, 5000, dtype=np.float32).reshape(50, 100)
"""So large that its `repr` leaves out most of it."""


def test_a_picture_is_drawn_anew_only_where_something_that_decides_about_it_changes(visit):
    changed = MAP.copy()
    changed[20, 50] += 1e-6
    assert drawn(visit, ("mask", MAP, 1.0), ("mask", MAP.copy(), 1.0)) == [0]
    others = [("mask", changed, 1.0), ("mask", MAP, 0.5), ("other", MAP, 1.0), ("mask", MAP.reshape(100, 50), 1.0)]
    assert drawn(visit, ("mask", MAP, 1.0), *others) == [1, 2, 3, 4]


def test_another_visit_draws_its_own(visit):
    assert drawn(visit, ("mask", MAP)) == [0]
    assert drawn(AppTest.from_function(script), ("mask", MAP)) == [0]


def test_the_pictures_that_were_shown_last_are_kept(visit):
    drawn(visit, *((number,) for number in range(MOST_DRAWN)))
    assert drawn(visit, (0,), ("one more",), (0,)) == [1]
    assert drawn(visit, (1,)) == [0]


def test_outside_of_a_visit_nothing_is_kept_and_a_picture_is_whole():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    picture = drawn_once(lambda: pixels, "same")
    assert drawn_once(lambda: pixels[::-1], "same") != picture
    with Image.open(io.BytesIO(base64.b64decode(picture.url.partition(",")[2]))) as opened:
        assert np.array_equal(np.asarray(opened), pixels)
    assert figure("head", picture, "alt", "") == figure("head", pixels, "alt", "")
    assert "--shape: 6 / 4" in figure("head", pixels, "alt", "")
