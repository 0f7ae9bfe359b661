import numpy as np
import pytest

from cbam_core.atlas.suspects import probabilities
from tests.atlas.made_atlas import atlas


def nearest(made, image, k=10):
    rows = made.contents.values.astype(np.float64)
    others = [other for other in range(60) if made.ok[other] and other != image]
    return sorted(others, key=lambda other: (np.linalg.norm(rows[other] - rows[image]), other))[:k]


def test_outliers_are_farthest_from_their_tenth_neighbour():
    made = atlas()
    rows = made.contents.values.astype(np.float64)
    away = {image: np.linalg.norm(rows[image] - rows[nearest(made, image)[-1]]) for image in made.select().tolist()}
    found = made.suspects(n=5).outliers
    assert found.images.tolist() == sorted(away, key=lambda image: -away[image])[:5]
    np.testing.assert_allclose(found.distances, [away[image] for image in found.images], rtol=1e-6)
    assert found.usual == pytest.approx(np.median(list(away.values())))
    assert found.k == 10


def test_doubtful_labels_are_doubted_by_the_answer_and_by_the_neighbours():
    made = atlas()
    expected = {}
    for image in made.select({"right": False}).tolist():
        labels = made.labels[nearest(made, image)]
        own, other = (labels == made.labels[image]).mean(), (labels == made.answers[image]).mean()
        chances = np.exp(made.logits[image].astype(np.float64))
        chances /= chances.sum()
        if other > own:
            expected[image] = (chances[made.labels[image]], own, chances[made.answers[image]], other)
    found = made.suspects(n=100)
    assert found.doubtful_count == len(expected) > 0
    doubtful = found.doubtful
    order = sorted(expected, key=lambda image: sum(expected[image][:2]))
    assert doubtful.images.tolist() == order
    numbers = (doubtful.probability, doubtful.neighbours, doubtful.suggested_probability, doubtful.suggested_neighbours)
    np.testing.assert_allclose(np.transpose(numbers), [expected[image] for image in order], rtol=1e-6)
    assert doubtful.labels.tolist() == made.labels[order].tolist()
    assert doubtful.suggested.tolist() == made.answers[order].tolist()


def test_a_wrong_label_in_the_middle_of_another_class_is_found():
    count = 60
    labels = np.repeat([0, 1, 2], 20).astype(np.int32)
    values = np.random.default_rng(0).normal(0, 0.01, (count, 45)) + labels[:, None]
    logits = 5 * np.eye(3, dtype=np.float32)[labels]
    wrong = labels.copy()
    wrong[4] = 2
    made = atlas(
        labels=wrong,
        values=values.astype(np.float16),
        logits=logits,
        answers=labels,
        confidence=np.ones(60, np.float32),
    )
    assert made.contents.values.shape[1] == made.gates[-1].columns.stop
    found = made.suspects().doubtful
    assert found.images.tolist() == [4]
    assert found.suggested_neighbours.tolist() == [1]
    assert found.neighbours.tolist() == [0]


def test_fewer_suspects_are_shown_than_there_are():
    made = atlas()
    found = made.suspects(n=2)
    assert len(found.outliers.images) == 2
    assert len(found.doubtful.images) == 2 < found.doubtful_count


def test_without_labels_there_are_outliers_alone():
    found = atlas(labels=np.full(60, -1, np.int32)).suspects()
    assert found.doubtful is None
    assert found.doubtful_count == 0
    assert len(found.outliers.images) == 20


def test_a_single_image_is_no_outlier():
    found = atlas(count=1).suspects()
    assert found.outliers.images.size == 0


def test_probabilities_of_great_logits_do_not_overflow():
    np.testing.assert_allclose(probabilities(np.array([[1000.0, 1000.0], [-1000.0, 0.0]])), [[0.5, 0.5], [0, 1]])
