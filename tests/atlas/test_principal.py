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


def test_a_column_that_is_not_finite_is_in_no_axis() -> None:
    rows = made_rows()
    rows[1].values[2, 4] = np.inf
    found = axes_of(rows)
    assert (found.axes[:, 4] == 0).all()
    assert found.mean[4] == 0
    assert np.isfinite(Projection(found)(together(rows, "values"))[together(rows, "ok")]).all()


def test_wide_atlases_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principal, "WIDEST", 1)
    monkeypatch.setattr(principal, "SAMPLED", 30)
    rows = made_rows()
    chosen = together(rows, "ok") & (np.arange(len(together(rows, "ok"))) % 3 == 0)
    assert axes_of(rows).count == chosen.sum()


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
