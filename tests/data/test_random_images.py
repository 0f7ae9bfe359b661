"""Images drawn from a data set, and the sentence that says how."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.data.dataset import Dataset, samples
from cbam_core.data.random_images import random_images
from cbam_core.errors import DataError

UNLABELLED = Dataset("photos", "", (), np.zeros((5, 4, 4, 3), np.uint8), None)


def test_the_same_seed_draws_the_same_images_and_another_draws_others() -> None:
    first, again, other = (random_images(samples(), 8, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.indices, again.indices)
    assert not np.array_equal(first.indices, other.indices)
    assert len(set(first.indices.tolist())) == 8
    assert all(
        np.array_equal(samples().images[at], image) for at, image in zip(first.indices, first.images, strict=True)
    )


def test_a_class_is_drawn_from_alone_and_the_rule_says_so() -> None:
    drawn = random_images(samples(), 8, seed=3, of="cat")
    assert drawn.truths == ("cat",) * 8
    assert set(samples().labels[drawn.indices]) == {samples().classes.index("cat")}
    assert str(drawn.rule) == "8 images drawn with seed 3 from class cat of cifar10:samples."


def test_every_image_is_drawn_as_often_as_any_other() -> None:
    drawn = [index for seed in range(400) for index in random_images(UNLABELLED, 2, seed=seed).indices]
    assert np.bincount(drawn) == pytest.approx(np.full(5, 160), abs=4 * np.sqrt(160 * 0.6))


def test_images_without_labels_have_no_truths() -> None:
    drawn = random_images(UNLABELLED, 5)
    assert (drawn.truths, drawn.indices.tolist()) == ((None,) * 5, [0, 1, 2, 3, 4])
    assert str(drawn.rule) == "5 images drawn with seed 0 from photos."


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (0, {}, "0 images cannot be drawn with seed 0 from cifar10:samples, which has 100"),
        (11, {"of": "cat"}, "from class cat of cifar10:samples, which has 10; ask for 1 to 10"),
        (1, {"seed": -1}, "seed of at least 0"),
        (1, {"of": "lion"}, "has no class 'lion'; choose one of airplane"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(count: int, options: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        random_images(samples(), count, **options)
