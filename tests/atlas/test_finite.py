from dataclasses import replace

import numpy as np
import pytest

from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.finite import comparable, is_finite, with_values
from cbam_core.atlas.tables import ExtremeTable, GroupTable, PrincipalAxes, Tables
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas, contents

LOST = 12
"""Image whose values are not finite."""


def spoiled(number, gate="one.channel", *, gathered=False):
    """An atlas with an image whose first gate holds a number, and one without this image."""
    whole = contents(ok=np.arange(60) != 7)
    values = whole.values.copy()
    values[LOST, Atlas(whole).gate(gate).columns] = number
    tables = None
    if gathered:
        kept = np.flatnonzero(whole.ok)
        groups, codes = np.unique(np.stack([whole.labels, whole.answers], axis=1)[kept], axis=0, return_inverse=True)
        wide = values[kept].astype(np.float64)
        total, squares = (np.array([v[codes == g].sum(axis=0) for g in range(len(groups))]) for v in (wide, wide**2))
        none = np.zeros((0, values.shape[1]))
        table = GroupTable(groups.astype(np.int32), np.bincount(codes), total, squares)
        ends = (none.astype(np.int32), none.astype(np.float16))
        axes = PrincipalAxes(np.zeros(values.shape[1]), none.astype(np.float32), np.zeros(0), 0)
        tables = Tables("", table, ExtremeTable(*ends, *ends), axes)
    without = np.isin(np.arange(60), [7, LOST], invert=True)
    return Atlas(replace(whole, values=values, tables=tables)), Atlas(replace(whole, ok=without))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize("where", [None, {"class": ["cat", "ship"]}])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_means_of_groups_are_those_of_the_images_with_finite_values(number, gathered, where):
    made, expected = spoiled(number, gathered=gathered)
    one, two = (one.profile("one.channel", where=where) for one in (made, expected))
    assert one.counts.tolist() == two.counts.tolist()
    for name in ("mean", "low", "high", "selectivity"):
        assert np.allclose(getattr(one, name), getattr(two, name), atol=1e-12)
    lost = LOST in made.select(where)
    assert (one.left_out, two.left_out) == (int(lost), 0)
    assert made.profile("one.spatial").counts.sum() == 59


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_mean_masks_are_those_of_the_images_with_finite_values(gathered):
    made, expected = spoiled(np.nan, "one.spatial", gathered=gathered)
    one, two = made.mask("one"), expected.mask("one")
    assert np.allclose(one.mean, two.mean)
    assert np.allclose(one.deviation, two.deviation)
    assert (one.count, one.left_out) == (58, 1)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize("n", [5, 58, 59, 100])
def test_lists_of_extremes_have_and_count_finite_values_alone(number, lowest, n):
    made, expected = spoiled(number)
    one, two = (one.top("one.channel", 1, n, lowest=lowest) for one in (made, expected))
    assert one.images.tolist() == two.images.tolist()
    assert (one.count, one.left_out, one.tied) == (58, 1, two.tied)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_distances_say_is_as_without_the_image(number):
    made, expected = spoiled(number)
    one, two = made.suspects(5), expected.suspects(5)
    assert one.outliers.images.tolist() == two.outliers.images.tolist()
    assert (one.outliers.k, one.compared_with) == (10, 58)
    assert one.outliers.usual == pytest.approx(two.outliers.usual)
    assert one.doubtful.images.tolist() == two.doubtful.images.tolist()
    assert vars(made.class_agreement()) == pytest.approx(vars(expected.class_agreement()))
    assert made.map().kept == pytest.approx(expected.map().kept)
    assert np.flatnonzero(np.isnan(made.map().points).any(axis=1)).tolist() == [7, LOST]
    for image in (3, 20):
        assert made.neighbours(image).images.tolist() == expected.neighbours(image).images.tolist()
        assert (
            made.neighbours(image, "one", 100).images.tolist() == expected.neighbours(image, "one", 100).images.tolist()
        )


