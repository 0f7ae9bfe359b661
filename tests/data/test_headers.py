import io
import struct
import warnings
import zlib

import pytest
from PIL import Image

from cbam_core.data.headers import canvas_size, orientation, sniff
from cbam_core.data.images import decode


def exif(order, value, kind=3):
    """An EXIF block with one entry: the orientation."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    number = struct.pack(order + ("I" if kind == 4 else "HH"), *([value] if kind == 4 else [value, 0]))
    return mark + struct.pack(order + "IHHHI", 8, 1, 0x0112, kind, 1) + number


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_orientation_is_read_in_both_byte_orders(order, kind, prefix):
    assert orientation(prefix + exif(order, 6, kind)) == 6


@pytest.mark.parametrize("given", [None, b"", b"II*\0", exif("<", 0), exif("<", 9), exif(">", 6)[:-3], "text"])
def test_metadata_that_say_nothing_usable_mean_upright(given):
    assert orientation(given) == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF....WEBPVP8 ", "WebP"),
        (b"RIFX....WEBPVP8 ", None),
        (b"BM" + bytes(12) + struct.pack("<I", 40), "BMP"),
        (b"BM" + bytes(12) + struct.pack("<I", 41), None),
        (b"<svg xmlns=", None),
        (b"%!PS-Adobe", None),
        (b"", None),
    ],
)
def test_the_first_bytes_decide_about_the_format(content, name):
    assert sniff(content) == name


def test_canvas_of_a_gif_is_known_before_it_is_opened():
    assert canvas_size(b"GIF89a" + struct.pack("<HH", 65535, 2), "GIF") == (65535, 2)
    assert canvas_size(b"GIF89a", "GIF") is None
    assert canvas_size(b"\xff\xd8\xff", "JPEG") is None


@pytest.mark.parametrize("frames", [[0], [2**31 + 1], [2, 2], [None]], ids=["none", "too many", "twice", "short"])
def test_a_picture_whose_number_of_frames_cannot_be_is_read_without_a_warning(frames):
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (9, 0, 0)).save(file, "PNG")
    content = file.getvalue()
    for count in frames:
        told = b"" if count is None else struct.pack(">II", count, 0)
        chunk = struct.pack(">I", len(told)) + b"acTL" + told + struct.pack(">I", zlib.crc32(b"acTL" + told))
        content = content[:33] + chunk + content[33:]
    with warnings.catch_warnings(record=True) as warned:  # as errors, they would be refusals
        warnings.simplefilter("always")
        decoded = decode(content)
    assert not warned
    assert (decoded.pixels[0, 0].tolist(), decoded.notes) == ([9, 0, 0], ())
