import numpy as np
import pytest

from cbam_core.atlas.principal import PrincipalAxes
from cbam_core.atlas.ranking import leading
from cbam_core.atlas.tables import ExtremeTable, GroupTable, Tables
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas, contents


def by_hand(values, images, n, *, lowest):
    """Images sorted by (value, number), as Python sorts."""
    order = sorted(images, key=lambda image: (values[image] if lowest else -values[image], image))
    return order[:n]


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize(
    ("gate", "channel"), [("one.channel", 2), ("one.spatial", (2, 4)), ("two.full", 7), ("two#2.row", (1, 2))]
)
@pytest.mark.parametrize("where", [None, {"class": "dog"}, {"right": False, "camera": "new"}, [3, 7, 9, 3]])
def test_top_images_are_those_that_sorting_all_values_gives(gate, channel, where, lowest):
    made = atlas()
    place = channel if isinstance(channel, tuple) else np.unravel_index(channel, made.gate(gate).shape)
    values = made.values(gate)[(slice(None), *place)].astype(np.float64)
    found = made.top(gate, channel, n=5, where=where, lowest=lowest)
    expected = by_hand(values, made.select(where).tolist(), 5, lowest=lowest)
    assert found.images.tolist() == expected
    assert found.values.tolist() == values[expected].astype(np.float32).tolist()
    assert found.count == len(made.select(where))
    assert 7 not in found.images


def test_of_equal_values_the_earlier_image_comes_first():
    assert leading(np.array([2.0, 1.0, 1.0, 0.0, 1.0]), 3).tolist() == [3, 1, 2]
    flat = contents()
    flat.values[:] = 0.5
    assert atlas(values=flat.values).top("one.channel", 0, n=4).images.tolist() == [0, 1, 2, 3]


def test_a_slice_without_images_has_no_top():
    found = atlas().top("one.channel", 0, where=[])
    assert (found.images.size, found.values.size, found.count) == (0, 0, 0)


def test_fewer_images_than_asked_for_are_all_of_them():
    assert len(atlas(count=5).top("one.channel", 1, n=20).images) == 5
    assert len(atlas(count=5).top("one.channel", 1, n=-1).images) == 0


def test_a_column_says_its_name():
    assert atlas().top("one.spatial", 9).column == "one.spatial[1,4]"


@pytest.mark.parametrize("channel", [4, -1, (0, 0)])
def test_an_unknown_channel_is_an_error_that_says_the_shape(channel):
    with pytest.raises(AtlasError, match=r"one\.channel has no value .*; its values have the shape 4, counted from 0"):
        atlas().top("one.channel", channel)


def test_an_unknown_gate_is_an_error_that_lists_the_gates():
    with pytest.raises(AtlasError, match=r"unknown gate 'one\.chanel'; this atlas has one\.channel, one\.spatial, "):
        atlas().top("one.chanel", 0)


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize("n", [0, 3, 6, 9])
def test_lists_that_were_gathered_are_read_as_far_as_they_reach(n, lowest):
    made = atlas(count=20)
    values = made.contents.values
    order = np.argsort(values, axis=0, kind="stable")[:6].astype(np.int32)
    reverse = np.argsort(-values, axis=0, kind="stable")[:6].astype(np.int32)
    ends = (reverse, np.take_along_axis(values, reverse, 0), order, np.take_along_axis(values, order, 0))
    wide = values.shape[1]
    sums = GroupTable(np.zeros((0, 2), np.int32), np.zeros(0, np.int64), np.zeros((0, wide)), np.zeros((0, wide)))
    axes = PrincipalAxes(np.zeros(wide), np.zeros((0, wide), np.float32), np.zeros(0), 0)
    listed = atlas(count=20, tables=Tables("", sums, ExtremeTable(*ends), axes))
    one, two = (one.top("one.spatial", 3, n=n, lowest=lowest) for one in (made, listed))
    assert one.images.tolist() == two.images.tolist()
    assert one.values.tolist() == two.values.tolist()
    assert (one.count, two.count) == (20, 20)
    assert one.tied == two.tied == (n > 0)


@pytest.mark.parametrize("length", [0, 3, 6, 20])
@pytest.mark.parametrize(
    ("n", "tied", "undecided"), [(2, 2, False), (3, 5, True), (4, 5, True), (7, 5, False), (8, 1, False)]
)
def test_images_that_share_the_last_value_are_counted_also_beyond_a_list(length, n, tied, undecided):
    values = np.zeros((20, 45), np.float16)
    values[:, 0] = [9, 9, *[7] * 5, *range(6, -7, -1)]
    order = np.arange(length, dtype=np.int32)[:, None].repeat(45, axis=1)
    ends = (order, values[:length], order, values[:length])
    sums = GroupTable(np.zeros((0, 2), np.int32), np.zeros(0, np.int64), np.zeros((0, 45)), np.zeros((0, 45)))
    axes = PrincipalAxes(np.zeros(45), np.zeros((0, 45), np.float32), np.zeros(0), 0)
    made = atlas(count=20, values=values, tables=Tables("", sums, ExtremeTable(*ends), axes))
    found = made.top("one.channel", 0, n=n)
    assert found.images.tolist() == list(range(n))
    assert (found.tied, found.undecided) == (tied, undecided)
    assert not made.top("one.channel", 0, where=[]).undecided
