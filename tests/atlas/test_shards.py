"""One shard: what is written is read, the same bytes every time, and nothing damaged or foreign is taken."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cbam_core.atlas.layout import shard_path, sheet_path
from cbam_core.atlas.plan import Plan, write_plan
from cbam_core.atlas.shards import (
    Shard,
    answers_of,
    missing_shards,
    probabilities_of,
    read_rows,
    shard_is_done,
    write_shard,
)
from cbam_core.atlas.sheets import blank_sheet
from cbam_core.errors import AtlasError
from tests.atlas.made_plan import PLAN


def made(plan: Plan = PLAN, number: int = 0) -> Shard:
    rows = plan.rows(number)
    count = rows.stop - rows.start
    random = np.random.default_rng(number)
    ok = np.arange(count) != 1
    return Shard(
        number=number,
        index=np.arange(rows.start, rows.stop),
        ids=[f"made:up/{index}" for index in range(rows.start, rows.stop)],
        ok=ok,
        labels=random.integers(0, 2, count).astype(np.int32),
        logits=np.where(ok[:, None], random.normal(size=(count, 2)), np.nan).astype(np.float32),
        values=np.where(ok[:, None], random.random((count, plan.width)), np.nan).astype(np.float16),
        sheet=np.full_like(blank_sheet(plan, number), 100),
    )


def test_rows_come_back_bit_for_bit(tmp_path: Path) -> None:
    for number in range(PLAN.shards):
        shard = made(number=number)
        write_shard(tmp_path, PLAN, shard)
        rows = read_rows(tmp_path, PLAN, number)
        assert rows.ids.to_pylist() == list(shard.ids)
        for name in ("index", "ok", "labels"):
            np.testing.assert_array_equal(getattr(rows, name), getattr(shard, name))
        np.testing.assert_array_equal(rows.values.view(np.uint16), shard.values.view(np.uint16))
        np.testing.assert_array_equal(rows.logits.view(np.uint32), shard.logits.view(np.uint32))
        assert rows.answers[1] == -1
        assert np.isnan(rows.confidence[1])


def test_the_same_shard_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_shard(tmp_path / name, PLAN, made())
    for path in (shard_path, sheet_path):
        assert path(tmp_path / "a", 0).read_bytes() == path(tmp_path / "b", 0).read_bytes()


def test_confidence_is_the_softmax_of_the_answer() -> None:
    logits = np.log(np.array([[1, 3], [9, 1]], np.float32))
    answers = answers_of(logits, np.array([True, True]))
    np.testing.assert_array_equal(answers, [1, 0])
    np.testing.assert_allclose(probabilities_of(logits, answers), [0.75, 0.9], rtol=1e-6)
    assert np.isnan(probabilities_of(logits, np.array([-1, 0], np.int32))[0])


def test_a_network_without_classes_has_no_answers() -> None:
    logits = np.empty((2, 0), np.float32)
    np.testing.assert_array_equal(answers_of(logits, np.array([True, True])), [-1, -1])
    assert np.isnan(probabilities_of(logits, np.array([-1, -1], np.int32))).all()


def test_a_shard_is_done_once_both_of_its_files_are_there(tmp_path: Path) -> None:
    assert missing_shards(tmp_path, PLAN) == [0, 1]
    write_shard(tmp_path, PLAN, made(number=1))
    assert missing_shards(tmp_path, PLAN) == [0]
    sheet_path(tmp_path, 1).unlink()
    assert not shard_is_done(tmp_path, PLAN, 1)


def test_a_shard_of_another_atlas_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, PLAN, made())
    with pytest.raises(AtlasError, match=r"part-00000\.parquet belongs to another atlas"):
        shard_is_done(tmp_path, replace(PLAN, torch="3"), 0)


def test_a_shard_under_another_number_is_refused(tmp_path: Path) -> None:
    plan = replace(PLAN, images=replace(PLAN.images, count=8))
    write_shard(tmp_path, plan, made(plan))
    for path in (shard_path, sheet_path):
        path(tmp_path, 0).rename(path(tmp_path, 1))
    with pytest.raises(AtlasError, match="other rows"):
        shard_is_done(tmp_path, plan, 1)


def test_a_cut_file_is_refused_at_once(tmp_path: Path) -> None:
    write_shard(tmp_path, PLAN, made())
    path = shard_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(AtlasError, match=r"part-00000\.parquet is missing or damaged .*; delete the file"):
        shard_is_done(tmp_path, PLAN, 0)


def test_a_flipped_bit_is_found_when_rows_are_read(tmp_path: Path) -> None:
    shard = made()
    write_shard(tmp_path, PLAN, shard)
    path = shard_path(tmp_path, 0)
    content = bytearray(path.read_bytes())
    column = np.ascontiguousarray(shard.values[:, 2]).tobytes()
    content[content.index(column)] ^= 1
    path.write_bytes(content)
    assert shard_is_done(tmp_path, PLAN, 0)
    with pytest.raises(AtlasError, match="damaged"):
        read_rows(tmp_path, PLAN, 0)


def test_other_tools_read_a_shard_in_one_line(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pandas = pytest.importorskip("pandas")
    shard = made()
    write_shard(tmp_path, PLAN, shard)
    path = shard_path(tmp_path, 0)
    frame = pandas.read_parquet(path)
    np.testing.assert_array_equal(frame["b1.spatial[1,2]"].to_numpy(), shard.values[:, -1])
    ((most,),) = duckdb.sql(f"""select max("b1.channel[2]") from '{path}' where ok""").fetchall()
    assert most == np.nanmax(shard.values[:, 2])


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    write_plan(tmp_path, PLAN)
    write_shard(tmp_path, PLAN, made())
    program = (
        "import sys; from pathlib import Path\n"
        "from cbam_core.atlas.plan import read_plan\n"
        "from cbam_core.atlas.shards import read_rows\n"
        f"folder = Path({str(tmp_path)!r}); print(read_rows(folder, read_plan(folder), 0).values.shape)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["(4, 10)", "False"], done.stderr


def test_a_shard_that_another_process_wrote_meanwhile_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path, PLAN, made())
    whole = shard_path(tmp_path, 0).read_bytes()
    replaced = Path.replace

    def vanished(part: Path, target: Path) -> Path:
        part.unlink()  # as a process does that has finished the same atlas
        return replaced(part, target)

    monkeypatch.setattr(Path, "replace", vanished)
    write_shard(tmp_path, PLAN, made())
    assert shard_path(tmp_path, 0).read_bytes() == whole
    with pytest.raises(FileNotFoundError):
        write_shard(tmp_path / "other", PLAN, made())
