import numpy as np
import pytest

from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.profiles import groupings_of
from cbam_core.errors import AtlasError
from cbam_core.results.paired import student
from tests.atlas.made_atlas import CLASSES, atlas

GATES = ("one.channel", "one.spatial", "two.full", "two#2.row", "two#2.column")
WHERES = (None, {"camera": "old"}, {"confidence": (0.5, 1.0)}, np.arange(0, 60, 2))


def group_of(made, by, image):
    """Name of an image's group; None for none."""
    label, answer = made.label_classes[made.labels[image]], made.classes[made.answers[image]]
    if by == "pair":
        return f"{label} → {answer}" if label != answer else None
    return {"class": label, "answer": answer, "right": "right" if label == answer else "wrong"}.get(by) or str(
        made.metadata[by][image]
    )


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("by", ["class", "answer", "right", "pair", "camera", "hour"])
@pytest.mark.parametrize("where", WHERES, ids=str)
def test_a_profile_is_the_means_that_a_plain_loop_gives(gate, by, where):
    made = atlas()
    found = made.profile(gate, by, where)
    rows = {}
    for image in made.select(where).tolist():
        rows.setdefault(group_of(made, by, image), []).append(made.values(gate)[image].astype(np.float64).ravel())
    rows.pop(None, None)
    assert sorted(found.groups) == sorted(rows)
    assert found.counts.tolist() == [len(rows[name]) for name in found.groups]
    everything = np.concatenate([rows[name] for name in found.groups])
    for number, name in enumerate(found.groups):
        mean, count = np.mean(rows[name], axis=0), len(rows[name])
        np.testing.assert_allclose(found.mean[number], mean, rtol=0, atol=1e-12)
        if count == 1:
            assert np.isnan(found.low[number]).all()
            assert np.isnan(found.high[number]).all()
        else:
            reach = student(count - 1) * np.std(rows[name], axis=0, ddof=1) / np.sqrt(count)
            np.testing.assert_allclose(found.low[number], np.maximum(mean - reach, 0), rtol=0, atol=1e-7)
            np.testing.assert_allclose(found.high[number], np.minimum(mean + reach, 1), rtol=0, atol=1e-7)
    between = sum(len(rows[name]) * (np.mean(rows[name], axis=0) - everything.mean(axis=0)) ** 2 for name in rows)
    total = ((everything - everything.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.selectivity, between / total, atol=1e-9)
    assert found.chance == pytest.approx((len(rows) - 1) / (len(everything) - 1))
    assert (np.diff(found.selectivity[found.order]) <= 0).all()


@pytest.mark.parametrize("squashed", [True, False])
def test_intervals_of_a_gate_that_lies_between_0_and_1_stay_there(squashed):
    values = np.array([[0.0], [0.5], [1.0], [0.75]], np.float16)
    gate = AtlasGate("one.channel", "one", "channel", 1, (1,), 0, squashed=squashed)
    labels = np.array([0, 0, 1, 1], np.int32)
    made = atlas(4, gates=(gate,), values=values, labels=labels)
    found = made.profile("one.channel", "class")
    mean, reach = np.array([0.25, 0.875]), student(1) * np.array([0.25, 0.125])  # half the distance of two values
    assert found.mean.ravel().tolist() == mean.tolist()
    low, high = (0.0, 1.0) if squashed else (-np.inf, np.inf)
    np.testing.assert_allclose(found.low.ravel(), np.maximum(mean - reach, low))
    np.testing.assert_allclose(found.high.ravel(), np.minimum(mean + reach, high))


@pytest.mark.parametrize("by", ["class", "answer", "right", "pair", "camera"])
def test_what_selects_a_group_finds_its_images(by):
    made = atlas()
    found = made.profile("one.channel", by)
    for where, count, mean in zip(found.wheres, found.counts, found.mean, strict=True):
        images = made.select(where)
        assert len(images) == count
        np.testing.assert_allclose(made.values("one.channel")[images].astype(np.float64).mean(axis=0), mean)


def test_classes_keep_their_order_and_pairs_are_sorted_by_their_number():
    made = atlas()
    assert made.profile("one.channel").groups == CLASSES
    assert (np.diff(made.profile("one.channel", "pair").counts) <= 0).all()


def test_a_value_that_never_changes_is_not_selective():
    values = atlas().contents.values.copy()
    values[:, 0] = 0.1
    assert atlas(values=values).profile("one.channel").selectivity[0] == 0


def test_a_value_that_the_class_decides_is_wholly_selective():
    made = atlas(count=20)
    values = made.contents.values.copy()
    values[:, 1] = made.labels
    found = atlas(count=20, values=values).profile("one.channel")
    assert found.selectivity[1] == pytest.approx(1)
    assert found.order[0] == 1


def test_a_slice_without_images_has_no_groups():
    found = atlas().profile("one.channel", where=[])
    assert found.groups == ()
    assert found.mean.shape == (0, 4)
    assert found.selectivity.tolist() == [0, 0, 0, 0]


def test_what_images_cannot_be_grouped_by_is_an_error_that_lists_what_they_can():
    with pytest.raises(AtlasError, match=r"cannot be grouped by 'colour'; they can be by class, .*camera, hour"):
        atlas().profile("one.channel", "colour")
    unlabelled = atlas(labels=np.full(60, -1, np.int32))
    assert groupings_of(unlabelled) == ("answer", "camera", "hour")
    with pytest.raises(AtlasError, match="cannot be grouped by 'class'; they can be by answer, camera, hour"):
        unlabelled.profile("one.channel")


def test_images_of_which_nothing_is_known_cannot_be_grouped_and_what_to_do_is_said():
    unknown = atlas(labels=np.full(60, -1, np.int32), classes=(), metadata={})
    assert groupings_of(unknown) == ()
    with pytest.raises(AtlasError, match=r"cannot be grouped by 'class': they have no labels, .*--metadata gives them"):
        unknown.profile("one.channel")


def test_a_column_with_too_many_values_is_refused():
    made = atlas(count=300, metadata={"serial": np.arange(300)})
    with pytest.raises(AtlasError, match="serial has 299 different values; a profile has at most 200 groups"):
        made.profile("one.channel", "serial")
    assert "serial" not in groupings_of(made)
