import numpy as np
import pytest

from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"class": "cat"}, lambda made, i: made.labels[i] == 0),
        ({"class": ["cat", "ship"]}, lambda made, i: made.labels[i] in (0, 2)),
        ({"class": 1}, lambda made, i: made.labels[i] == 1),
        ({"answer": "dog"}, lambda made, i: made.answers[i] == 1),
        ({"right": True}, lambda made, i: made.answers[i] == made.labels[i]),
        ({"right": False}, lambda made, i: made.answers[i] != made.labels[i]),
        ({"confidence": (0.5, 0.8)}, lambda made, i: 0.5 <= made.confidence[i] <= 0.8),
        (
            {"camera": "old", "class": "dog"},
            lambda made, i: made.metadata["camera"][i] == "old" and made.labels[i] == 1,
        ),
        ({"hour": (6, 12)}, lambda made, i: 6 <= made.metadata["hour"][i] <= 12),
        ({"hour": [3, 4]}, lambda made, i: made.metadata["hour"][i] in (3, 4)),
        ({"id": ["made:test/3", "made:test/7"]}, lambda made, i: i in (3, 7)),
        ({}, lambda made, i: True),
        (None, lambda made, i: True),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_slice_has_the_images_that_meet_every_condition(where, holds):
    made = atlas()
    assert made.select(where).tolist() == [image for image in range(60) if image != 7 and holds(made, image)]


def test_numbers_and_masks_are_slices_too():
    made = atlas()
    assert made.select([9, 3, 3, 7]).tolist() == [3, 9]
    assert made.select(np.arange(60) < 10).tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert made.select([]).tolist() == []


@pytest.mark.parametrize("numbers", [[60], [-1], np.array([0.5]), np.zeros(3, bool), np.array([[1, 2]])], ids=str)
def test_numbers_of_no_image_are_an_error(numbers):
    with pytest.raises(AtlasError, match="numbers from 0 to 59, or 60 times yes or no"):
        atlas().select(numbers)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"colour": "red"},
            "unknown column 'colour'; a slice of this atlas can be by class, answer, confidence, right, id,",
        ),
        ({"class": "frog"}, "unknown class 'frog'; the classes are cat, dog, ship"),
        ({"answer": 3}, "unknown class 3; the classes are cat, dog, ship"),
        ({"right": "yes"}, "the condition for right has to be True or False"),
        ({"confidence": 0.5}, r"the condition for confidence has to be \(lowest, highest\)"),
        ({"confidence": ("low", "high")}, r"the condition for confidence has to be \(lowest, highest\)"),
        ({"confidence": (None, 1)}, r"the condition for confidence has to be \(lowest, highest\)"),
        ({"camera": (1, 2)}, "the condition for camera has to be a value, or a list of values"),
        ({"camera": "newer"}, "no image has 'newer' in its column camera; it holds 'new', 'old'"),
        ({"camera": ["old", "newer"]}, "no image has 'newer' in its column camera"),
        ({"hour": ">6"}, r"the condition for hour has to be a number, a list of numbers, or \(lowest, highest\)"),
        ({"id": "made:test/99"}, "no image of this atlas is called 'made:test/99'"),
    ],
    ids=str,
)
def test_a_condition_that_cannot_be_met_is_an_error_that_says_what_can(where, message):
    with pytest.raises(AtlasError, match=message):
        atlas().select(where)


def test_a_set_without_labels_has_no_classes_to_select_by():
    made = atlas(labels=np.full(60, -1, np.int32))
    assert made.columns == ("answer", "confidence", "id", "inside", "camera", "hour")
    with pytest.raises(AtlasError, match="unknown column 'class'"):
        made.select({"class": "cat"})


def test_a_network_without_classes_has_no_answers_to_select_by():
    nothing = {"answers": np.full(60, -1, np.int32), "confidence": np.full(60, np.nan, np.float32)}
    made = atlas(classes=(), logits=np.zeros((60, 0), np.float32), label_classes=("cat", "dog", "ship"), **nothing)
    assert made.columns == ("class", "id", "inside", "camera", "hour")
    assert len(made.select({"class": "cat"})) == ((made.labels == 0) & made.ok).sum()


def test_labels_of_other_classes_are_compared_by_name():
    labels = np.array([0, 1, 2], np.int32)
    made = atlas(count=3, label_classes=("ship", "frog", "cat"), labels=labels, answers=np.array([2, 1, 1], np.int32))
    assert made.targets.tolist() == [2, -1, 0]
    assert made.right.tolist() == [1, 0, 0]


def test_images_without_a_number_are_those_that_a_profile_groups_so():
    hours = np.where(np.arange(60) % 4 == 0, np.nan, np.arange(60) % 3)
    made = atlas(metadata={"hour": hours})
    found = made.profile("one.channel", "hour")
    assert found.groups[-1] == "nan"
    assert [len(made.select(where)) for where in found.wheres] == found.counts.tolist()
