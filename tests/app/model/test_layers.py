import re

import pytest
import streamlit as st
from torch import nn

from app.model.layers import block_table, layer_table
from cbam_core.gates.anatomy import summarise
from cbam_core.nn import CBAM_CNN, SpatialAttention


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(st, "html", lambda page: found.append(page.replace("<wbr>", "")))
    return found


def test_every_layer_has_a_row_and_those_of_a_block_are_marked(said):
    summary = summarise(CBAM_CNN(), (32, 32))
    layer_table(summary)
    rows = re.findall(r'<tr(?: class="(gate)")?><th scope="row">(.+?)(?:<small>.+?</small>)?</th>', said[0])
    assert [name for _, name in rows] == [*(layer.name for layer in summary.layers), "All layers"][: len(rows)]
    assert len(rows) >= len(summary.layers)
    for mark, name in rows[: len(summary.layers)]:
        assert (mark == "gate") == name.startswith("cbam")
    assert f"{summary.multiply_adds:,}" in said[0]
    assert "32×16×16" in said[0]


def test_blocks_add_up(said):
    summary = summarise(CBAM_CNN(), (32, 32))
    block_table(summary)
    assert [block.name in said[0] for block in summary.blocks] == [True] * 3
    assert f"{summary.cbam_parameters:,}" in said[0]
    assert f"{100 * summary.cbam_parameter_share:.2f}\xa0%" in said[0]


def test_a_network_that_is_one_layer_has_a_name_too(said):
    layer_table(summarise(nn.Conv2d(3, 2, 1), (4, 4)))
    layer_table(summarise(SpatialAttention(3), (4, 4)))
    assert "the network itself" in said[0]
    assert "conv" in said[1]


def test_what_a_narrow_window_has_no_column_for_stands_below(said):
    summary = summarise(CBAM_CNN(), (32, 32))
    layer_table(summary)
    assert '<th scope="row">conv1<small>Conv2d</small></th><td class="beside">Conv2d</td>' in said[0]
    block_table(summary)
    share = f"{100 * summary.blocks[0].parameters / summary.parameters:.2f}\xa0%"
    assert f'226<small>{share}</small></td><td class="n beside">{share}</td>' in said[1]
