"""What the film player is given."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cbam_core.errors import RenderError
from cbam_core.viewer import ViewedBlock, source, styles
from cbam_core.viewer.player import PLAYER_WORDS, lay_out_film, player_source, player_styles
from tests.made_runs import damaged_film, filmed, make_film

FILM = make_film()


def numbers(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def own_code():
    """The player without the viewer and without comments."""
    return re.sub(
        r"^\s*//[^\n]*| // [^\n]*|/\*\*.*?\*/",
        "",
        player_source().removeprefix(source()),
        flags=re.MULTILINE | re.DOTALL,
    )


def test_every_value_arrives_as_it_is():
    data = json.loads(json.dumps(lay_out_film(FILM, name="tiny"), allow_nan=False))
    assert data["epochs"] == [0, 1, 2, 4]
    assert data["accuracy"][0] is None
    assert data["accuracy"][1:] == pytest.approx(FILM.accuracy[1:].tolist())
    assert len(data["pictures"]) == 8
    for block in data["blocks"]:
        masks, weights = FILM.gate(block["name"], "spatial").values, FILM.gate(block["name"], "channel").values
        assert (block["size"]["height"], block["size"]["width"]) == masks.shape[2:]
        assert np.array_equal(numbers(block["masks"][2][5]["values"]), masks[2, 5].ravel())
        assert np.array_equal(numbers(block["weights"][3][0]["values"]), weights[3, 0])
    assert np.array_equal(numbers(data["probabilities"][1]), FILM.probabilities[1].ravel())


def test_gates_of_a_scene_are_given_as_the_viewer_takes_them():
    data = lay_out_film(FILM, name="tiny")
    for block, shown in zip(data["blocks"], FILM.shown(2, 5), strict=True):
        viewed = ViewedBlock(shown).as_dict()
        assert {**block["size"], **block["masks"][2][5]} == viewed["mask"]
        assert block["weights"][2][5] == viewed["weights"]


def test_it_is_small_enough_to_send_at_once():
    eight = make_film((0, 1, 2, 4, 8, 16, 32, 50))
    assert len(json.dumps(lay_out_film(eight, name="tiny"))) < 400_000


def test_the_curve_has_every_epoch_that_is_known():
    data = lay_out_film(FILM, name="tiny", curve=[(1, 0.5), (3, 0.6), (4, float("nan"))])
    assert [epoch for epoch, _ in data["curve"]] == [1, 2, 3, 4]
    assert dict(data["curve"])[3] == 0.6
    assert dict(data["curve"])[1] == pytest.approx(FILM.accuracy[1]), "the scene's own accuracy counts"


def test_the_same_film_has_the_same_id_and_another_one_another():
    assert lay_out_film(FILM, name="a")["id"] == lay_out_film(FILM, name="a")["id"]
    assert lay_out_film(FILM, name="a")["id"] != lay_out_film(FILM, name="b")["id"]
    assert lay_out_film(FILM, name="a")["id"] != lay_out_film(make_film(seed=1), name="a")["id"]


def test_blocks_without_mask_weights_or_place_say_so():
    gates = (
        filmed("one", "channel", FILM.gate("cbam1", "channel").values),
        filmed("two", "spatial", FILM.gate("cbam2", "spatial").values),
    )
    one, two = lay_out_film(replace(FILM, gates=gates), name="tiny")["blocks"]
    assert one["masks"] is one["size"] is two["weights"] is None
    assert one["cells"] == two["cells"] == {}
    assert one["place"] is two["place"] is None


def test_blocks_say_where_their_cells_may_lie_elsewhere():
    close = replace(FILM.placements["cbam1"], status="approximate", bound=2.5)
    film = replace(FILM, placements={**FILM.placements, "cbam1": close})
    places = [block["place"] for block in lay_out_film(film, name="tiny")["blocks"]]
    assert places[0] == {"status": "approximate", "bound": 2.5}
    assert set(map(str, places[1:])) <= {"None"}


def test_damage_is_one_sentence():
    with pytest.raises(RenderError, match="damaged"):
        lay_out_film(damaged_film(FILM, accuracy=FILM.accuracy[:1]), name="tiny")


def test_words_can_be_translated_one_by_one():
    words = lay_out_film(FILM, name="tiny", words={"play": "Abspielen"})["words"]
    assert words["play"] == "Abspielen"
    assert words["pause"] == PLAYER_WORDS["pause"]


def test_the_player_is_the_viewer_and_one_more_export():
    assert re.findall(r"^export function (\w+)", player_source(), re.MULTILINE) == ["mount", "mountPlayer"]
    assert player_styles().startswith(styles())


@pytest.mark.parametrize("word", ["import", "fetch", "XMLHttpRequest", "WebSocket", "eval", "Function", "innerHTML"])
def test_the_player_loads_sends_and_evaluates_nothing(word):
    assert not re.search(rf"\b{word}\b", own_code())
    assert "url(" not in player_styles()


def test_every_word_that_the_player_asks_for_exists_and_every_word_is_used():
    assert set(re.findall(r"\bwords\.(\w+)", own_code())) == set(PLAYER_WORDS)


def test_names_of_the_player_hide_none_of_the_viewers():
    def top(code):
        return set(re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", code, re.MULTILINE))

    assert not top(own_code()) & top(source())
