"""What the browser is given of a gate's values: all means of a few groups, two of each value where there are many."""

import base64

import numpy as np

from app.atlas.channels import values_of_gate
from app.atlas.slices import Slice
from app.atlas.values import MOST_GROUPS, _data
from tests.atlas import made_atlas


def values(atlas, gate, by):
    images = atlas.select()
    return values_of_gate(atlas, atlas.gate(gate), by, Slice(None, images, len(images)))


def floats(text, *shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def test_a_few_groups_are_sent_with_all_means_and_intervals():
    atlas = made_atlas.atlas()
    data = _data(values(atlas, "one.channel", "class"), 2, 0)
    found = atlas.profile("one.channel", "class")
    np.testing.assert_array_equal(floats(data["mean"], 3, 4), found.mean.astype(np.float32))
    np.testing.assert_array_equal(floats(data["low"], 3, 4), found.low.astype(np.float32))
    everything = atlas.values("one.channel")[atlas.ok].astype(np.float64)
    np.testing.assert_allclose(floats(data["overall"], 4), everything.mean(axis=0), rtol=1e-6)
    assert data["order"] == found.order.tolist()
    assert data["limit"] == np.abs(found.mean - everything.mean(axis=0)).max()
    assert data["ends"] is None


def test_of_very_many_groups_the_two_ends_of_each_row_are_sent():
    many = MOST_GROUPS + 10
    plain = made_atlas.contents(400)
    number = np.arange(400) % many
    atlas = made_atlas.atlas(400, metadata={"number": number}, values=plain.values)
    data = _data(values(atlas, "one.channel", "number"), 0, 0)
    found = atlas.profile("one.channel", "number")
    assert len(data["groups"]) == many
    assert data["ends"] == [found.mean.argmax(axis=0).tolist(), found.mean.argmin(axis=0).tolist()]
    ends = np.stack([found.mean.max(axis=0), found.mean.min(axis=0)]).astype(np.float32)
    np.testing.assert_array_equal(floats(data["mean"], 2, 4), ends)


def test_without_groups_values_are_in_the_order_of_their_deviation():
    atlas = made_atlas.atlas()
    data = _data(values(atlas, "one.channel", None), 0, 0)
    deviation = atlas.values("one.channel")[atlas.ok].astype(np.float64).std(axis=0)
    np.testing.assert_allclose(floats(data["selectivity"], 4), deviation, rtol=1e-6)
    assert data["order"] == np.argsort(-deviation).tolist()
    assert not data["is_share"]


def test_where_all_images_are_in_one_group_values_are_in_the_order_of_their_deviation():
    atlas = made_atlas.atlas()
    chosen = atlas.select({"class": "cat"})
    found = values_of_gate(atlas, atlas.gate("one.channel"), "class", Slice({"class": "cat"}, chosen, 59))
    deviation = atlas.values("one.channel")[chosen].astype(np.float64).std(axis=0)
    assert found.single == "cat"
    data = _data(found, 0, 0)
    assert data["order"] == np.argsort(-deviation).tolist()
    assert not data["is_share"]
    np.testing.assert_allclose(floats(data["selectivity"], 4), deviation, rtol=1e-6)


def test_one_image_tells_no_groups_apart_and_its_values_are_in_their_order():
    atlas = made_atlas.atlas()
    found = values_of_gate(atlas, atlas.gate("one.channel"), "class", Slice(np.array([4]), np.array([4]), 59))
    own = atlas.values("one.channel")[4].astype(np.float64)
    data = _data(found, 0, 0)
    assert data["order"] == np.argsort(-own, kind="stable").tolist()
    assert data["words"]["varies"] == "Value"
    assert not data["groups"]
    np.testing.assert_allclose(floats(data["selectivity"], 4), own, rtol=1e-6)
