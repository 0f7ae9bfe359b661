"""Class means of gates as files: the same after reading, absent when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cbam_core import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.samples import sample_sheet
from cbam_core.evaluation import class_means_file as summary_file
from cbam_core.evaluation.class_means import GateSums
from cbam_core.evaluation.class_means_file import ClassMeans, class_means_path, open_class_means, save_class_means
from tests.plain_blocks import by_kind


@pytest.fixture(scope="module")
def summaries(tiny_classifier: Classifier) -> ClassMeans:
    sums = GateSums(tiny_classifier, CLASSES)
    sums.add(sample_sheet().images, sample_sheet().labels)
    return sums.means()


def test_what_was_kept_is_read_to_the_last_bit(summaries: ClassMeans, tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept.npz"
    assert save_class_means(summaries, path)
    found = open_class_means(path)
    assert found is not None
    assert [*found] == [*summaries]
    for name, one in found.items():
        other = summaries[name]
        assert (one.count, one.classes, one.predicted) == (other.count, other.classes, other.predicted)
        assert np.array_equal(one.probabilities, other.probabilities)
        for mine, theirs in zip((*one.blocks, *one.deviation), (*other.blocks, *other.deviation), strict=True):
            assert (mine.name, mine.placement) == (theirs.name, theirs.placement)
            assert all(np.array_equal(by_kind(mine)[kind], values) for kind, values in by_kind(theirs).items())
            assert not any(gate.values.flags.writeable for gate in mine.gates)


def test_a_damaged_or_oversized_file_counts_as_none(
    summaries: ClassMeans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.npz"
    assert open_class_means(path) is None
    save_class_means(summaries, path)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(content)
        assert open_class_means(path) is None
    np.savez(path, names=np.array(["cat"]))
    assert open_class_means(path) is None
    path.write_bytes(whole)
    assert open_class_means(path) is not None
    monkeypatch.setattr(summary_file, "LARGEST", 1000)
    assert open_class_means(path) is None


def test_a_folder_that_cannot_be_written_is_no_error(summaries: ClassMeans, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not save_class_means(summaries, tmp_path / "file" / "kept.npz")


def test_the_place_names_weights_split_and_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path))
    assert class_means_path("abc", "test") == tmp_path / "summaries" / "gates-3-test-abc.npz"
