import io

import numpy as np
import pytest
from PIL import Image

from app import services
from app.services import dataset
from app.services.dataset import About
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import DataError

CAPTION = "CIFAR-10 test image {}, as the network sees it"


@pytest.fixture
def no_test_set(monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path))


def test_a_sample_is_named_by_its_place_in_the_test_set():
    number = int(sample_sheet().indices[31])
    assert services.about_sample(31) == About(f"cifar10-test-{number}", CAPTION.format(number), "cat")
    assert int(services.sample_numbers()[31]) == number


def test_tiles_say_what_the_thumbnails_are():
    tiles = services.sample_tiles()
    assert len(tiles) == len(services.samples()) == 100
    assert (tiles[31].label, tiles[31].class_) == (f"cat, test image {services.sample_numbers()[31]}", "cat")
    with Image.open(io.BytesIO(services.sample_png())) as sheet:
        assert np.array_equal(np.asarray(sheet)[3 * 32 : 4 * 32, 32:64], services.samples().images[31])


def test_samples_of_a_class_are_its_ten():
    assert np.array_equal(services.samples_of("cat"), sample_sheet().images[30:40])


@pytest.mark.usefixtures("no_test_set")
def test_without_the_test_set_there_is_none_to_count_or_lay_out():
    assert services.test_set() is None
    assert services.test_count() is None
    assert services.test_sheet((0, 1), 2) == b""
    with pytest.raises(DataError, match="CIFAR-10 is not in"):
        services.about_test_image(0)


def test_test_images_are_laid_out_in_rows(test_set):
    assert services.test_count() == len(test_set.labels)
    assert services.about_test_image(7) == About("cifar10-test-7", CAPTION.format(7), "airplane")
    with Image.open(io.BytesIO(services.test_sheet((3, 5, 8), 2))) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (64, 64, 3)
    assert np.array_equal(pixels[32:, :32], test_set.images[8])
    assert not pixels[32:, 32:].any()


def test_a_test_set_that_is_fetched_again_or_removed_while_the_app_runs_is_noticed(test_set, tmp_path):
    labels, again = tmp_path / "data" / "cifar10" / "test_labels.npy", tmp_path / "again.npy"
    assert services.test_set().known_labels[0] == test_set.labels[0]
    np.save(again, test_set.labels[::-1])
    again.replace(labels)
    assert services.test_set().known_labels[0] == test_set.labels[-1] != test_set.labels[0]
    labels.unlink()
    assert services.test_set() is None


def test_a_damaged_test_set_is_told_the_operator_once(test_set, monkeypatch, caplog):
    def damaged():
        raise DataError("data.damaged", "test_images.npy is damaged; fetch it again with 'cbam data fetch'")

    monkeypatch.setattr(dataset, "open_test_set", damaged)
    assert services.test_set() is None
    assert services.test_set() is None
    assert [record.message for record in caplog.records].count(
        "data.damaged: test_images.npy is damaged; fetch it again with 'cbam data fetch'"
    ) == 1
