import numpy as np
import pytest

from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas


def mask_of(gate, values):
    """Mask of one image, by hand."""
    if gate.endswith("spatial"):
        return values
    mean = values.mean(axis=0)
    return {"full": mean, "row": mean.reshape(-1, 1), "column": mean.reshape(1, -1)}[gate.split(".")[1]]


@pytest.mark.parametrize("gate", ["one.spatial", "two.full", "two#2.row", "two#2.column"])
@pytest.mark.parametrize("where", [None, {"class": "cat"}, {"class": "cat", "answer": "dog"}, [0, 1, 7]], ids=str)
def test_a_mean_mask_is_the_mean_that_a_plain_loop_gives(gate, where):
    made = atlas()
    every = {image: mask_of(gate, made.values(gate)[image].astype(np.float64)) for image in range(60) if image != 7}
    chosen = [every[image] for image in made.select(where).tolist()]
    found = made.mask(gate, where)
    np.testing.assert_allclose(found.mean, np.mean(chosen, axis=0), atol=1e-12)
    np.testing.assert_allclose(found.deviation, np.std(chosen, axis=0), atol=1e-7)
    np.testing.assert_allclose(found.usual, np.mean(list(every.values()), axis=0), atol=1e-12)
    np.testing.assert_allclose(found.usual_deviation, np.std(list(every.values()), axis=0), atol=1e-7)
    np.testing.assert_allclose(found.against_usual, found.mean - found.usual)
    assert (found.count, found.usual_count) == (len(chosen), 59)


def test_the_mask_of_a_block_is_that_of_its_first_gate_with_positions():
    made = atlas()
    assert made.mask("one").gate == "one.spatial"
    assert made.mask("two").gate == "two.full"


def test_a_slice_without_images_has_no_mask():
    found = atlas().mask("one", where=[])
    assert found.count == 0
    assert found.mean.shape == (3, 5)
    assert np.isnan(found.mean).all()
    assert np.isnan(found.deviation).all()


def test_a_gate_without_positions_is_an_error_that_lists_those_with():
    with pytest.raises(
        AtlasError, match=r"one\.channel has no gate with rows and columns; those with are one\.spatial, "
    ):
        atlas().mask("one.channel")


def test_an_unknown_block_is_an_error_that_lists_the_blocks():
    with pytest.raises(AtlasError, match="unknown block 'three'; this atlas has one, two, two#2"):
        atlas().mask("three")
