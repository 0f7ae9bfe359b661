import re
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from app.compare.pair import Subject, class_summary, mask_row
from cbam_core import explain
from cbam_core.results.placement import Placement
from tests.app.compare.page import html
from tests.plain_means import means_of


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(st, "html", found.append)
    return found


def test_a_class_is_recognised_only_by_networks_that_know_it(tiny_classifier, said):
    images = np.zeros((2, 32, 32, 3), np.uint8)
    summary = means_of([explain(tiny_classifier, image) for image in images])
    name = summary.predicted[0]
    class_summary("left", name, summary, images)
    assert f"2 of 2 recognised as {name}. Mean probabilities: " in said[0]
    class_summary("left", name, replace(summary, classes=tuple(f"class {at}" for at in range(10))), images)
    assert "recognised" not in said[1]
    assert "The network does not know this class. Mean probabilities over its 2 images: " in said[1]


def test_masks_that_do_not_lie_where_they_are_drawn_say_so(tiny_classifier, said):
    explanation = explain(tiny_classifier, np.zeros((32, 32, 3), np.uint8))
    (block, *_) = explanation.blocks
    places = {
        "place unknown: stretched": Placement.stretched((16, 16), (32, 32)),
        "within ±3.2 px": Placement((0.5, 0.5), (2.0, 2.0), "approximate", 3.2),
    }
    subject = Subject("A", explanation.input_image, (32, 32))
    mask_row([block], subject, "left", over=True)
    for words, place in places.items():
        mask_row([replace(block, placement=place)], subject, "left", over=True)
        assert words in said[-1]
        assert words not in said[0]


def masks_of(app):
    """Addresses of the pictures of masks, which hold all of each."""
    return re.findall(r'src="(data:[^"]+)" alt="Spatial mask', html(app))


def test_masks_that_are_chosen_to_stand_alone_are_drawn_anew_and_come_back_over_the_image(app):
    over = masks_of(app)
    assert len(set(over)) == len(over) == 6
    app.segmented_control(key="compare-masks").select("alone").run()
    assert not set(over) & set(masks_of(app))
    app.segmented_control(key="compare-masks").select("over").run()
    assert masks_of(app) == over
