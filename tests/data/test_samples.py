import hashlib
import json

import numpy as np

from cbam_core.data import samples
from cbam_core.data.cifar10 import CLASSES, LabelledImages, data_folder, is_fetched, open_split
from cbam_core.data.samples import build_sheet, film_images, sample_sheet


def test_pixels_are_those_of_the_test_set():
    # The digest was taken from the verified data set, so it stands for a comparison with it.
    digest = hashlib.sha256(sample_sheet().images.data).hexdigest()
    assert digest == "c14f9b22428679cbd86e04a5aee21ab119a56071a13ec94dc8fea2cae268251e"
    if is_fetched():
        test, sheet = open_split("test"), sample_sheet()
        assert np.array_equal(test.images[sheet.indices], sheet.images), data_folder()
        assert np.array_equal(test.labels[sheet.indices], sheet.labels)


def test_ten_of_each_class_lie_row_by_row():
    sheet = sample_sheet()
    assert sheet.images.shape == (100, 32, 32, 3)
    assert sheet.labels.tolist() == [label for label in range(10) for _ in range(10)]


def test_places_in_the_test_set_are_the_first_of_each_class():
    indices = sample_sheet().indices.reshape(10, 10)
    assert (np.diff(indices, axis=1) > 0).all()
    assert indices[0].tolist() == [3, 10, 21, 27, 44, 52, 74, 90, 97, 98]
    assert len(np.unique(indices)) == 100


def test_sheet_is_shared_and_cannot_be_changed():
    sheet = sample_sheet()
    assert sample_sheet() is sheet
    assert not any(array.flags.writeable for array in (sheet.images, sheet.labels, sheet.indices))


def test_index_names_classes_source_and_citation():
    described = json.loads(samples.INDEX.read_text(encoding="utf-8"))
    assert tuple(described["classes"]) == CLASSES
    assert "Krizhevsky" in described["citation"]
    assert "test set" in described["source"]


def test_runs_are_watched_on_the_first_images_of_eight_classes():
    images, labels = film_images()
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    assert np.array_equal(images[6], sample_sheet().images[70])


def test_sheet_can_be_made_anew(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 12))
    test = LabelledImages(rng.integers(0, 256, (120, 32, 32, 3), dtype=np.uint8), labels)
    monkeypatch.setattr(samples, "SHEET", tmp_path / "samples.png")
    monkeypatch.setattr(samples, "INDEX", tmp_path / "samples.json")
    build_sheet(test, samples.SHEET, samples.INDEX)
    made = sample_sheet.__wrapped__()
    assert made.indices[:10].tolist() == np.flatnonzero(labels == 0)[:10].tolist()
    assert np.array_equal(made.images, test.images[made.indices])
    assert np.array_equal(made.labels, labels[made.indices])


def test_making_the_sheet_without_data_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path))
    before = samples.SHEET.read_bytes()
    assert samples.main() == 1
    assert "cbam data fetch" in capsys.readouterr().err
    assert samples.SHEET.read_bytes() == before
