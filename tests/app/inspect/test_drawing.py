"""The drawing of a block: its steps, and sentences that hold for the image that is shown."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.inspect.drawing import as_html, steps
from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain_block
from cbam_core.results.placement import Placement
from tests.app.visiting import MAIN

SIZE = (32, 32)


@pytest.fixture(scope="module")
def trace():
    network = load_classifier("cbam_cnn_cifar10")
    return explain_block(network, explain(network, sample_sheet().images[31]), "cbam1")


def said(trace):
    return {step.name: step.said for step in steps(trace, SIZE)}


def test_a_whole_block_has_six_steps_in_their_order(trace):
    assert list(said(trace)) == ["features", "pooled", "weights", "planes", "mask", "output"]


def test_steps_of_a_gate_that_is_missing_are_left_out(trace):
    assert list(said(replace(trace, pooled=None, weights=None))) == ["features", "planes", "mask", "output"]
    assert list(said(replace(trace, planes=None, mask=None))) == ["features", "pooled", "weights", "output"]


def test_no_step_has_more_than_three_sentences(trace):
    for sentence in said(trace).values():
        assert len(re.findall(r"[.!?](?: |$)", sentence)) <= 3


@pytest.mark.parametrize(
    ("place", "phrase"),
    [
        (Placement.stretched((16, 16), SIZE), "the maps are stretched over the network's input"),
        (Placement((0.5, 0.5), (2.0, 2.0), "approximate", 3.25), "up to 3.2 pixels"),
    ],
)
def test_maps_that_do_not_lie_where_they_are_drawn_say_so(trace, place, phrase):
    assert phrase in said(replace(trace, placement=place))["features"]
    assert phrase not in said(trace)["features"]


def test_numbers_are_those_of_the_image(trace):
    texts = said(trace)
    assert "32 maps of 16×16 numbers" in texts["features"]
    assert f"here {trace.weights.min():.2f} to {trace.weights.max():.2f}" in texts["weights"]
    assert f"here {trace.mask.min():.2f} to {trace.mask.max():.2f}" in texts["mask"]
    assert "A 7×7 kernel" in texts["mask"]
    assert "at all but 100 of 256 positions" in texts["mask"].lower()


def test_a_map_on_which_the_kernel_always_meets_the_border_says_so(trace):
    small = {name: getattr(trace, name)[..., :4, :4] for name in ("features", "planes", "strength", "mask", "output")}
    assert "at every position" in said(replace(trace, **small))["mask"]


@pytest.mark.parametrize(("sign", "phrase"), [(-1, "holds back contrast"), (1, "brings out contrast")])
def test_what_the_mask_does_to_contrast_is_read_off_the_maps(trace, sign, phrase):
    strength = trace.strength
    mask = (0.5 + sign * 0.1 * (strength - strength.mean()) / np.abs(strength).max()).astype(np.float32)
    assert phrase in said(replace(trace, mask=mask))["mask"]


def test_a_mask_that_is_the_same_everywhere_says_nothing_of_contrast(trace):
    text = said(replace(trace, mask=np.full_like(trace.mask, 0.5)))["mask"]
    assert "here 0.50 to 0.50" in text
    assert "contrast" not in text


def test_names_are_escaped(trace):
    page = as_html(tuple(steps(replace(trace, block="<b>"), SIZE)))
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_nothing_is_computed_before_the_drawing_is_asked_for(monkeypatch, trace):
    followed = []
    monkeypatch.setattr("app.services.images.explain_block", lambda *given: followed.append(given[2]) or trace)
    app = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert followed == []
    app.button(key="sample-what").click().run()
    assert not app.exception
    assert followed == ["cbam1"]
