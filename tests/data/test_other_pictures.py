"""Files that are none of the formats that are read: HEIC, and what is named by its contents."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from cbam_core.data.images import decode
from tests.corpus import image_files
from tests.corpus.images import BAD
from tests.data.decoding import refused


def test_heic_is_read_by_the_optional_decoder(monkeypatch):
    class Decoder:
        @staticmethod
        def HeifImageFile(file):  # noqa: N802 - the decoder's own name
            assert file.read()[4:12] == b"ftypheic"
            return Image.open(io.BytesIO(image_files.encoded(image_files.gradient(), "PNG")))

    monkeypatch.setitem(sys.modules, "pillow_heif", Decoder)
    assert np.array_equal(decode(image_files.heic()).pixels, image_files.gradient())


def test_heic_is_named_whatever_its_ending(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "HEIC photo" in str(refused(image_files.heic()))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nikon.nef", "NIKON"),
        ("negative.dng", "DNG"),
        ("canon.cr2", "CR2"),
        ("sensor.tif", "TIFF"),
        ("scan.dcm", "DICOM"),
        ("page.jpg", "HTML"),
        ("film.mp4", "video"),
    ],
)
def test_other_files_are_named(name, word):
    assert word in str(refused(BAD[name][0]()))
