import numpy as np
import pytest

from cbam_core import open_atlas
from cbam_core.atlas import principal
from cbam_core.atlas.building import build_atlas
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas


def test_a_map_by_principal_components_is_that_of_a_singular_value_decomposition():
    made = atlas()
    images = made.select()
    rows = made.contents.values[images].astype(np.float64)
    rows -= rows.mean(axis=0)
    _, lengths, axes = np.linalg.svd(rows, full_matrices=False)
    found = made.map()
    assert np.isnan(found.points[7]).all()
    for axis in range(2):
        expected = rows @ axes[axis]
        sign = np.sign(axes[axis][np.abs(axes[axis]).argmax()])
        np.testing.assert_allclose(found.points[images, axis], sign * expected, atol=1e-5)
        assert found.explained[axis] == pytest.approx((lengths**2)[axis] / (lengths**2).sum())


def test_the_share_of_kept_neighbours_is_that_of_a_plain_loop():
    made = atlas()
    found = made.map()
    images = made.select().tolist()
    rows = made.contents.values.astype(np.float64)

    def nearest(places, image):
        others = [other for other in images if other != image]
        return set(sorted(others, key=lambda other: np.linalg.norm(places[other] - places[image]))[:10])

    shares = [len(nearest(rows, image) & nearest(found.points, image)) / 10 for image in images]
    assert found.kept == pytest.approx(np.mean(shares))
    assert found.sample == 59


def test_a_map_of_one_image_is_a_point():
    found = atlas(count=1).map()
    assert found.points.tolist() == [[0, 0]]
    assert np.isnan(found.kept)


def test_a_map_that_was_not_computed_says_how_to():
    with pytest.raises(AtlasError, match="cbam atlas map DIR --tsne"):
        atlas().map("tsne")
    with pytest.raises(AtlasError, match="unknown map 'umap'; there are pca and tsne"):
        atlas().map("umap")


def test_shares_of_the_axes_are_of_all_images_where_the_axes_are_of_a_sample(
    tiny_classifier, sample_images, tmp_path, monkeypatch
):
    monkeypatch.setattr(principal, "SAMPLED", 40)
    made = open_atlas(build_atlas(tiny_classifier, sample_images, tmp_path / "atlas", workers=1))
    assert 35 < made.contents.tables.axes.count < 45
    found = made.map()
    rows = made.contents.values.astype(np.float64)
    variance = rows.var(axis=0).sum()
    np.testing.assert_allclose(found.explained, found.points.var(axis=0, dtype=np.float64) / variance, rtol=1e-6)
    best = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1][:2].sum() / variance
    assert 0.9 * best < sum(found.explained) <= best
