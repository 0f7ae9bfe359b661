"""The blank image test as HTML: every gate beside its usual values, and what is said of the two."""

import re
from dataclasses import replace

import numpy as np

from app.whatif.blank import as_html
from tests.app.whatif.test_table import explanation, gate

PATTERN = np.array([[0.2, 0.4], [0.6, 0.8]], np.float32)


def said(*gates):
    text = as_html(explanation(gates)).split("</style>")[1]
    return re.findall(r'<span class="(\w+)">', text), text


def test_masks_come_first_and_each_is_said_to_be_as_usual_or_not():
    channel = gate("a.channel", "channel", [0.2, 0.9, 0.4], [0.9, 0.2, 0.6])
    same = gate("b.spatial", "spatial", PATTERN / 2, PATTERN)
    flat = gate("c.spatial", "spatial", PATTERN, np.full((2, 2), 0.5, np.float32))
    nearly = gate("d.spatial", "spatial", PATTERN, 0.5 + PATTERN / 100)
    verdicts, text = said(channel, same, flat, nearly)
    assert verdicts == ["same", "flat", "flat", "differs"]
    assert text.index("b.<wbr>spatial") < text.index("a.<wbr>channel")
    assert "r = 1.00" in text
    assert "r = −" in text
    assert text.count("<img") == 8


def test_a_gate_without_usual_values_is_drawn_alone():
    alone = replace(gate("a.spatial", "spatial", PATTERN), usual=None)
    verdicts, text = said(alone)
    assert verdicts == []
    assert "usual values not known" in text
    assert text.count("<img") == 1
