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


def tiff(values: np.ndarray) -> bytes:
    """A TIFF of one strip with numbers of any kind, little-endian."""
    kind = {"f": 3, "u": 1}[values.dtype.kind]
    channels = values.shape[2] if values.ndim == 3 else 1
    tags = {256: values.shape[1], 257: values.shape[0], 259: 1, 262: 2 if channels == 3 else 1, 277: channels}
    lists = {258: [values.itemsize * 8] * channels, 339: [kind] * channels}
    at = 8 + 2 + 12 * 9 + 4
    more, entries = b"", dict(tags)
    for tag, numbers in lists.items():
        entries[tag] = numbers[0] if len(numbers) == 1 else at + len(more)
        more += b"" if len(numbers) == 1 else np.array(numbers, "<u2").tobytes()
    entries[273], entries[279] = at + len(more), values.nbytes
    rows = []
    for tag, value in sorted(entries.items()):
        count = channels if tag in lists else 1
        rows.append(np.array([tag, 4 if tag in (273, 279) else 3], "<u2").tobytes() + np.uint32(count).tobytes())
        rows.append(np.uint32(value).tobytes())
    head = b"II*\0" + np.uint32(8).tobytes() + np.uint16(len(entries)).tobytes()
    return head + b"".join(rows) + bytes(4) + more + values.tobytes()


@pytest.mark.parametrize(
    ("kind", "channels", "words"),
    [("f2", 1, "16 bits in 1 channel;"), ("f8", 1, "64 bits in 1 channel;"), ("f4", 3, "32 bits in 3 channels")],
)
def test_floating_point_numbers_that_are_not_read_are_named(kind, channels, words):
    shape = (8, 8) if channels == 1 else (8, 8, channels)
    refusal = refused(tiff(np.linspace(0, 1, np.prod(shape), dtype=kind).reshape(shape)))
    assert refusal.code == "image.other-floats"
    assert words in str(refusal)


def test_floating_point_numbers_of_32_bits_are_read():
    assert decode(tiff(np.linspace(0, 1, 64, dtype="f4").reshape(8, 8))).pixels.max() == 255
