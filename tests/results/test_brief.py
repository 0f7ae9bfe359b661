"""What stands at a prompt: a few lines, however many numbers a result has."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.data.dataset import open_dataset
from cbam_core.data.random_images import random_images
from cbam_core.results.brief import FEW, brief
from tests.atlas.made_atlas import atlas


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.array([3, 1]), "[3, 1]"),
        (np.array([0.123456], np.float32), "[0.1235]"),
        (np.zeros((2, 3), np.float16), "<float16, 2×3>"),
        (np.zeros(FEW + 1, np.int64), f"<int64, {FEW + 1}>"),
        (("cat", "dog"), "('cat', 'dog')"),
        (tuple(range(FEW + 1)), f"<{FEW + 1} of int>"),
        (({"class": "cat"},), "({'class': 'cat'},)"),
        (({"class": "cat"}, {"class": "dog"}), "<2 of dict>"),
        ("a" * 100, repr("a" * 100)),
        (None, "None"),
    ],
    ids=str,
)
def test_arrays_and_lists_are_written_by_their_sizes(value, written):
    assert brief(value) == written


def test_answers_of_an_atlas_and_sets_are_short():
    made = atlas()
    answers = [
        made.top("one.channel", 0, n=3),
        made.profile("one.channel"),
        made.mask("one"),
        made.neighbours(0),
        made.map(),
        made.compare(made),
        made.suspects(),
    ]
    drawn = random_images(open_dataset("samples"), 8, seed=0)
    for one in (*answers, open_dataset("samples"), drawn):
        assert repr(one).startswith(f"{type(one).__name__}(")
        assert len(repr(one)) < 1500, repr(one)
    assert "images=[" in repr(answers[0])
    assert "mean=<float64, 3×" in repr(answers[1])
