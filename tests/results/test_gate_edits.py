"""Edits of gates as plain values: what links and files hold comes back as it was, and nothing else is an edit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbam_core.errors import EditError
from cbam_core.results.gate_edits import (
    SOURCES,
    EditFile,
    GateEdit,
    edits_as_dict,
    edits_as_text,
    edits_from_text,
    read_edit_file,
    read_edits,
)

EDITS = {
    "cbam1.spatial": GateEdit("usual"),
    "layer1.0.se,odd:name%": GateEdit("other", 0.5),
    "cbam3.channel": GateEdit("as_is", 1.0, ((3, 0.25), (4, 0.25), (5, 0.25), (17, 0.9))),
}


def random_edits(seed: int) -> dict[str, GateEdit]:
    """Edits of gates with odd names, in the steps of links."""
    draws = np.random.default_rng(seed)
    edits = {}
    for _ in range(draws.integers(1, 5)):
        name = "".join(draws.choice([*"abc.:,%#1"], draws.integers(1, 12)))
        values = {
            int(index): int(draws.integers(0, 101)) / 100 for index in draws.integers(0, 40, draws.integers(0, 12))
        }
        edit = GateEdit(draws.choice(SOURCES).item(), int(draws.integers(0, 201)) / 100, tuple(sorted(values.items())))
        edits |= {name: edit} if edit.changes else {}
    return edits


def test_a_link_shares_one_entry_among_neighbours_of_one_value() -> None:
    text = edits_as_text(EDITS)
    assert text == "cbam1.spatial:usual,layer1.0.se%2Codd%3Aname%25:other*50,cbam3.channel:as_is~3x3=25~17=90"


def test_a_link_has_values_to_the_thousandth_and_tells_of_them_as_it_told_of_hundredths() -> None:
    edits = {"a": GateEdit(values=((0, 0.2664), (1, 0.266), (2, 0.27), (3, -0.0001), (4, 1000.0)))}
    assert edits_as_text(edits) == "a:as_is~0x2=26.6~2=27~3=0~4=100000"
    found = edits_from_text(edits_as_text(edits))
    assert found == {"a": GateEdit(values=((0, 0.266), (1, 0.266), (2, 0.27), (3, 0.0), (4, 1000.0)))}
    assert edits_from_text("a:as_is~0=26.66") is None


@pytest.mark.parametrize("seed", range(20))
def test_links_and_files_give_back_what_they_were_given(seed: int) -> None:
    edits = random_edits(seed)
    if edits:
        assert edits_from_text(edits_as_text(edits)) == edits
    file = EditFile(edits, (edits, {}), "net", "sample-3", "test-9")
    found = read_edit_file(file.as_json().encode())
    assert (found.now, found.kept) == (edits, (edits, {}))
    assert (found.network, found.image, found.other) == ("net", "sample-3", "test-9")


@given(st.text(max_size=40))
def test_any_other_text_of_a_link_is_no_edit(text: str) -> None:
    found = edits_from_text(text)
    assert found is None or all(isinstance(edit, GateEdit) for edit in found.values())


@pytest.mark.parametrize(
    "text",
    ["", "cbam1.spatial", "a:nonsense", "a:usual*300", "a:usual~x=3", "a:usual~1=9999999", "a:usual,", "a\nb:usual"],
)
def test_texts_that_are_almost_edits_are_none(text: str) -> None:
    assert edits_from_text(text) is None


def test_a_short_link_cannot_stand_for_millions_of_values() -> None:
    assert edits_from_text("a:as_is~0x20000=1") is not None
    assert edits_from_text("a:as_is~0x20001=1") is None
    assert edits_from_text(",".join(f"gate{place}:as_is~0x999=1" for place in range(30))) is None


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    text = EditFile({"a": GateEdit("off")}).as_json().encode()
    assert read_edit_file(text + b" " * 1000).now
    with pytest.raises(EditError):
        read_edit_file(text + b" " * 2**21)


def test_a_gate_that_stays_as_it_is_is_no_edit() -> None:
    assert edits_as_dict({"a": GateEdit(), "b": GateEdit("off")}) == {"b": {"source": "off"}}
    assert read_edits({"a": {}, "b": {"factor": 1}}) == {}


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {"source": "other one"},
        {"source": ["usual"]},
        {"factor": 2.1},
        {"factor": -0.1},
        {"factor": float("nan")},
        {"factor": True},
        {"factor": "1"},
        {"values": {"1": 2}},
        {"values": [[1]]},
        {"values": [[1.5, 1]]},
        {"values": [[-1, 1]]},
        {"values": [[True, 1]]},
        {"values": [[1, 1e300]]},
        {"values": [[1, 10**400]]},
        {"values": [[1, None]]},
        {"colour": "red"},
    ],
)
def test_what_is_not_an_edit_is_refused_with_the_name_of_its_gate(entry: object) -> None:
    with pytest.raises(EditError, match=r"the edit of gate cbam1.spatial is not one") as refused:
        read_edits({"cbam1.spatial": entry})
    assert refused.value.code == "edits.unknown"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b"[]",
        json.dumps({"format": "cbam-lens edits", "version": 2}).encode(),
        json.dumps({"format": "cbam-lens edits", "version": 1, "now": []}).encode(),
        json.dumps({"format": "cbam-lens edits", "version": 1, "kept": 3}).encode(),
        json.dumps({"format": "cbam-lens edits", "version": 1, "kept": [{}] * 99}).encode(),
        json.dumps({"format": "cbam-lens edits", "version": 1, "now": {"a\nb": {}}}).encode(),
    ],
)
def test_files_of_something_else_are_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(EditError, match=r"^this is not a file of edits"):
        read_edit_file(content)
