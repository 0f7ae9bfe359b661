import numpy as np
import pytest

from cbam_core.atlas.atlas import Atlas
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import CLASSES, SHAPES, atlas, contents, gates


def changed(seed=1, order=None, **more):
    """The made set through another network, in another order."""
    made = contents(seed=seed)
    order = np.random.default_rng(5).permutation(60) if order is None else np.asarray(order)
    fields = ("values", "labels", "answers", "confidence", "logits")
    parts = {name: getattr(made, name)[order] for name in fields}
    return atlas(len(order), **{**parts, "ids": [made.ids[number] for number in order], **more})


def pairs(made, other, images):
    theirs = {name: number for number, name in enumerate(other.ids)}
    found = [(image, theirs[made.ids[image]]) for image in images if made.ids[image] in theirs]
    return [(one, two) for one, two in found if made.ok[one] and other.ok[two]]


@pytest.mark.parametrize("where", [None, {"class": "dog"}, np.arange(30)], ids=str)
def test_every_number_of_a_comparison_is_that_of_a_plain_loop(where):
    made, other = atlas(), changed(order=np.random.default_rng(5).permutation(60)[:50])
    found = made.compare(other, where, n=5)
    both = pairs(made, other, made.select(where).tolist())
    assert list(zip(found.images.tolist(), found.others.tolist(), strict=True)) == both
    moved = np.zeros(len(both))
    for change, gate in zip(found.gates, SHAPES, strict=True):
        assert change.gate == gate
        before = np.array([made.values(gate)[one].astype(np.float64).ravel() for one, _ in both])
        after = np.array([other.values(gate)[two].astype(np.float64).ravel() for _, two in both])
        moved += ((after - before) ** 2).sum(axis=1)
        np.testing.assert_allclose(change.mean_before, before.mean(axis=0), atol=1e-7)
        np.testing.assert_allclose(change.mean_after, after.mean(axis=0), atol=1e-7)
        np.testing.assert_allclose(change.difference, (after - before).mean(axis=0), atol=1e-7)
        np.testing.assert_allclose(change.absolute, np.abs(after - before).mean(axis=0), atol=1e-6)
        expected = [np.corrcoef(before[:, c], after[:, c])[0, 1] for c in range(before.shape[1])]
        np.testing.assert_allclose(change.correlation, expected, atol=1e-6)
        for name, mean in zip(change.groups, change.by_class, strict=True):
            rows = [place for place, (one, _) in enumerate(both) if CLASSES[made.labels[one]] == name]
            assert mean == pytest.approx(np.abs(after - before)[rows].mean(), abs=1e-6)
    np.testing.assert_allclose(found.moved, np.sqrt(moved), atol=1e-6)
    order = sorted(range(len(both)), key=lambda place: -moved[place])[:5]
    assert found.most_moved.tolist() == [both[place][0] for place in order]


def test_answers_are_counted_by_what_became_right_and_wrong():
    made, other = atlas(), changed()
    found = made.compare(other)
    both = pairs(made, other, made.select().tolist())
    was = [made.answers[one] == made.labels[one] for one, _ in both]
    now = [other.answers[two] == made.labels[one] for one, two in both]
    assert found.newly_right.tolist() == [b and not a for a, b in zip(was, now, strict=True)]
    assert found.newly_wrong.tolist() == [a and not b for a, b in zip(was, now, strict=True)]
    assert found.answered_other.tolist() == [made.answers[one] != other.answers[two] for one, two in both]
    assert (found.answers.count, found.answers.right) == (len(both), sum(now))
    assert found.answers.newly_right == found.newly_right.sum()
    low, high = found.answers.interval
    assert low <= found.answers.points <= high


def test_an_atlas_compared_with_itself_has_not_changed():
    made = atlas()
    found = made.compare(made)
    assert not found.moved.any()
    assert found.answers.changed == 0
    np.testing.assert_allclose(found.gates[0].correlation, 1)


def test_networks_with_other_gates_are_compared_by_answers_and_by_gates_of_the_same_name_and_shape():
    shapes = {"one.channel": ("channel", (4,)), "one.spatial": ("spatial", (5, 3)), "four.channel": ("channel", (2,))}
    other = atlas(seed=3, gates=gates(shapes))
    found = atlas().compare(other)
    assert [change.gate for change in found.gates] == ["one.channel"]
    assert found.skipped == ("one.spatial", "two.full", "two#2.row", "two#2.column", "four.channel")
    assert found.answers is not None


def test_without_a_shared_gate_nothing_moved():
    found = atlas().compare(atlas(gates=gates({"four.channel": ("channel", (2,))})))
    assert found.gates == ()
    assert found.most_moved.size == 0
    assert not found.moved.any()


def test_networks_of_other_classes_are_compared_by_gates_alone():
    found = atlas().compare(atlas(classes=("a", "b", "c")))
    assert (found.answered_other, found.newly_right, found.answers) == (None, None, None)
    assert len(found.gates) == 5


def test_without_labels_no_answer_becomes_right():
    nothing = np.full(60, -1, np.int32)
    found = atlas(labels=nothing).compare(changed())
    assert found.answered_other.any()
    assert (found.newly_right, found.newly_wrong, found.answers) == (None, None, None)
    assert found.gates[0].groups == ()


def test_an_empty_slice_compares_nothing():
    found = atlas().compare(changed(), where=[])
    assert found.images.size == 0
    assert found.answers.count == 0


def test_atlases_of_other_images_are_refused_with_an_example_of_each():
    made = contents()
    other = Atlas(contents(title="else:test", ids=[f"else:test/{number}" for number in range(60)]))
    with pytest.raises(AtlasError, match=r"no image is in both .* made:test/0, .* else:test/0"):
        Atlas(made).compare(other)
