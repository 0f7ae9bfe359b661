import pytest
import torch

from cbam_core.weights.stored import DamagedError, checked_sides, extent, strided


def test_a_transposed_tensor_is_loaded_contiguous() -> None:
    memory = torch.arange(6, dtype=torch.float32)
    stored = strided(lambda: memoryview(memory.numpy().tobytes()), torch.float32, (3, 2), (1, 3))
    loaded = stored.load()
    assert torch.equal(loaded, memory.view(2, 3).T)
    assert loaded.is_contiguous()


@pytest.mark.parametrize("sides", ["23", [1.0], [-1], [True], [1] * 100, [1 << 70], None])
def test_sides_that_cannot_be_are_damage(sides: object) -> None:
    with pytest.raises(DamagedError):
        checked_sides(sides)


def test_extent_reaches_from_the_first_to_the_last_element() -> None:
    assert extent((2, 3), (3, 1)) == 6
    assert extent((2, 3), (0, 1)) == 3
    assert extent((2, 0), (1, 1)) == 0
    assert extent((), ()) == 1
