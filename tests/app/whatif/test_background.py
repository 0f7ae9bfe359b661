"""What takes long goes on in the background of a visit: rows of a large network, and the search for an image."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from app import services
from app.services import what_if
from app.session.background import Work
from app.whatif import experiment
from cbam_core import consequences, load_classifier
from cbam_core.data.samples import sample_sheet
from tests.app.whatif.test_page import NETWORK, SAMPLE, opened, said


@pytest.fixture
def given(monkeypatch):
    """What the table was given, each time it was drawn; `given.asks` is what a visitor clicks in it next."""
    drawn = Drawn()

    def draw(key, data, on_show_change, **_):
        drawn.append(data)
        if drawn.asks:
            st.session_state[key] = {"show": drawn.asks}
            drawn.asks = ""
            on_show_change()

    monkeypatch.setattr(services, "samples_ahead", lambda _: "[]")
    monkeypatch.setattr(experiment, "_component", lambda: draw)
    return drawn


class Drawn(list):
    """What was drawn."""

    asks = ""


def wait_for(app, holds):
    """Draw the page until something holds on it."""
    end = time.monotonic() + 60
    while not holds():
        assert not app.exception
        assert time.monotonic() < end
        time.sleep(0.05)
        app.run()


def test_rows_that_take_long_come_one_by_one_with_the_same_numbers(given, monkeypatch):
    monkeypatch.setattr(what_if, "_takes_long", lambda *_: True)
    app = opened()
    wait_for(app, lambda: given[-1]["groups"][-1]["under"] is not None)
    expected = consequences(load_classifier(NETWORK), sample_sheet().images[SAMPLE], only={"usual"})
    for row, found in zip((*given[-1]["rows"], *given[-1]["groups"]), (*expected.rows, *expected.groups), strict=True):
        likely = float(np.max(found.under("usual").probabilities))
        assert row["under"][0]["share"] == pytest.approx(likely, abs=1e-3)


def test_rows_are_shown_as_they_come_and_stay_when_the_rest_is_cancelled(given, monkeypatch):
    steps = what_if.usual_one_by_one

    def waits_after_two(*given):
        for done in steps(*given):
            while done == 2:
                time.sleep(0.01)
                yield done
            yield done

    monkeypatch.setattr(what_if, "_takes_long", lambda *_: True)
    monkeypatch.setattr(what_if, "usual_one_by_one", waits_after_two)
    app = opened()
    wait_for(app, lambda: given[-1]["rows"][1]["under"] is not None)
    expected = consequences(load_classifier(NETWORK), sample_sheet().images[SAMPLE], only={"usual"})
    likely = [float(np.max(one.under("usual").probabilities)) for one in expected.rows[:2]]
    (cancel,) = [one for one in app.button if one.key.endswith("-rows-cancel")]
    for _ in range(2):
        rows = given[-1]["rows"]
        assert [row["under"][0]["share"] for row in rows[:2]] == pytest.approx(likely, abs=1e-3)
        assert all(row["under"] is None for row in rows[2:])
        cancel.click().run()
    assert "The rows with usual values were cancelled." in said(app)


def test_rows_that_were_cancelled_can_be_begun_again(given, monkeypatch):
    def endless(*_):
        while True:
            time.sleep(0.01)
            yield 1

    steps = what_if.usual_one_by_one
    monkeypatch.setattr(what_if, "_takes_long", lambda *_: True)
    monkeypatch.setattr(what_if, "usual_one_by_one", endless)
    app = opened()
    (cancel,) = [one for one in app.button if one.key.endswith("-rows-cancel")]
    cancel.click().run()
    assert not app.exception
    assert "The rows with usual values were cancelled." in said(app)
    monkeypatch.setattr(what_if, "usual_one_by_one", steps)
    (begin,) = [one for one in app.button if one.key.endswith("-rows-begin")]
    begin.click().run()
    wait_for(app, lambda: given[-1]["rows"][0]["under"] is not None)
    assert "were cancelled" not in said(app)


def test_without_a_scorecard_an_image_for_which_a_gate_decides_is_looked_for(given, monkeypatch):
    monkeypatch.setattr(what_if, "score_of", lambda _: None)
    app = opened(image="sample-31")
    assert "once the network has a scorecard" in said(app)
    row = next(one for one in given[-1]["rows"] if one["name"] == "cbam1.spatial")
    assert (row["share"], row["shows"]) == ("", True)
    given.asks = "cbam1.spatial"
    app.run()
    wait_for(app, lambda: app.query_params.get("image") != "sample-31")
    row = next(one for one in given[-1]["rows"] if one["name"] == "cbam1.spatial")
    assert row["changes"]


def test_a_search_ends_when_another_network_is_selected(monkeypatch):
    work = Work(10)
    monkeypatch.setattr(st, "session_state", {})
    what_if._SEARCH.keep(what_if._Searched("digest", "sample"), work)
    one, other = SimpleNamespace(digest="digest"), SimpleNamespace(digest="other")
    assert what_if.search(one) == ("sample", work)
    assert not work.cancelled
    assert what_if.search(other) is None
    assert work.cancelled
    assert what_if.search(one) is None
