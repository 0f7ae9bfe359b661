"""Building again: what was lost, cut, out of reach or left by killed builds, and folders that may not be built into."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cbam_core import Classifier
from cbam_core.atlas.building import build_atlas, build_steps
from cbam_core.atlas.layout import GATES, shard_path, sheet_path
from cbam_core.data.dataset import Dataset, open_dataset, thinned
from cbam_core.errors import AtlasError
from cbam_core.steps import finished


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("lost", [shard_path, sheet_path])
def test_a_part_of_a_finished_atlas_that_is_lost_or_cut_is_computed_again(
    lost: Callable[[Path, int], Path],
    tiny_classifier: Classifier,
    sample_images: Dataset,
    tmp_path: Path,
) -> None:
    atlas = finished(build_steps(tiny_classifier, sample_images, tmp_path / "atlas", shard_size=64))
    whole = contents(atlas)
    lost(atlas, 1).unlink()
    build_atlas(tiny_classifier, sample_images, atlas, workers=1)
    assert contents(atlas) == whole
    sheet_path(atlas, 0).write_bytes(sheet_path(atlas, 0).read_bytes()[:100])
    build_atlas(tiny_classifier, sample_images, atlas, workers=1)
    assert contents(atlas) == whole


def photos_in(folder: Path, images: Dataset, count: int) -> Path:
    folder.mkdir()
    for number, pixels in enumerate(images.images[:count]):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_an_atlas_among_its_own_images_is_refused(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    photos = photos_in(tmp_path / "photos", sample_images, 2)
    with pytest.raises(AtlasError, match=r"would lie in the folder of its images, .*photos, .* with --out"):
        build_atlas(tiny_classifier, thinned(open_dataset(photos), 1), photos / "further" / "atlas")
    assert len(list(photos.iterdir())) == 2


def test_images_out_of_reach_stop_a_build_and_are_not_marked_as_damaged(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = photos_in(tmp_path / "photos", sample_images, 70)
    dataset, place = open_dataset(photos), tmp_path / "atlas"
    steps = build_steps(tiny_classifier, dataset, place, shard_size=64)
    assert [next(steps), next(steps)] == [0, 64]
    photos.rename(tmp_path / "away")
    with pytest.raises(AtlasError, match=r"no file .*\.png; .* build the atlas again: it goes on where it was"):
        next(steps)
    (tmp_path / "away").rename(photos)
    kept = shard_path(place, 0).stat().st_mtime_ns
    opened = Path.open

    def failing(path: Path, *given: Any, **named: Any) -> Any:
        if path.parent == photos:
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return opened(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        with pytest.raises(AtlasError, match="Too many open files"):
            build_atlas(tiny_classifier, dataset, place, workers=1)
    build_atlas(tiny_classifier, dataset, place, workers=1)
    assert shard_path(place, 0).stat().st_mtime_ns == kept
    assert np.isfinite(np.fromfile(place / GATES, np.float16)).all()


def test_what_killed_builds_left_goes_with_the_atlas_or_once_it_is_old(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    few = replace(sample_images, images=sample_images.images[:2], labels=sample_images.labels[:2])
    atlas = build_atlas(tiny_classifier, few, tmp_path / "atlas", workers=1)
    left = [atlas / name for name in (".gates.f16.a.part", ".nearest.npz.b.part", "shards/.part-00000.parquet.c.part")]
    for path in left:
        path.write_bytes(b"half")
    os.utime(left[1], (0, 0))
    build_atlas(tiny_classifier, few, atlas, workers=1)
    assert [path.exists() for path in left] == [True, False, False]
    build_atlas(tiny_classifier, few, atlas, workers=1, again=True)
    assert not left[0].exists()
