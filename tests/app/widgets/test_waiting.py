"""How many are before a visitor."""

from app.session import scheduling
from app.widgets import waiting
from app.widgets.waiting import waiting_shown


class Place:
    """An `st.empty` that notes what is drawn into it."""

    def __init__(self):
        self.drawn = []

    def caption(self, text):
        self.drawn.append(text)

    def empty(self):
        self.drawn.append("")


def test_the_number_before_a_visitor_is_drawn_when_it_changes_and_taken_away_in_the_end(monkeypatch):
    monkeypatch.setattr(waiting, "WORDS", {"before": "{count} before you.", "next": "You are next."})
    monkeypatch.setattr(scheduling, "SHOWN_AFTER", 0)
    place = Place()
    with waiting_shown(place):
        for before in (12, 12, 3, 0):
            scheduling._SHOWN.get()(before)
    assert place.drawn == ["12 before you.", "3 before you.", "You are next.", ""]


def test_who_did_not_wait_sees_nothing():
    place = Place()
    with waiting_shown(place):
        pass
    assert place.drawn == []