def test_an_image_has_neighbours_in_the_gates_that_are_finite():
    made, _ = spoiled(np.nan)
    assert len(made.neighbours(LOST, "two").images) == 10
    for block in (None, "one", "one.channel"):
        with pytest.raises(AtlasError, match="image 12 has no distance to others: values of its gates are not finite"):
            made.neighbours(LOST, block)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("columns", [slice(1, 2), slice(0, 4)])
def test_a_value_that_is_finite_in_no_image_leaves_no_distances_which_is_said(number, columns):
    whole = contents(ok=np.arange(60) != 7)
    values = whole.values.copy()
    values[:, columns] = number
    made = Atlas(replace(whole, values=values))
    assert len(made.neighbours(3, "two").images) == 10
    for block in (None, "one", "one.channel"):
        with pytest.raises(
            AtlasError, match=r"a value of one\.channel is finite in none: ask for one block, such as two"
        ):
            made.neighbours(3, block)
    nothing = Atlas(replace(whole, values=np.full_like(values, number)))
    with pytest.raises(AtlasError, match=r"a value of two\.full.* in none: check the weights of the network"):
        nothing.neighbours(3, "two")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_two_atlases_are_compared_by_the_pairs_with_finite_values(number):
    made, expected = spoiled(number)
    other = atlas(seed=1, ok=np.arange(60) != 7)
    one, two = made.compare(other, n=100), expected.compare(other, n=100)
    for found, plain in zip(one.gates[:1], two.gates[:1], strict=True):
        for name in ("mean_before", "mean_after", "difference", "absolute", "correlation", "by_class"):
            assert np.allclose(getattr(found, name), getattr(plain, name), atol=1e-6)
    assert [gate.left_out for gate in one.gates] == [1, 0, 0, 0, 0]
    assert one.images[np.isnan(one.moved)].tolist() == [LOST]
    assert one.most_moved.tolist() == two.most_moved.tolist()
    nothing = made.compare(other, [LOST]).gates[0]
    assert np.isnan(nothing.mean_before).all()
    assert np.isnan(nothing.by_class).all()


def test_a_value_that_is_finite_in_no_image_spoils_no_other_of_its_gate():
    whole = contents(ok=np.arange(60) != 7)
    values = whole.values.copy()
    values[:, 2] = np.inf
    made = Atlas(replace(whole, values=values))
    one, two = made.profile("one.channel"), Atlas(whole).profile("one.channel")
    assert np.isnan(one.mean[:, 2]).all()
    assert np.allclose(one.mean[:, [0, 1, 3]], two.mean[:, [0, 1, 3]])
    assert (one.selectivity[2], one.left_out, made.top("one.channel", 2).left_out) == (0, 0, 59)


def test_finite_gates_leave_out_nothing():
    made, _ = spoiled(np.nan)
    channel, spatial = made.gate("one.channel"), made.gate("one.spatial")
    assert (is_finite(made, channel), is_finite(made, spatial)) == (False, True)
    assert with_values(made, channel, np.array([3, LOST])).tolist() == [3]
    assert with_values(made, spatial, np.array([3, LOST])).tolist() == [3, LOST]
    assert np.flatnonzero(~comparable(made)).tolist() == [7, LOST]


def test_columns_with_names_of_what_an_atlas_does_not_know_can_be_asked_for():
    words = np.array(["benign", "other"])[np.arange(60) % 2]
    none = np.full(60, -1, np.int32)
    named = {"class": words, "right": words, "answer": words, "confidence": words, "pair": words}
    made = atlas(labels=none, answers=none, classes=(), logits=np.zeros((60, 0), np.float32), metadata=named)
    for name in named:
        assert made.select({name: "benign"}).tolist() == [image for image in range(0, 60, 2) if image != 7]
        found = made.profile("one.channel", name)
        assert found.groups == ("benign", "other")
        assert found.counts.tolist() == [30, 29]


def test_columns_with_names_of_what_an_atlas_knows_are_hidden():
    made = atlas(metadata={"class": np.full(60, "benign")})
    assert made.profile("one.channel", "class").groups == ("cat", "dog", "ship")
    with pytest.raises(AtlasError, match="unknown class 'benign'"):
        made.select({"class": "benign"})
