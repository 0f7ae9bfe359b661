import struct

import pytest

from cbam_core.data.headers import canvas_size, orientation, sniff


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
