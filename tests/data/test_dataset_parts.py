"""A data set whose parts do not fit together is refused when it is made, in one sentence."""

import numpy as np
import pytest
import torch

from cbam_core.data.dataset import Dataset
from cbam_core.data.dataset_parts import check_ids, check_images, check_labels
from cbam_core.errors import DataError

IMAGES = np.zeros((3, 8, 8, 3), np.uint8)
LABELS = np.array([0, 1, 1])


def made(images=IMAGES, labels=LABELS, ids=None, classes=("a", "b")):
    return Dataset("made", "", classes, images, labels, ids)


@pytest.mark.parametrize("images", [IMAGES, [*IMAGES], tuple(IMAGES), [IMAGES[0], IMAGES[1], IMAGES[2][:4]]])
def test_what_fits_together_is_a_data_set(images):
    assert len(made(images)) == len(made(images, None, classes=())) == 3
    assert made(images, LABELS.astype(np.uint8), ("x", "y", "z")).ids == ("x", "y", "z")
    assert len(made(IMAGES[:0], LABELS[:0])) == 0


@pytest.mark.parametrize(
    ("parts", "code", "said"),
    [
        ({"images": IMAGES.astype(np.float32)}, "data.images-kind", r"are float32 in the shape \(3, 8, 8, 3\)"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, "data.images-kind", r"are uint8 in the shape \(3, 3, 8, 8\)"),
        ({"images": IMAGES[0]}, "data.images-kind", "have to be a NumPy array of uint8"),
        ({"images": torch.zeros(3, 8, 8, 3)}, "data.images-kind", r"are Tensor of float32 in the shape"),
        ({"images": [IMAGES[0], IMAGES[1] / 2, IMAGES[2]]}, "data.image-kind", "image 1 of the data set is float64"),
        ({"images": [IMAGES[0], IMAGES[1], IMAGES[2, ..., 0]]}, "data.image-kind", "image 2 of the data set is uint8"),
        ({"images": ["a.png", "b.png", "c.png"]}, "data.image-kind", "image 0 of the data set is str"),
        ({"labels": LABELS[:2]}, "data.labels-count", "has 3 images and 2 labels; give one label for each"),
        (
            {"labels": np.array([0, 1, 2])},
            "data.labels-range",
            "image 2 has the label 2, and the data set has 2 classes",
        ),
        ({"labels": np.array([0, -1, 1])}, "data.labels-range", "image 1 has the label -1"),
        ({"classes": ()}, "data.labels-range", "the data set has 0 classes"),
        ({"ids": ("x", "y")}, "data.ids-count", r"has 3 images and 2 names of images \(ids\)"),
    ],
)
def test_what_does_not_fit_together_is_refused(parts, code, said):
    with pytest.raises(DataError, match=said) as refused:
        made(**parts)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("labels", "said"),
    [([0, 1, 1], "are list"), (LABELS / 1, "are float64 in"), (LABELS[:, None], r"are int64 in the shape \(3, 1\)")],
)
def test_labels_that_are_no_row_of_whole_numbers_are_refused(labels, said):
    with pytest.raises(
        DataError, match=f"the labels of the data set {said}.*; they have to be a NumPy array"
    ) as refused:
        check_labels(labels, 3, ("a", "b"))
    assert refused.value.code == "data.labels-kind"


def test_names_that_are_no_text_are_refused():
    with pytest.raises(DataError, match="3 is not a name of an image; ids have to be text") as refused:
        check_ids(("x", "y", 3), 3)
    assert refused.value.code == "data.ids-kind"


def test_two_images_of_one_name_are_refused():
    with pytest.raises(DataError, match="images 0 and 2 of the data set are both called 'x'; give each image a") as no:
        check_ids(("x", "y", "x"), 3)
    assert no.value.code == "data.double-id"


@pytest.mark.parametrize("given", [None, 5, "images", {}])
def test_what_is_no_sequence_of_images_is_refused(given):
    with pytest.raises(
        DataError, match=r"the images of the data set are \w+; they have to be an array, a list, or"
    ) as no:
        check_images(given)
    assert no.value.code == "data.images-kind"
