"""The panel about blocks: sentences, facts with how they were found, and times of blocks that are made alike."""

from __future__ import annotations

import re

import pytest
import streamlit as st
import torch

from app.model.audit import audit_table
from cbam_core.gates.audit import audit_network
from tests.gates.audit.planted import PLANTED
from tests.gates.audit.spellings import PLAIN, Network


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(st, "html", lambda page: found.append(page.replace("<wbr>", "")))
    monkeypatch.setattr(st, "caption", found.append)
    monkeypatch.setattr(st, "markdown", found.append)
    return found


def audited(name, repeats=0):
    torch.manual_seed(1)
    block = PLAIN[name]() if name in PLAIN else PLANTED[name][0]()
    return audit_network(Network(block).eval(), (12, 12), repeats=repeats)


def test_the_papers_block_is_said_to_be_it_with_the_time_beside(said):
    audit_table(audited("Parts", repeats=1))
    page, caption = said
    assert "As the paper describes it." in page
    assert "Differs from the paper" not in page
    assert re.search(r">block</th><td class=.n.>32 / 2</td><td class=.n.>[\d.]+ ms</td>", page)
    assert "medians of 1 runs" in caption


def test_each_deviation_is_a_sentence_and_each_fact_says_how_it_was_found(said):
    audit_table(audited("Combined"))
    (page,) = said
    assert page.count("<li>") == len(PLANTED["Combined"][1])
    assert "<li>The kernel of the mask is 5×5; the paper chooses 7×7" in page
    facts = re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td><td class="how">([^<]*)<', page)
    assert ("planes, in order", "maximum, mean", "read") in facts
    assert ("from the map", "mean", "read and probed") in facts


def test_a_network_without_blocks_says_so(said):
    audit_table(audit_network(torch.nn.Conv2d(3, 2, 1).eval(), (4, 4), repeats=0))
    assert said == ["No block with gates was found in this network."]
