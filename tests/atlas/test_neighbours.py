import numpy as np
import pytest

from cbam_core.atlas.preparing import graph
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas


def by_hand(made, image, block=None):
    """All other images with their distances, the nearest first."""
    columns = np.concatenate([np.arange(gate.columns.start, gate.columns.stop) for gate in made.gates_of(block)])
    rows = made.contents.values[:, columns].astype(np.float64)
    away = {other: np.linalg.norm(rows[other] - rows[image]) for other in range(len(made)) if made.ok[other]}
    del away[image]
    return sorted(away.items(), key=lambda entry: (entry[1], entry[0]))


@pytest.mark.parametrize("block", [None, "one", "two", "two#2", "one.channel", "two#2.column"])
@pytest.mark.parametrize("image", [0, 8, 59])
def test_neighbours_are_those_that_comparing_with_every_image_gives(image, block):
    made = atlas()
    expected = by_hand(made, image, block)[:6]
    found = made.neighbours(image, block, n=6)
    assert found.images.tolist() == [other for other, _ in expected]
    np.testing.assert_allclose(found.distances, [distance for _, distance in expected], rtol=1e-12)
    assert found.exact
    assert found.same_class == np.mean([made.labels[other] == made.labels[image] for other, _ in expected])


def test_an_image_is_known_by_its_id_too():
    made = atlas()
    assert made.neighbours("made:test/8").images.tolist() == made.neighbours(8).images.tolist()
    with pytest.raises(AtlasError, match="no image of this atlas is called 'made:test/99'"):
        made.neighbours("made:test/99")
    with pytest.raises(AtlasError, match="the number of an image, or its id"):
        made.neighbours(1.5)


def test_an_image_is_not_its_own_neighbour_and_its_copies_are():
    values = atlas().contents.values.copy()
    values[[3, 20, 41]] = values[5]
    found = atlas(values=values).neighbours(5, n=4)
    assert found.images[:3].tolist() == [3, 20, 41]
    assert found.distances[:3].tolist() == [0, 0, 0]
    assert found.distances[3] > 0


def test_without_labels_no_share_of_a_class_is_said():
    assert atlas(labels=np.full(60, -1, np.int32)).neighbours(0).same_class is None
    assert atlas(labels=np.full(60, -1, np.int32)).class_agreement() is None


def test_fewer_images_than_asked_for_are_all_others():
    assert atlas(count=4).neighbours(1).images.size == 3
    assert atlas(count=1).neighbours(0).images.size == 0
    assert atlas(count=1).neighbours(0).same_class is None


@pytest.mark.parametrize("image", [7, 60, -1])
def test_an_image_without_gates_is_an_error(image):
    with pytest.raises(AtlasError, match="images are numbered from 0 to 59"):
        atlas().neighbours(image)


def test_the_nearest_of_every_image_are_its_neighbours():
    made = atlas()
    found = graph(made)
    assert len(found.among) == 59
    for image in range(60):
        if image == 7:
            assert (found.images[image] == -1).all()
            continue
        expected = by_hand(made, image)[:10]
        assert found.images[image].tolist() == [other for other, _ in expected]
        np.testing.assert_allclose(found.distances[image], [distance for _, distance in expected], rtol=1e-6)


def test_agreement_with_the_class_is_that_of_a_plain_loop():
    made = atlas()
    shares = [
        np.mean([made.labels[other] == made.labels[image] for other, _ in by_hand(made, image)[:10]])
        for image in range(60)
        if image != 7
    ]
    found = made.class_agreement()
    counts = np.bincount(made.labels[made.ok])
    assert found.share == pytest.approx(np.mean(shares))
    assert found.chance == pytest.approx(((counts / 59) ** 2).sum())
    assert found.images == 59
