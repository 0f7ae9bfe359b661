import numpy as np
import pytest

from cbam_core.atlas import rows
from tests.atlas.made_atlas import atlas

COLUMNS = slice(3, 20)


@pytest.fixture(params=[1 << 24, 0], ids=["kept", "not-kept"])
def made(request, monkeypatch):
    monkeypatch.setattr(rows, "KEPT", request.param)
    return atlas()


@pytest.mark.parametrize("images", [None, [], [4], [4, 5, 6], [6, 5, 4], [1, 3, 3, 59], [2, 3, 5, 4]], ids=str)
def test_rows_are_those_of_the_file_as_float32(made, images):
    chosen = None if images is None else np.array(images, np.int64)
    found = rows.read(made, COLUMNS, chosen)
    expected = made.contents.values[:, COLUMNS] if images is None else made.contents.values[images][:, COLUMNS]
    assert found.dtype == np.float32
    assert np.array_equal(found, expected.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("most", [1, 17, 100, 1 << 20])
def test_parts_put_together_are_the_whole(made, most):
    images = np.array([5, 9, 2, 40, 41, 42], np.int64)
    parts = list(rows.in_parts(made, COLUMNS, images, most))
    assert np.concatenate([part for part, _ in parts]).tolist() == list(range(6))
    assert np.array_equal(np.concatenate([values for _, values in parts]), rows.read(made, COLUMNS, images))
    assert all(values.size <= max(most, 17) for _, values in parts)


def test_values_of_a_small_atlas_are_converted_once(monkeypatch):
    made = atlas()
    assert np.shares_memory(rows.read(made, COLUMNS), rows.read(made, COLUMNS))
    monkeypatch.setattr(rows, "KEPT", 0)
    assert not np.shares_memory(rows.read(made, COLUMNS), rows.read(made, COLUMNS))
