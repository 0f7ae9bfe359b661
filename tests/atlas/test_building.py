"""Building: what is stored is what the network does; an interrupted build goes on; nothing foreign is built upon."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import nn

from cbam_core import Classifier
from cbam_core.atlas import layout, mapping, neighbours, planning
from cbam_core.atlas.building import build_atlas, build_steps
from cbam_core.atlas.finishing import is_finished
from cbam_core.atlas.layout import shard_path, sheet_path
from cbam_core.atlas.opening import open_atlas
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.planning import plan_atlas
from cbam_core.atlas.shard_work import compute_shard
from cbam_core.atlas.shards import read_rows
from cbam_core.atlas.sheets import read_sheet
from cbam_core.atlas.tables import read_tables
from cbam_core.atlas.verifying import check_atlas
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.errors import AtlasError, CbamError
from cbam_core.observing import observe


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of 30 images, so that a hundred have four."""
    monkeypatch.setattr(planning, "images_in_shard", lambda *given: 30)


def rows_of(folder: Path) -> np.ndarray:
    plan = read_plan(folder)
    return np.concatenate([read_rows(folder, plan, number).values for number in range(plan.shards)])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_stored_gates_are_those_of_the_forward(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path
) -> None:
    plan = read_plan(sample_atlas_folder)
    seen = observe(tiny_classifier, sample_images.images[:64])
    rows = read_rows(sample_atlas_folder, plan, 0)
    for gate, stored in zip(seen.gates, plan.gates, strict=True):
        assert (stored.name, stored.kind, stored.shape) == (gate.name, gate.kind, gate.values.shape[1:])
        expected = gate.values.reshape(64, -1).astype(np.float16)
        np.testing.assert_allclose(rows.values[:64, stored.columns], expected, atol=1e-3)
    np.testing.assert_allclose(rows.logits[:64], seen.logits, atol=1e-4)
    np.testing.assert_array_equal(rows.answers, rows.logits.argmax(axis=1))


@pytest.mark.parametrize("workers", [0, -1])
def test_too_few_workers_are_refused_before_any_forward(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, workers: int
) -> None:
    with pytest.raises(CbamError, match=f"workers has to be a whole number of at least 1, .* given {workers}"):
        build_atlas(tiny_classifier, sample_images, tmp_path / "atlas", workers=workers)
    assert not (tmp_path / "atlas").exists()


@pytest.mark.parametrize("size", [0, -1])
def test_shards_have_at_least_one_image(tiny_classifier: Classifier, sample_images: Dataset, size: int) -> None:
    with pytest.raises(AtlasError, match=f"shard_size has to be at least 1, a number of images; given {size}"):
        plan_atlas(tiny_classifier, sample_images, shard_size=size)


def test_a_description_names_network_images_and_places(tiny_classifier: Classifier, sample_atlas_folder: Path) -> None:
    plan = read_plan(sample_atlas_folder)
    assert (plan.network.name, plan.network.classes) == ("tiny", tiny_classifier.classes)
    assert len(plan.network.digest) == 64
    assert (plan.images.title, plan.images.count, plan.images.corruption) == ("cifar10:samples", 100, "")
    assert plan.gates[0].placement.cells == (16, 16)
    assert [gate.first for gate in plan.gates] == [0, 32, 288, 352, 416, 544]


def test_every_file_of_a_finished_atlas_is_there(sample_atlas_folder: Path) -> None:
    assert sorted(contents(sample_atlas_folder)) == [
        "atlas.json",
        "gates.f16",
        "images.parquet",
        "logits.f32",
        "pca.f32",
        "shards/part-00000.parquet",
        "tables.npz",
        "thumbnails/part-00000.jpg",
    ]
    assert is_finished(sample_atlas_folder, read_plan(sample_atlas_folder))


def test_the_rows_of_gates_and_logits_are_those_of_the_shards(sample_atlas_folder: Path) -> None:
    plan = read_plan(sample_atlas_folder)
    rows = read_rows(sample_atlas_folder, plan, 0)
    gates = np.fromfile(sample_atlas_folder / layout.GATES, np.float16).reshape(100, plan.width)
    logits = np.fromfile(sample_atlas_folder / layout.LOGITS, np.float32).reshape(100, 10)
    np.testing.assert_array_equal(gates, rows.values)
    np.testing.assert_array_equal(logits, rows.logits)


