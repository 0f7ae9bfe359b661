"""The nearest of each image by bounds of distances, against a plain comparison of all."""

import numpy as np
import pytest

from cbam_core.atlas import nearest
from cbam_core.atlas.nearest import bounds_of, is_affordable, nearest_by_bounds
from tests.atlas.made_atlas import atlas, gates

CHANNELS = gates({"one.channel": ("channel", (40,))})


def spread(kind, count=200):
    """Gates of several kinds: around a few centres, far from 0, with twins, and without any structure."""
    draws = np.random.default_rng(3)
    centres = draws.normal(size=(6, 40)) * np.geomspace(3, 0.01, 40)
    values = centres[draws.integers(0, 6, count)] + 0.05 * draws.normal(size=(count, 40))
    if kind == "far from 0":
        values = 0.01 * values + 900
    if kind == "with twins":
        values[1::2] = values[::2]
    if kind == "without structure":
        values = draws.random((count, 40))
    return atlas(count=count, gates=CHANNELS, values=values.astype(np.float16), ok=np.arange(count) != 7)


def compared_in_full(made, image, among, k):
    away = np.linalg.norm(made.contents.values[among].astype(float) - made.contents.values[image].astype(float), axis=1)
    away[among == image] = np.inf
    first = np.argsort(away, kind="stable")[:k]
    return among[first], away[first]


@pytest.mark.parametrize("kind", ["around centres", "far from 0", "with twins", "without structure"])
@pytest.mark.parametrize("axes", [4, 128])
def test_the_nearest_and_their_distances_are_those_of_a_plain_comparison(monkeypatch, kind, axes):
    monkeypatch.setattr(nearest, "AXES", axes)
    monkeypatch.setattr(nearest, "GROUPS", 8)
    monkeypatch.setattr(nearest, "AT_ONCE", 200 * 75)
    made = spread(kind)
    among = made.select()
    done = []
    for part, near, away in nearest_by_bounds(made, among, bounds_of(made, among), 10):
        for image, images, distances in zip(part.tolist(), near, away, strict=True):
            expected, apart = compared_in_full(made, image, among, 10)
            assert images.tolist() == expected.tolist()
            np.testing.assert_allclose(distances, apart, rtol=1e-12)
        done += part.tolist()
    assert done == among.tolist()


def test_images_are_compared_with_others_of_a_few_too():
    made = spread("around centres")
    among = np.arange(0, 30, 2)
    (found,) = nearest_by_bounds(made, np.array([4, 5]), bounds_of(made, among), 20)
    for image, images in zip((4, 5), found[1], strict=True):
        assert images.tolist() == compared_in_full(made, image, among, 14)[0].tolist()


def test_gates_without_structure_have_more_to_compare_than_is_affordable(monkeypatch):
    clear, blurred = spread("around centres"), spread("without structure")
    monkeypatch.setattr(nearest, "AXES", 4)
    monkeypatch.setattr(nearest, "AFFORDABLE", 75 * 40)
    assert is_affordable(clear, bounds_of(clear, clear.select()))
    assert not is_affordable(blurred, bounds_of(blurred, blurred.select()))
