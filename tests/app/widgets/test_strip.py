import json

import pytest

from app.session.tiles import Tile
from app.widgets import strip as room
from app.widgets.strip import PageChoice, strip

TILES = (Tile(7, "cat, image 7", "cat"), Tile(9, "dog, image 9", "dog"))


@pytest.mark.parametrize(
    ("sent", "chosen"), [([2, 9], 9), (None, 7), ([2, 8], 7), ([2, "9"], 7), ([9], 7), ([2, -1], 7), (9, 7), ("29", 7)]
)
def test_only_a_thumbnail_that_is_there_can_be_chosen(monkeypatch, sent, chosen):
    monkeypatch.setattr(room, "_component", lambda: lambda **_: {"chosen": sent})
    assert strip(b"sheet", TILES, columns=2, chosen=PageChoice(7, 2), key="strip") == chosen


@pytest.mark.parametrize(("generation", "chosen"), [(1, 7), (2, 9), (3, 7)])
def test_what_was_chosen_before_the_page_chose_counts_no_longer(monkeypatch, generation, chosen):
    monkeypatch.setattr(room, "_component", lambda: lambda **_: {"chosen": [2, 9]})
    assert strip(b"sheet", TILES, columns=2, chosen=PageChoice(7, generation), key="strip") == chosen


def test_another_choice_of_the_page_sends_the_same_pictures(monkeypatch):
    sent = []
    monkeypatch.setattr(room, "_component", lambda: lambda data, **_: sent.append(data) or {})
    for generation, chosen in ((0, 7), (1, 9)):
        strip(b"sheet", TILES, columns=2, chosen=PageChoice(chosen, generation), key="strip")
    assert [(data["generation"], data["chosen"]) for data in sent] == [(0, 7), (1, 9)]
    assert sent[0]["id"] == sent[1]["id"]
    assert sent[0]["sheet"] is sent[1]["sheet"]


def test_the_browser_gets_the_same_data_again_and_each_class_once(monkeypatch):
    sent = []
    monkeypatch.setattr(room, "_component", lambda: lambda data, **_: sent.append(data) or {})
    for _ in range(2):
        strip(b"sheet", (*TILES, Tile(11, "cat, image 11", "cat")), columns=2, chosen=PageChoice(7), key="strip")
    assert sent[0] is sent[1]
    assert json.loads(json.dumps(sent[0]))["classes"] == ["cat", "dog"]
