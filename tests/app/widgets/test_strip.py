import json

import pytest

from app.session.tiles import Tile
from app.widgets import strip as room
from app.widgets.strip import strip

TILES = (Tile(7, "cat, image 7", "cat"), Tile(9, "dog, image 9", "dog"))


@pytest.mark.parametrize(("sent", "chosen"), [(9, 9), (None, 7), (8, 7), ("9", 7), ([9], 7), (-1, 7)])
def test_only_a_thumbnail_that_is_there_can_be_chosen(monkeypatch, sent, chosen):
    monkeypatch.setattr(room, "_component", lambda: lambda **_: {"chosen": sent})
    assert strip(b"sheet", TILES, columns=2, chosen=7, key="strip") == chosen


def test_the_browser_gets_the_same_data_again_and_each_class_once(monkeypatch):
    sent = []
    monkeypatch.setattr(room, "_component", lambda: lambda data, **_: sent.append(data) or {})
    for _ in range(2):
        strip(b"sheet", (*TILES, Tile(11, "cat, image 11", "cat")), columns=2, chosen=7, key="strip")
    assert sent[0] is sent[1]
    assert json.loads(json.dumps(sent[0]))["classes"] == ["cat", "dog"]
