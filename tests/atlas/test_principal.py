"""Principal axes are those of numpy's decomposition of all rows at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cbam_core.atlas import principal
from cbam_core.atlas.principal import PrincipalSums, Projection
from cbam_core.atlas.shards import Rows
from cbam_core.atlas.tables import PrincipalAxes
from tests.atlas.test_tables import MANY, made_rows, together


def axes_of(rows: list[Rows]) -> PrincipalAxes:
    sums = PrincipalSums(MANY)
    for one in rows:
        sums.add(one)
    return sums.axes()


def expected(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes and their shares of the variance, by a singular value decomposition."""
    wide = values.astype(np.float64)
    _, strengths, axes = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)
    largest = np.take_along_axis(axes, abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.sign(largest), strengths**2 / (strengths**2).sum()


@pytest.mark.parametrize("widest", [10, 9])
def test_axes_are_those_of_a_decomposition(monkeypatch: pytest.MonkeyPatch, widest: int) -> None:
    monkeypatch.setattr(principal, "_COLUMNS", 3)
    monkeypatch.setattr(principal, "WIDEST", widest)  # 10 columns: by their covariance, or by products of rows
    rows = made_rows()
    for one in rows:
        one.values[:] = one.values * np.linspace(1, 5, 10, dtype=np.float16)
    found = axes_of(rows)
    values = together(rows, "values")[together(rows, "ok")]
    axes, share = expected(values)
    assert found.count == len(values)
    np.testing.assert_allclose(found.mean, values.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.share, share, rtol=1e-4)
    np.testing.assert_allclose(found.axes, axes, atol=1e-3)


def test_coordinates_lie_along_the_axes_and_unread_images_have_none() -> None:
    rows = made_rows()
    found = axes_of(rows)
    values, ok = together(rows, "values"), together(rows, "ok")
    places = Projection(found)(values)
    assert np.isnan(places[~ok]).all()
    np.testing.assert_allclose(
        places[ok], (values[ok].astype(np.float64) - found.mean) @ found.axes.T.astype(np.float64), atol=1e-5
    )
    np.testing.assert_allclose(places[ok].var(axis=0) / found.share, places[ok].var(axis=0).sum(), rtol=1e-3)


@pytest.mark.parametrize("widest", [10, 9])
def test_a_column_that_is_finite_in_few_images_is_in_no_axis(monkeypatch: pytest.MonkeyPatch, widest: int) -> None:
    monkeypatch.setattr(principal, "WIDEST", widest)
    rows = made_rows()
    for one in rows:
        one.values[: len(one) * 3 // 4, 4] = np.nan
    found = axes_of(rows)
    assert (found.axes[:, 4] == 0).all()
    assert found.mean[4] == 0
    assert np.isfinite(Projection(found)(together(rows, "values"))[together(rows, "ok")]).all()


@pytest.mark.parametrize("widest", [10, 9])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_image_that_is_not_finite_changes_no_axis(
    monkeypatch: pytest.MonkeyPatch, widest: int, number: float
) -> None:
    monkeypatch.setattr(principal, "WIDEST", widest)
    rows, without = made_rows(), made_rows()
    for place, one in ((4, rows[0]), (2, rows[1]), (3, rows[2])):
        one.values[place, :8] = number
    for place, one in ((4, without[0]), (2, without[1]), (3, without[2])):
        one.ok[place] = False
    found, expected = axes_of(rows), axes_of(without)
    assert found.count == expected.count
    for name in ("mean", "axes", "share"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6)
    assert not np.isfinite(Projection(found)(rows[1].values)[2]).any()


@pytest.mark.parametrize("widest", [10, 9])
def test_large_atlases_are_sampled(monkeypatch: pytest.MonkeyPatch, widest: int) -> None:
    monkeypatch.setattr(principal, "WIDEST", widest)
    monkeypatch.setattr(principal, "SAMPLED" if widest == 10 else "KEPT", 40)
    monkeypatch.setattr(principal, "_AT_ONCE", 16)
    rows = made_rows()
    count = len(together(rows, "ok"))
    chosen = together(rows, "ok") & principal._sampled(np.arange(count), 40 / count)
    found = axes_of(rows)
    values = together(rows, "values")[chosen].astype(np.float64)
    assert 30 < found.count == len(values) <= 41 < count
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.share, expected(values)[1], rtol=1e-3)


@pytest.mark.parametrize("rhythm", [2, 3, 10, 128, 245])
def test_a_sample_is_even_in_each_part_of_a_set_and_in_sets_with_a_rhythm(rhythm: int) -> None:
    index, share = np.arange(100_000), 0.04
    chosen = principal._sampled(index, share)
    assert abs(int(chosen.sum()) - 4000) <= 1
    halves = chosen[:50_000].sum(), chosen[50_000:].sum()
    assert abs(int(halves[0]) - int(halves[1])) <= 2
    by_phase = np.bincount(index[chosen] % rhythm, minlength=rhythm)
    assert by_phase.max() - by_phase.min() <= 0.2 * by_phase.mean() + 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_have_few_axes(count: int) -> None:
    plan = replace(MANY, images=replace(MANY.images, count=40))
    (rows,) = made_rows(plan)
    rows.ok[:] = np.arange(40) < count
    found = axes_of([rows])
    assert found.axes.shape == (max(0, count - 1), 10)
    assert np.isfinite(found.mean).all()


def test_gates_that_never_change_have_no_axes() -> None:
    rows = made_rows()
    for one in rows:
        one.values[:] = 0.5
    assert axes_of(rows).axes.shape == (0, 10)
