from types import SimpleNamespace

import pytest
import streamlit as st

from app.model.card import card_table
from cbam_core.weights.card import ASSUMPTIONS, Card


@pytest.fixture
def shown(monkeypatch):
    said = []
    monkeypatch.setattr(st, "html", said.append)

    def show(card, classes=("cat", "dog")):
        numbers = {"input_size": (32, 32), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
        card_table(
            SimpleNamespace(
                card=card,
                architecture="Net",
                kind="Net",
                arguments={"k": 1},
                classes=classes,
                digest="abc",
                remarks=(),
                **numbers,
            )
        )
        return said[-1]

    return show


def test_a_card_is_shown_whole(shown):
    card = Card(
        command="cbam train", epochs=3, seed=0, split="45,000", test_correct=90, test_count=100, limits="small",
        versions={"torch": "2"}, date="2026-01-02",
    )  # fmt: skip
    page = shown(card)
    assert "90.00\xa0% (90 of 100 images); 95\xa0% interval 82.56\xa0% to 94.48\xa0%" in page
    for word in ("Net(k=1)", "cat, dog", "32×32", "0.5000", "cbam train", "3 epochs, seed 0", "45,000", "small"):
        assert word in page
    for word in ("torch 2", "2026-01-02", "abc"):
        assert word in page


def test_what_nobody_said_is_left_out_and_what_was_assumed_is_not(shown):
    page = shown(Card(assumptions=tuple(ASSUMPTIONS.values())))
    assert "not measured" in page
    assert page.count("<dt>Assumed</dt>") == len(ASSUMPTIONS)
    assert "Created with" not in page
    assert "Limits" not in page


def test_many_classes_are_counted_and_nothing_is_read_as_html(shown):
    assert "class 19 … (1,000)" in shown(Card(), tuple(f"class {index}" for index in range(1000)))
    assert "<script>" not in shown(Card(command="<script>", limits="<script>"), ("<script>",))
