import struct

import pytest

from cbam_core.data.costly_files import MAX_CHUNKS, MAX_SCANNED_PIXELS, refuse_costly, refuse_many_scans
from cbam_core.data.images import decode
from cbam_core.errors import ImageError

CHUNK = struct.pack(">I4sI", 0, b"tEXt", 0)
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_png_of_very_many_chunks_is_costly():
    refuse_costly(PNG + CHUNK * MAX_CHUNKS, "PNG")
    with pytest.raises(ImageError) as error:
        refuse_costly(PNG + CHUNK * (MAX_CHUNKS + 1), "PNG")
    assert error.value.code == "image.costly"


def test_scans_count_by_the_size_of_the_picture():
    scans, side = 10, int((MAX_SCANNED_PIXELS / 10) ** 0.5)
    refuse_many_scans(b"\xff\xda" * scans, "JPEG", (side, side))
    with pytest.raises(ImageError):
        refuse_many_scans(b"\xff\xda" * scans, "JPEG", (side + 1, side + 1))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "TIFF", "WebP"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"II*\0\xff\xff\xff\xff", bytes(40)])
def test_damage_is_left_to_the_decoder(content, name):
    refuse_costly(content, name)
    with pytest.raises(ImageError) as caught:
        decode(content)
    assert caught.value.code != "image.costly"