def test_the_table_of_images_has_the_probability_of_each_label(
    sample_images: Dataset, sample_atlas_folder: Path
) -> None:
    table = pq.read_table(sample_atlas_folder / layout.IMAGES).to_pydict()
    assert table["id"][17] == "cifar10:samples/17"
    np.testing.assert_array_equal(table["label"], sample_images.labels)
    logits = np.fromfile(sample_atlas_folder / layout.LOGITS, np.float32).reshape(100, 10).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(table["probability"], shares[np.arange(100), sample_images.labels], rtol=1e-5)
    np.testing.assert_allclose(table["confidence"], shares.max(axis=1), rtol=1e-5)


def test_thumbnails_show_the_images(sample_images: Dataset, sample_atlas_folder: Path) -> None:
    tiles = read_sheet(sheet_path(sample_atlas_folder, 0), 32)[:100]
    assert np.abs(tiles.astype(int) - sample_images.images).mean() < 3


def test_workers_steps_and_single_shards_give_the_same_bytes(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, small_shards: None
) -> None:
    one = build_atlas(tiny_classifier, sample_images, tmp_path / "one", workers=2)
    two = tmp_path / "two"
    steps = list(build_steps(tiny_classifier, sample_images, two))
    assert steps[0] == 0
    assert steps[-1] == 100
    assert contents(one) == contents(two)
    plan = read_plan(one)
    np.testing.assert_array_equal(
        compute_shard(tiny_classifier, sample_images, plan, 2).values, read_rows(one, plan, 2).values
    )


def test_an_interrupted_build_goes_on_where_it_was(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, small_shards: None
) -> None:
    whole = build_atlas(tiny_classifier, sample_images, tmp_path / "whole", workers=1)

    def stop(done: int) -> None:
        if done >= 60:
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        build_atlas(tiny_classifier, sample_images, cut, workers=1, report=stop)
    assert [path.name for path in sorted(cut.glob("shards/*"))] == ["part-00000.parquet", "part-00001.parquet"]
    assert not is_finished(cut, read_plan(cut))
    before = shard_path(cut, 0).stat().st_mtime_ns
    reported: list[int] = []
    build_atlas(tiny_classifier, sample_images, cut, workers=1, report=reported.append)
    assert reported[0] == 60
    assert shard_path(cut, 0).stat().st_mtime_ns == before
    assert contents(cut) == contents(whole)


def test_a_build_goes_on_in_shards_of_the_size_that_is_there(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(planning, "images_in_shard", lambda *given: 30)
        steps = build_steps(tiny_classifier, sample_images, tmp_path)
        while next(steps) < 60:
            pass
        steps.close()
    assert next(build_steps(tiny_classifier, sample_images, tmp_path)) == 60
    build_atlas(tiny_classifier, sample_images, tmp_path, workers=1)
    assert len(list(tmp_path.glob("shards/*.parquet"))) == 4


def test_a_finished_atlas_is_left_as_it_is(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample_atlas_folder.rglob("*")}
    assert list(build_steps(tiny_classifier, sample_images, sample_atlas_folder)) == [100]
    assert {path: path.stat().st_mtime_ns for path in sample_atlas_folder.rglob("*")} == before


@pytest.mark.parametrize("name", ["tables.npz", "gates.f16", "images.parquet"])
def test_a_missing_table_is_made_again_from_the_shards(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_atlas_folder, copy)
    (copy / name).unlink()
    build_atlas(tiny_classifier, sample_images, copy, workers=1)
    assert contents(copy) == contents(sample_atlas_folder)


def other_weights(classifier: Classifier) -> Classifier:
    import copy

    model = copy.deepcopy(classifier.model)
    with torch.no_grad():
        next(model.parameters()).add_(1e-3)
    return replace(classifier, model=model)


def test_what_killed_processes_were_writing_is_removed_at_the_end(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "atlas"
    shutil.copytree(sample_atlas_folder, place)
    (place / layout.TABLES).unlink()
    left = [place / "shards" / ".part-00000.parquet.a1.part", place / ".gates.f16.b2.part", place / ".pca.f32.c3.part"]
    for path in left:
        path.write_bytes(b"cut")
    os.utime(left[1], (0, 0))
    build_atlas(tiny_classifier, sample_images, place, workers=1)
    assert [path.exists() for path in left] == [False, False, True]  # somebody may still be writing the last one


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda net, images: (other_weights(net), images), "atlas.other-network"),
        (lambda net, images: (net, replace(images, labels=None)), "atlas.other-images"),
        (lambda net, images: (replace(net, std=(0.3, 0.3, 0.3)), images), "atlas.other-preparation"),
    ],
)
def test_an_atlas_of_something_else_is_not_built_upon(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, change, code: str
) -> None:
    net, images = change(tiny_classifier, sample_images)
    with pytest.raises(AtlasError, match="build into another folder, or replace it with --again") as refused:
        build_atlas(net, images, sample_atlas_folder, workers=1)
    assert refused.value.code == code


