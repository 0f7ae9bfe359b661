"""Tables that are gathered shard by shard are those of all rows at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cbam_core.atlas import tables
from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import Rows, answers_of
from cbam_core.atlas.tables import OTHERS, ExtremeLists, GroupSums, Tables, read_digest, read_tables, write_tables
from cbam_core.errors import AtlasError
from tests.atlas.made_plan import PLAN

COUNT = 90
MANY = replace(PLAN, images=replace(PLAN.images, count=COUNT), shard_size=40)


def made_rows(plan: Plan = MANY, seed: int = 0) -> list[Rows]:
    """Rows of every shard of a plan; every seventh image could not be decoded."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(plan.shards):
        part = plan.rows(number)
        index = np.arange(part.start, part.stop)
        ok = index % 7 != 3
        logits = np.where(ok[:, None], random.normal(size=(len(index), 2)), np.nan).astype(np.float32)
        values = np.where(ok[:, None], random.normal(0.5, 0.1, (len(index), plan.width)), np.nan).astype(np.float16)
        labels = random.integers(-1, 2, len(index)).astype(np.int32)
        answers = answers_of(logits, ok)
        found.append(Rows(None, index, ok, labels, answers, answers.astype(np.float32), logits, values))
    return found


def together(rows: list[Rows], name: str) -> np.ndarray:
    return np.concatenate([getattr(one, name) for one in rows])


def test_sums_of_groups_are_those_of_their_images() -> None:
    rows, sums = made_rows(), GroupSums(MANY)
    for one in rows:
        sums.add(one)
    table = sums.table()
    labels, answers, ok, values = (together(rows, name) for name in ("labels", "answers", "ok", "values"))
    assert table.count.sum() == ok.sum()
    assert len(table.groups) == 6
    for (label, answer), count, total, squares in zip(
        table.groups, table.count, table.total, table.squares, strict=True
    ):
        chosen = values[ok & (labels == label) & (answers == answer)].astype(np.float64)
        assert count == len(chosen)
        np.testing.assert_allclose(total, chosen.sum(axis=0), rtol=1e-14)
        np.testing.assert_allclose(squares, np.square(chosen).sum(axis=0), rtol=1e-14)


def test_of_too_many_pairs_wrong_answers_are_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGEST_PAIRS", 0)
    rows, sums = made_rows(), GroupSums(MANY)
    for one in rows:
        sums.add(one)
    table = sums.table()
    assert table.groups.tolist() == [[-1, OTHERS], [0, OTHERS], [0, 0], [1, OTHERS], [1, 1]]
    labels, answers, ok = (together(rows, name) for name in ("labels", "answers", "ok"))
    assert table.count[1] == (ok & (labels == 0) & (answers != 0)).sum()
    assert table.count.sum() == ok.sum()


@pytest.mark.parametrize("most", [5, 1000])
def test_lists_have_the_ends_of_each_column_with_ties_by_number(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(tables, "FEWEST", 10)
    monkeypatch.setattr(tables, "LONGEST", most)
    rows = made_rows()
    for one in rows:
        np.round(one.values, 1, out=one.values)  # many ties
        one.values[:, 1] -= 1
        one.values[5:8, 2] = (0.0, -0.0, -np.inf)
    lists = ExtremeLists(MANY)
    for one in rows:
        lists.add(one)
    table = lists.table()
    ok, values = together(rows, "ok"), together(rows, "values")
    images = np.flatnonzero(ok)
    kept = min(most, len(images))
    for column in range(MANY.width):
        chosen = values[ok, column].astype(np.float64)
        low, top = np.argsort(chosen, kind="stable")[:kept], np.argsort(-chosen, kind="stable")[:kept]
        np.testing.assert_array_equal(table.top_images[:, column], images[top])
        np.testing.assert_array_equal(table.top_values[:, column], values[images[top], column])
        np.testing.assert_array_equal(table.low_images[:, column], images[low])
        np.testing.assert_array_equal(table.low_values[:, column], values[images[low], column])


def test_small_atlases_have_no_lists() -> None:
    lists = ExtremeLists(MANY)
    for one in made_rows():
        lists.add(one)
    assert lists.table().top_images.shape == (0, MANY.width)


def made_tables() -> Tables:
    from cbam_core.atlas.principal import PrincipalSums

    groups, extremes, principal = GroupSums(MANY), ExtremeLists(MANY), PrincipalSums(MANY)
    for one in made_rows():
        groups.add(one)
        extremes.add(one)
        principal.add(one)
    return Tables(MANY.digest, groups.table(), extremes.table(), principal.axes())


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    given = made_tables()
    write_tables(tmp_path / "tables.npz", given)
    back = read_tables(tmp_path / "tables.npz")
    assert back.digest == given.digest
    assert back.axes.count == given.axes.count
    for part in ("groups", "extremes", "axes"):
        for name, value in vars(getattr(given, part)).items():
            np.testing.assert_array_equal(getattr(getattr(back, part), name), value)


def test_damaged_tables_are_refused_and_have_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "tables.npz"
    assert read_digest(path) == ""
    write_tables(path, made_tables())
    assert read_digest(path) == MANY.digest
    path.write_bytes(path.read_bytes()[:200])
    assert read_digest(path) == ""
    with pytest.raises(AtlasError, match=r"tables\.npz is missing or damaged"):
        read_tables(path)
