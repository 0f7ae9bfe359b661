"""The table of what gates usually do: every gate, its shares, and the set that they were taken over."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from app.model.usual import usual_table
from cbam_core import load_classifier
from cbam_core.data.dataset import samples
from cbam_core.errors import unbroken
from cbam_core.evaluation.usual_gates import usual_gates
from cbam_core.results.usual import Usual


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(st, "html", lambda page: found.append(page.replace("<wbr>", "")))
    monkeypatch.setattr(st, "caption", found.append)
    return found


@pytest.mark.parametrize("name", ["cbam_cnn_cifar10", "cbam_resnet_cifar10"])
def test_every_gate_has_its_sentence_its_shares_and_its_mean(said, name):
    usual = load_classifier(name).usual
    usual_table(usual)
    rows = re.findall(
        r'<tr(?: class="pale")?><th scope="row">(.+?)<small>(.+?)</small></th><td class="does">(.+?)</td>(.+?)</tr>',
        said[0],
    )
    assert [row[0] for row in rows] == [gate.name for gate in usual.gates]
    for (_, small, sentence, numbers), gate in zip(rows, usual.gates, strict=True):
        assert small == sentence == unbroken(str(gate.sentence))
        shares = (gate.shares.fixed, gate.shares.gain, gate.shares.pattern)
        assert re.findall(r'<td class="n part">(.+?)</td>', numbers) == [f"{100 * share:.0f}\xa0%" for share in shares]
        assert re.findall(r"flex: (.+?)\"", numbers) == [f"{share:.4f}" for share in shares]
        assert numbers.endswith(f'<td class="n">{gate.level:.3f}</td>')


def test_the_bar_of_a_gate_that_hardly_varies_is_pale(said, tiny_classifier):
    flat = replace(usual_gates(tiny_classifier, samples()).gates[0], mean=np.full(32, 0.5, np.float32), variance=0.0)
    usual_table(Usual((flat,), 100, "cifar10:samples"))
    assert flat.sentence.code == "usual.off"
    assert '<tr class="pale">' in said[0]


def test_the_number_of_images_and_their_name_stand_below(said):
    usual_table(load_classifier("cbam_cnn_cifar10").usual)
    assert said[1].startswith("Over 50,000 images \\(CIFAR-10, training images\\)")