def test_another_version_does_not_build_upon_an_atlas(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning.torch, "__version__", "0.0")
    with pytest.raises(AtlasError, match="was built with version"):
        build_atlas(tiny_classifier, sample_images, sample_atlas_folder, workers=1)


def test_again_replaces_an_atlas_and_leaves_other_files(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_atlas_folder, copy)
    (copy / "metadata.csv").write_text("id,camera\n")
    few = replace(sample_images, images=sample_images.images[:5], labels=sample_images.labels[:5])
    build_atlas(tiny_classifier, few, copy, workers=1, again=True)
    assert read_plan(copy).count == 5
    assert (copy / "metadata.csv").read_text() == "id,camera\n"


def test_a_damaged_shard_is_named_and_not_used(
    tiny_classifier: Classifier, sample_images: Dataset, sample_atlas_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_atlas_folder, copy)
    (copy / "tables.npz").unlink()
    path = shard_path(copy, 0)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(AtlasError, match=r"part-00000\.parquet is missing or damaged"):
        build_atlas(tiny_classifier, sample_images, copy, workers=1)
    path.unlink()
    build_atlas(tiny_classifier, sample_images, copy, workers=1)
    assert contents(copy) == contents(sample_atlas_folder)


def test_images_that_cannot_be_decoded_are_marked_and_left_out(tiny_classifier: Classifier, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for number in range(6):
        place = folder / ("cat", "dog")[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 50, 3), 40 * number, np.uint8)).save(place)
    (folder / "cat" / "2.png").write_bytes(b"not an image")
    atlas = build_atlas(tiny_classifier, open_dataset(folder), tmp_path / "atlas", workers=1)
    table = pq.read_table(atlas / layout.IMAGES).to_pydict()
    assert table["id"] == ["cat/0.png", "cat/2.png", "cat/4.png", "dog/1.png", "dog/3.png", "dog/5.png"]
    assert table["ok"] == [True, False, True, True, True, True]
    assert table["label"] == [3, 3, 3, 5, 5, 5]  # numbered as the network's classes
    assert table["answer"][1] == -1
    values = np.fromfile(atlas / layout.GATES, np.float16).reshape(6, -1)
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2, 3, 4, 5]]).all()
    assert read_tables(atlas / layout.TABLES).groups.count.sum() == 5
    assert np.isnan(np.fromfile(atlas / layout.SCORES, np.float32).reshape(6, -1)[1]).all()


def test_images_without_labels_have_none(tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path) -> None:
    few = replace(sample_images, classes=(), images=sample_images.images[:4], labels=None)
    atlas = build_atlas(tiny_classifier, few, tmp_path / "atlas", workers=1)
    table = pq.read_table(atlas / layout.IMAGES).to_pydict()
    assert table["label"] == [-1] * 4
    assert np.isnan(table["probability"]).all()


def test_a_network_without_gates_or_a_set_without_images_is_said(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    plain = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)).eval()
    with pytest.raises(AtlasError, match="tiny has no gates for an atlas"):
        build_atlas(replace(tiny_classifier, model=plain), sample_images, tmp_path)
    none = replace(sample_images, images=sample_images.images[:0], labels=sample_images.labels[:0])
    with pytest.raises(AtlasError, match="no images in cifar10:samples"):
        build_atlas(tiny_classifier, none, tmp_path)


