import shutil

import numpy as np
import pytest

from cbam_core import open_atlas
from cbam_core.atlas import nearest, neighbours, preparing
from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.layout import NEAREST
from cbam_core.atlas.preparing import graph, is_prepared, nearest_in_sample, prepare, prepare_steps
from tests.atlas.made_atlas import atlas, contents


@pytest.fixture
def few(monkeypatch):
    """Counts sixty images as many, as if nobody could compare all of them."""
    monkeypatch.setattr(preparing, "EXACT", 40)
    monkeypatch.setattr(neighbours, "EXACT", 40)
    monkeypatch.setattr(neighbours, "SAMPLE", 40)
    monkeypatch.setattr(preparing, "BOUNDED", 40)
    monkeypatch.setattr(preparing, "REFERENCE", 25)


@pytest.fixture
def bounded(monkeypatch):
    """Counts sixty images as too many to compare in full, and few enough for bounds of their distances."""
    monkeypatch.setattr(preparing, "EXACT", 40)
    monkeypatch.setattr(neighbours, "EXACT", 40)
    monkeypatch.setattr(preparing, "REFERENCE", 25)


def test_the_nearest_are_stored_beside_an_atlas_and_read_again(sample_atlas_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(sample_atlas_folder, tmp_path / "copy")
    done = []
    made = prepare(open_atlas(folder), done.append)
    assert done[-1] == 100
    assert (folder / NEAREST).exists()
    monkeypatch.setattr(preparing, "prepare", None)
    again = graph(open_atlas(folder))
    assert np.array_equal(made.images, again.images)
    assert np.array_equal(made.distances, again.distances)


@pytest.mark.parametrize("damage", ["bytes", "digest"])
def test_a_file_that_is_damaged_or_of_another_atlas_is_made_again(sample_atlas_folder, tmp_path, damage):
    folder = shutil.copytree(sample_atlas_folder, tmp_path / "copy")
    expected = prepare(open_atlas(folder)).images
    if damage == "bytes":
        (folder / NEAREST).write_bytes(b"nothing")
    else:
        with np.load(folder / NEAREST) as arrays:
            np.savez(folder / NEAREST, **{**arrays, "digest": np.array("other"), "images": arrays["images"] * 0})
    assert np.array_equal(graph(open_atlas(folder)).images, expected)
    assert np.array_equal(graph(open_atlas(folder)).images, expected)


def test_of_many_images_the_nearest_are_looked_for_in_a_sample(few):
    made = atlas()
    found = graph(made)
    assert len(found.among) == 25
    rows = made.contents.values.astype(np.float64)
    for image in (0, 8, int(found.among[3])):
        others = [other for other in found.among.tolist() if other != image]
        expected = sorted(others, key=lambda other: (np.linalg.norm(rows[other] - rows[image]), other))[:10]
        assert found.images[image].tolist() == expected
    assert made.suspects().compared_with == 25


@pytest.mark.parametrize("count", [60, 600])
def test_one_image_with_huge_values_takes_no_digits_from_the_others(count):
    made = contents(count)
    made.values[:] *= np.float16(0.02)
    made.values[13] = np.finfo(np.float16).max
    found, usable = graph(Atlas(made)), np.flatnonzero(np.isfinite(made.values[:, 0]))
    rows = made.values.astype(np.float64)
    for image in (0, 8, count - 1):
        others = usable[usable != image]
        away = np.linalg.norm(rows[others] - rows[image], axis=1)
        first = np.argsort(away, kind="stable")[:10]
        assert found.images[image].tolist() == others[first].tolist()
        np.testing.assert_allclose(found.distances[image], away[first], rtol=1e-6)


@pytest.mark.parametrize("version", [None, 1])
def test_what_another_version_found_is_found_again(tmp_path, version):
    made = contents(folder=tmp_path, facts={"digest": "d" * 64})
    prepare(Atlas(made))
    there = dict(np.load(tmp_path / NEAREST))
    assert is_prepared(Atlas(made))
    del there["version"]
    np.savez(tmp_path / NEAREST, **there, **({} if version is None else {"version": np.array(version)}))
    assert not is_prepared(Atlas(made))


def test_by_bounds_of_distances_suspects_are_looked_for_among_all(bounded, monkeypatch):
    made = atlas()
    found, images, agreement = made.suspects(n=60), graph(made).images, made.class_agreement()
    assert made.recalled("bounds") is None  # what takes memory is let go of
    monkeypatch.setattr(preparing, "EXACT", 20_000)
    full = atlas()
    expected = full.suspects(n=60)
    assert found.compared_with == expected.compared_with == 59
    assert np.array_equal(images, graph(full).images)
    assert np.array_equal(found.outliers.images, expected.outliers.images)
    np.testing.assert_allclose(found.outliers.distances, expected.outliers.distances, rtol=1e-6)
    assert np.array_equal(found.doubtful.images, expected.doubtful.images)
    assert np.array_equal(found.doubtful.neighbours, expected.doubtful.neighbours)
    assert vars(agreement) == vars(full.class_agreement())
    assert (agreement.images, agreement.compared_with) == (59, 59)


def test_who_stops_early_leaves_nothing_that_takes_memory(bounded):
    made = atlas()
    steps = prepare_steps(made)
    next(steps)
    assert made.recalled("bounds") is not None
    steps.close()
    assert made.recalled("bounds") is None


def test_where_bounds_leave_too_many_to_compare_a_sample_is_looked_in(bounded, monkeypatch):
    monkeypatch.setattr(nearest, "AFFORDABLE", 1)
    made = atlas()
    assert made.suspects().compared_with == 25
    assert len(graph(made).among) == 25


def test_a_map_asks_for_the_neighbours_of_a_few_alone_unless_those_of_all_are_known(bounded, monkeypatch):
    made = atlas()
    images, near = nearest_in_sample(made, 12)
    assert made.recalled("graph") is None
    assert np.array_equal(near, graph(made).images[images])
    monkeypatch.setattr(preparing, "nearest_of", None)
    assert np.array_equal(nearest_in_sample(made, 12)[1], near)


def test_neighbours_in_a_sample_are_stored_and_read(bounded, sample_atlas_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(sample_atlas_folder, tmp_path / "copy")
    monkeypatch.setattr(preparing, "BOUNDED", 40)
    made = prepare(open_atlas(folder))
    assert len(made.among) == 25
    monkeypatch.setattr(preparing, "prepare", None)
    read = graph(open_atlas(folder))
    assert np.array_equal(read.among, made.among)
    assert np.array_equal(read.images, made.images)


def test_a_sample_of_many_images_does_not_need_all_of_them(few):
    made = atlas()
    images, near = nearest_in_sample(made, 12)
    assert len(images) == 12
    assert np.array_equal(near, graph(made).images[images])
    assert made.class_agreement().images == 40
    assert made.class_agreement().compared_with == 25
    assert (made.map().sample, made.map().compared_with) == (59, 25)


def test_neighbours_of_many_images_come_from_a_shortlist_by_principal_components(few, monkeypatch):
    plain = atlas()
    images = plain.select()
    rows = plain.contents.values[images].astype(np.float64)
    axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:20]
    scores = np.full((60, 20), np.nan, np.float32)
    scores[images] = (rows - rows.mean(axis=0)) @ axes.T
    made = atlas(scores=scores)
    monkeypatch.setattr(neighbours, "SHORT", 20)
    hits = 0
    for image in (0, 8, 59):
        found, expected = made.neighbours(image), plain.neighbours(image)
        assert not found.exact or found.images.tolist() == expected.images.tolist()
        assert image not in found.images
        assert 7 not in found.images
        hits += np.isin(found.images, expected.images).sum()
        away = np.linalg.norm(plain.contents.values[found.images].astype(float) - plain.contents.values[image], axis=1)
        np.testing.assert_allclose(found.distances, away, rtol=1e-6)
        assert made.neighbours(image, "one").exact
    assert hits >= 29


@pytest.mark.parametrize(("axes", "short", "exact"), [(45, 3, True), (2, 3, False), (2, 60, True)])
def test_neighbours_of_many_images_are_exact_where_components_prove_that_no_other_is_nearer(
    few, monkeypatch, axes, short, exact
):
    plain = atlas()
    images = plain.select()
    rows = plain.contents.values[images].astype(np.float64)
    directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:axes]
    scores = np.full((60, len(directions)), np.nan, np.float32)
    scores[images] = (rows - rows.mean(axis=0)) @ directions.T
    monkeypatch.setattr(neighbours, "SHORT", short)
    found, expected = atlas(scores=scores).neighbours(8), plain.neighbours(8)
    assert found.exact == exact
    assert (found.images.tolist() == expected.images.tolist()) == exact
