"""Atlases that tests share: of a small network on the bundled images."""

from __future__ import annotations

from pathlib import Path

import pytest

from cbam_core import Classifier
from cbam_core.atlas.building import build_atlas
from cbam_core.data.dataset import Dataset, samples


@pytest.fixture(scope="session")
def sample_images() -> Dataset:
    """The 100 bundled images."""
    return samples()


@pytest.fixture(scope="session")
def sample_atlas_folder(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished atlas of `tiny_classifier` on the bundled images, in one shard; shared, so never changed by a test."""
    return build_atlas(tiny_classifier, sample_images, tmp_path_factory.mktemp("atlas") / "tiny-samples", workers=1)