def test_gates_that_are_too_large_are_left_out_and_named(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LARGEST_GATE", 200)
    few = replace(sample_images, images=sample_images.images[:4], labels=sample_images.labels[:4])
    atlas = build_atlas(tiny_classifier, few, tmp_path / "atlas", workers=1)
    plan = read_plan(atlas)
    assert plan.left_out == ("cbam1.spatial",)
    assert rows_of(atlas).shape == (4, 560 - 256)


class Swelling(nn.Module):
    """A mask without a sigmoid, far beyond the range of float16."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 1, 1)
        self.head = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((x * (self.one(x) * 1e8)).mean((2, 3)) * 1e-8)


def test_numbers_beyond_float16_become_its_largest(sample_images: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Classifier(
        model=Swelling().eval(), classes=("a", "b"), mean=(0.5,) * 3, std=(0.25,) * 3, input_size=(32, 32), name="big"
    )
    few = replace(sample_images, images=sample_images.images[:4], labels=None)
    values = rows_of(build_atlas(net, few, tmp_path / "atlas", workers=1))
    assert np.isfinite(values).all()
    assert np.abs(values).max() == np.finfo(np.float16).max


class Overflowing(nn.Module):
    """Weights of channels that grow exponentially with the brightness of an image, and are infinite for white ones."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.one, self.head, self.most = nn.Linear(3, 3), nn.Linear(3, 2), most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = x.mean((1, 2, 3)) > 0.9
        swollen = torch.where(bright[:, None], self.most, torch.sigmoid(self.one(x.mean((2, 3)))))
        return self.head((x * swollen[:, :, None, None]).mean((2, 3)).clamp(-1, 1))


@pytest.mark.parametrize("most", [math.inf, 3e4, 1e30])
def test_an_atlas_with_a_huge_or_infinite_gate_of_one_image_answers(
    sample_images: Dataset, tmp_path: Path, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = Classifier(
        model=Overflowing(most).eval(),
        classes=("a", "b"),
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        input_size=(32, 32),
        name="n",
    )
    images = sample_images.images[:40].copy()
    images[5] = 255
    folder = build_atlas(net, replace(sample_images, images=images, labels=None), tmp_path / "atlas", workers=1)
    atlas = open_atlas(folder)
    assert check_atlas(folder) == ()
    values = atlas.contents.values.astype(np.float64)
    others = np.arange(40) != 5
    expected = math.inf if math.isinf(most) else min(most, 65504)
    assert np.allclose(values[5], expected, rtol=1e-3)
    assert (values[others] < 1).all()
    gate = atlas.gates[0].name
    found = atlas.top(gate, 1, n=1)
    if math.isinf(most):
        centred = values[others] - values[others].mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
        places = atlas.map().points
        assert np.isnan(places[5]).all()
        assert np.allclose(abs(places[others]), abs(centred @ axes.T), atol=1e-3)
        monkeypatch.setattr(mapping, "EXACT", 10)  # of many images, axes are not found anew
        monkeypatch.setattr(neighbours, "EXACT", 10)
        monkeypatch.setattr(neighbours, "SHORT", 5)
        large = open_atlas(folder)
        assert np.allclose(large.map().points, places, atol=1e-3, equal_nan=True)
        assert np.allclose(large.map().explained, atlas.map().explained, atol=1e-3)
        for image in (0, 4, 6, 39):
            assert large.neighbours(image, n=5).images.tolist() == atlas.neighbours(image, n=5).images.tolist()
        assert (found.images[0], found.left_out) == (values[others, 1].argmax() + (values[others, 1].argmax() > 4), 1)
    else:
        assert found.images[0] == 5


def test_gates_of_another_shape_are_named_with_it(sample_images: Dataset, tmp_path: Path) -> None:
    class Changing(nn.Module):
        """A mask that has another size for bright images."""

        def __init__(self) -> None:
            super().__init__()
            self.mask, self.head = nn.Conv2d(3, 1, 1), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x[..., : 16 if x.mean() > 0 else 32]
            return self.head((x * torch.sigmoid(self.mask(x))).mean((2, 3)))

    torch.manual_seed(0)
    net = Classifier(
        model=Changing().eval(), classes=("a", "b"), mean=(0.2,) * 3, std=(0.25,) * 3, input_size=(32, 32), name="net"
    )
    few = replace(sample_images, images=sample_images.images[:4], labels=None)
    with pytest.raises(AtlasError, match=r"images: \S+ \(32 x 16\), where a black image has \S+ \(32 x 32\)"):
        build_atlas(net, few, tmp_path / "atlas", workers=1)


@pytest.mark.parametrize("below", ["", "atlas"])
def test_a_file_in_the_place_of_the_folder_is_named(tiny_classifier: Classifier, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AtlasError, match=r"an atlas needs a folder of its own, and .*file is a file: name another"):
        build_atlas(tiny_classifier, open_dataset("samples"), tmp_path / "file" / below, again=True)
    assert (tmp_path / "file").read_text() == "mine"
