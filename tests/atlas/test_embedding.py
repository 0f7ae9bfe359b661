import sys
from importlib.util import find_spec

import numpy as np
import pytest

from cbam_core import open_atlas
from cbam_core.atlas import embedding, preparing
from cbam_core.atlas.embedding import BEGUN, compute_tsne, threads_for, tsne_steps
from cbam_core.atlas.layout import MAP
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas, gates

pytestmark = pytest.mark.skipif(find_spec("openTSNE") is None, reason="openTSNE is not installed")


def grouped():
    """Sixty images in three groups far from each other."""
    draws = np.random.default_rng(0)
    values = draws.normal(0, 0.01, (60, gates()[-1].columns.stop)) + 0.3 * draws.integers(0, 2, (3, 1, 45)).repeat(
        20, axis=1
    ).reshape(60, 45)
    return atlas(values=values.astype(np.float16), labels=np.repeat(np.arange(3), 20).astype(np.int32))


def test_groups_of_images_stay_together_on_the_map():
    made = grouped()
    shares = []
    found = compute_tsne(made, shares.append)
    assert found.method == "tsne"
    assert found.points.shape == (60, 2)
    centres = np.array([found.points[group : group + 20].mean(axis=0) for group in (0, 20, 40)])
    nearest = np.linalg.norm(found.points[:, None] - centres, axis=2).argmin(axis=1)
    assert nearest.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert found.kept > made.map("pca").kept
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, pytest.approx(0.95))
    assert made.map("tsne") is found


def test_the_same_atlas_gives_the_same_map_and_images_that_were_not_read_have_no_place():
    first, second = compute_tsne(atlas()), compute_tsne(atlas())
    assert np.array_equal(first.points, second.points, equal_nan=True)
    assert np.flatnonzero(np.isnan(first.points).any(axis=1)).tolist() == [7]


def test_a_map_is_stored_beside_its_atlas(sample_atlas_folder, tmp_path):
    import shutil

    folder = shutil.copytree(sample_atlas_folder, tmp_path / "copy")
    made = compute_tsne(open_atlas(folder))
    again = open_atlas(folder).map("tsne")
    assert np.array_equal(made.points, again.points)
    assert (made.kept, made.sample) == (again.kept, again.sample)
    (folder / MAP).write_bytes(b"nothing")
    with pytest.raises(AtlasError, match=r"tsne\.npz is damaged, or of another atlas; run: cbam atlas map .* --tsne"):
        open_atlas(folder).map("tsne")


def test_a_map_that_is_stopped_leaves_none():
    made = atlas()
    steps = tsne_steps(made)
    told = [next(steps) for _ in range(5)]
    assert told == pytest.approx([0.0, BEGUN * 59 / 60, BEGUN, BEGUN + 0.85 / 30, BEGUN + 0.85 * 2 / 30])
    steps.close()
    with pytest.raises(AtlasError, match="not computed yet"):
        made.map("tsne")


def test_neighbours_are_found_in_steps_so_that_they_can_be_stopped_too(monkeypatch):
    monkeypatch.setattr(preparing, "ROWS", 10)
    made = atlas()
    steps = tsne_steps(made)
    begun = [next(steps) for _ in range(8)]
    assert begun == sorted(begun)
    assert begun[-2] < begun[-1] == BEGUN  # six parts of at most ten images before
    steps.close()
    whole = compute_tsne(made)
    monkeypatch.undo()
    assert np.array_equal(whole.points, compute_tsne(atlas()).points, equal_nan=True)


@pytest.mark.parametrize("exact", [20_000, 40], ids=["compared in full", "by bounds"])
def test_affinities_are_those_that_opentsne_finds_by_comparing_all(monkeypatch, exact):
    monkeypatch.setattr(preparing, "EXACT", exact)
    made, kept = atlas(), []
    affinity = pytest.importorskip("openTSNE.affinity")
    plain = affinity.PerplexityBasedNN

    def keeping(**given):
        kept.append(plain(**given))
        return kept[-1]

    monkeypatch.setattr(affinity, "PerplexityBasedNN", keeping)
    steps = tsne_steps(made)
    while next(steps) < BEGUN:
        pass
    steps.close()
    rows = made.contents.values[made.select()].astype(np.float64)
    expected = plain(rows, perplexity=(59 - 1) / 3, method="exact")
    np.testing.assert_allclose(kept[0].P.toarray(), expected.P.toarray(), rtol=1e-4, atol=1e-9)


def test_of_more_images_than_can_all_be_compared_opentsne_finds_the_neighbours(monkeypatch):
    for name, number in (("EXACT", 40), ("BOUNDED", 40), ("REFERENCE", 25)):
        monkeypatch.setattr(preparing, name, number)
    steps = tsne_steps(atlas())
    assert [next(steps), next(steps)] == [0.0, BEGUN]
    steps.close()


def test_the_time_to_expect_is_in_proportion_to_images_and_to_the_fastest_probe_of_this_machine(monkeypatch):
    assert 3 < embedding.expected_seconds(10_000) < 3_000  # 43 s on an idle core
    for slower in (1.0, 4.0):
        probes = iter([0.02 * slower, 0.013 * slower, 0.05 * slower] * 2)
        monkeypatch.setattr(embedding, "_probe", lambda probes=probes: next(probes))
        assert embedding.expected_seconds(10_000) == pytest.approx(42.9 * slower)
        assert embedding.expected_seconds(1_000) == pytest.approx(4.29 * slower)


@pytest.mark.parametrize(("images", "threads"), [(60, 1), (999, 1), (1000, 2), (10_000, 4)])
def test_there_is_a_thread_for_every_five_hundred_images_and_no_more_than_asked_for(images, threads):
    assert threads_for(images, most=4) == threads


def test_without_opentsne_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(
        AtlasError, match=r"needs openTSNE, which is not installed; run: pip install 'cbam-lens\[tsne\]'"
    ):
        compute_tsne(atlas())


def test_a_few_images_are_not_laid_out():
    with pytest.raises(AtlasError, match="t-SNE needs at least 10 images; there are 5"):
        compute_tsne(atlas(count=5))
