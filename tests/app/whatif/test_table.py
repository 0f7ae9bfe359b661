"""Rows of the table as plain values: numbers of the gates, what follows, and which gates are listed."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from app.whatif.table import FIRST, Seen, answers, bars, effect, gates_of, groups, listed_gates, rows
from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.frame import Frame
from cbam_core.results.gate_edits import GateEdit
from cbam_core.results.paired import Change
from cbam_core.results.usual import Shares, UsualGate

CLASSES = ("cat", "dog", "frog")


def usual_of(gate, values, gain=0.0):
    values = np.asarray(values, np.float32)
    return UsualGate(gate.name, gate.kind, 1, values, values, 0.1, Shares(1 - gain, gain, 0.0), 9, "noise")


def gate(name, kind, values, usual=None, gain=0.0):
    made = Gate(name, kind, 1, np.asarray(values, np.float32))
    return made if usual is None else replace(made, usual=usual_of(made, usual, gain))


def explanation(gates, probabilities=(0.7, 0.2, 0.1), classes=CLASSES):
    blocks = tuple(Block(one.name.partition(".")[0], (one,), None) for one in gates)
    return Explanation(
        classes=classes,
        probabilities=np.array(probabilities, np.float32),
        input_image=np.zeros((4, 4, 3), np.uint8),
        frame=Frame((4, 4), (4, 4), (0.0, 0.0, 4.0, 4.0)),
        fit="crop",
        notes=(),
        blocks=blocks,
        image_digest="",
        checkpoint="net",
        checkpoint_digest="",
    )


CHANNEL = gate("a.channel", "channel", [0.2, 0.6], [0.5, 0.5])
MASK = gate("a.spatial", "spatial", [[0.2, 0.4], [0.6, 0.8]], [[0.25, 0.25], [0.25, 0.25]], gain=0.9)
SEEN = Seen(
    explanation([CHANNEL, MASK]),
    {"a.channel": np.array([0.1, 0.3, 0.6]), "a.spatial": np.array([0.6, 0.3, 0.1]), "all": np.array([0.1, 0.8, 0.1])},
    {"a.channel": Change(10_000, 8000, 700, 30, 871)},
)


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_a_row_tells_the_gate_its_usual_values_and_how_it_differs():
    channel, mask = rows(SEEN, ["a.channel", "a.spatial"])
    np.testing.assert_array_equal(floats(channel["here"]), CHANNEL.values)
    np.testing.assert_array_equal(floats(mask["usual"]), np.full(4, 0.25, np.float32))
    assert (channel["drawn"], mask["drawn"], mask["shape"]) == ("bars", "map", [2, 2])
    assert (channel["strength"], mask["strength"]) == ("×0.80", "×2.00")
    assert (channel["mean"], mask["usual_mean"]) == ("mean 0.40", "mean 0.25")
    assert channel["difference"] == pytest.approx(0.5)
    assert (channel["one_number"], mask["one_number"]) == (False, True)
    assert mask["now"] is None


def test_an_answer_that_changes_is_told_from_one_that_stays():
    channel, mask = rows(SEEN, ["a.channel", "a.spatial"])
    assert (channel["changes"], mask["changes"]) == (True, False)
    assert [(bar["name"], bar["mark"]) for bar in channel["under"]] == [("frog", "new"), ("cat", "answer")]
    assert [(bar["name"], bar["mark"]) for bar in mask["under"]] == [("cat", "answer"), ("dog", "")]
    assert channel["share"] == "8.7\xa0%"
    assert channel["of"] == "871 of 10,000 test images get another answer with the usual values"
    assert mask["share"] == ""


def test_gates_without_usual_values_have_no_consequence():
    plain = gate("a.channel", "channel", [0.2, 0.6])
    (row,) = rows(Seen(explanation([plain]), {}, {}), ["a.channel"])
    assert (row["usual"], row["under"], row["strength"], row["habit"], row["changes"]) == (None, None, "", "", False)


def test_groups_have_a_name_in_words_and_only_where_they_say_more_than_their_members():
    assert [(one["name"], one["label"], one["members"]) for one in groups(SEEN)] == [
        ("all", "all gates", ["a.channel", "a.spatial"])
    ]
    masks = [gate(f"{block}.spatial", "spatial", [[0.5]]) for block in "abc"]
    several = groups(Seen(explanation([CHANNEL, *masks]), {}, {}))
    assert [(one["label"], len(one["members"])) for one in several] == [("all masks", 3), ("all gates", 4)]
    assert groups(Seen(explanation([CHANNEL]), {}, {})) == []


def test_of_many_gates_those_with_the_largest_effect_and_edited_ones_are_listed():
    many = [gate(f"b{number}.channel", "channel", [0.5]) for number in range(40)]
    usual = {one.name: np.array([0.7 - place / 100, 0.2, 0.1]) for place, one in enumerate(many)}
    seen = Seen(explanation(many), usual, {})
    assert effect(seen, "b39.channel") == pytest.approx(-0.39)
    found = listed_gates(seen, all_of_them=False, edits={"b3.channel": GateEdit("off")})
    assert found == ["b3.channel", *(f"b{number}.channel" for number in range(40 - FIRST, 40))]
    assert len(listed_gates(seen, all_of_them=True, edits={})) == 40
    coming = replace(seen, is_whole=False)
    assert listed_gates(coming, all_of_them=False, edits={}) == [*gates_of(seen.as_is)][:FIRST]


def test_other_kinds_are_drawn_as_their_mean():
    full = gate("a.full", "full", np.arange(8).reshape(2, 2, 2) / 10)
    row_gate = gate("b.row", "row", [[0.2, 0.4], [0.6, 0.8]])
    found = rows(Seen(explanation([full, row_gate]), {}, {}), ["a.full", "b.row"])
    np.testing.assert_allclose(floats(found[0]["here"]), [0.2, 0.3, 0.4, 0.5], rtol=1e-6)
    np.testing.assert_allclose(floats(found[1]["here"]), [0.3, 0.7], rtol=1e-6)
    assert [(one["drawn"], one["settable"]) for one in found] == [("map", False), ("bars", False)]


def test_bars_keep_the_answer_without_edits_in_sight():
    found = bars(("a", "b", "c", "d"), np.array([0.02, 0.5, 0.3, 0.18]), 0, top=3)
    assert [(bar["name"], bar["mark"]) for bar in found] == [("b", "new"), ("c", ""), ("a", "answer")]


def test_answers_with_edits_stand_beside_those_without():
    edited = explanation([CHANNEL], probabilities=(0.1, 0.8, 0.1))
    found = answers(replace(SEEN, edited=edited))
    assert found["changes"]
    assert (found["as_is"][0]["name"], found["edited"][0]["name"]) == ("cat", "dog")
    assert answers(SEEN)["edited"] is None
    nothing = explanation([CHANNEL], probabilities=(), classes=())
    assert answers(Seen(nothing, {}, {}, nothing)) == {"as_is": [], "edited": None, "changes": False}
