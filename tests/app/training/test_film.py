import json

import pytest

from app.training import film as room
from app.training.film import Chosen, film_player
from cbam_core.viewer import Settings
from cbam_core.viewer.player import lay_out_film
from tests.made_runs import make_film

DATA = lay_out_film(make_film(), name="tiny", image=5)


@pytest.mark.parametrize(
    ("sent", "image"), [(3, 3), (0, 0), (None, 5), (8, 5), (-1, 5), ("3", 5), ([3], 5), (True, 5), (2.0, 5)]
)
def test_only_an_image_that_is_there_can_be_chosen(monkeypatch, sent, image):
    monkeypatch.setattr(room, "_component", lambda: lambda **_: {"image": sent})
    assert film_player(DATA, key="film") == Chosen(image, Settings())


def test_settings_come_back_where_they_make_sense(monkeypatch):
    sent = {"settings": {"colours": "magma", "opacity": 7, "block": "cbam2"}}
    monkeypatch.setattr(room, "_component", lambda: lambda **_: sent)
    assert film_player(DATA, key="film").settings == Settings(colours="magma", block="cbam2")


def test_what_the_browser_gets_is_json(monkeypatch):
    given = []
    monkeypatch.setattr(room, "_component", lambda: lambda data, **_: given.append(data) or {})
    film_player(DATA, key="film")
    assert json.loads(json.dumps(given[0], allow_nan=False)) == DATA
