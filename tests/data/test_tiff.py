"""TIFF files with tags that cannot be read: they are left out, and nothing warns."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from cbam_core.data.images import decode
from cbam_core.data.tiff import with_readable_directory

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
SOFTWARE, SAMPLES, RESOLUTION_UNIT, EXIF, X_RESOLUTION = 305, 277, 296, 34665, 282


def written(big: bool = False, **options) -> bytes:
    """Write a TIFF, turned as its tag of orientation says, with text and a directory of metadata."""
    tags = ImageFileDirectory_v2()
    tags[274], tags[SOFTWARE], tags[270], tags[EXIF] = 6, "s" * 40, "d" * 40, {0x9000: b"0230", 0x829A: (1, 50)}
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "TIFF", tiffinfo=tags, dpi=(72, 72), big_tiff=big, **options)
    return file.getvalue()


def place_of(content: bytes, tag: int, start: int | None = None) -> int:
    """Find the place of a tag's entry in a directory of a TIFF; in the first one if no start is given."""
    big = content[2] == 43
    start = struct.unpack_from("<Q" if big else "<I", content, 8 if big else 4)[0] if start is None else start
    (count,) = struct.unpack_from("<Q" if big else "<H", content, start)
    first, size = start + (8 if big else 2), 20 if big else 12
    return next(
        at for at in range(first, first + size * count, size) if content[at : at + 2] == tag.to_bytes(2, "little")
    )


def changed(content: bytes, tag: int, values: str, *given: int) -> bytes:
    """Change an entry from its type on."""
    found = bytearray(content)
    struct.pack_into(values, found, place_of(content, tag) + 2, *given)
    return bytes(found)


def quietly(content: bytes) -> np.ndarray:
    """Decode a file, which must not warn."""
    with warnings.catch_warnings(record=True) as warned:  # as errors, they would be refusals
        warnings.simplefilter("always")
        pixels = decode(content).pixels
    assert not warned
    return pixels


TURNED = PIXELS[::-1].transpose(1, 0, 2)


def test_a_whole_file_is_not_changed():
    content = written()
    assert with_readable_directory(content) is content
    assert np.array_equal(quietly(content), TURNED)


@pytest.mark.parametrize("tag", [270, X_RESOLUTION])
@pytest.mark.parametrize(
    ("count", "address"),
    [(1 << 20, 8), (4, 1 << 30), (2**32 - 1, 2**32 - 1), (40, None)],
    ids=["too long", "behind the end", "the largest numbers", "over the end"],
)
def test_a_tag_outside_of_the_file_is_left_out_and_those_after_it_are_read(tag, count, address):
    content = written()
    content = changed(content, tag, "<HII", 5, count, len(content) - 4 if address is None else address)
    assert np.array_equal(quietly(content), TURNED)


def test_so_it_is_in_a_big_tiff():
    content = changed(written(big=True), 270, "<HQQ", 2, 40, 1 << 63)
    assert np.array_equal(quietly(content), TURNED)


@pytest.mark.parametrize(("kind", "count", "address"), [(3, 2, 2), (3, 5, 8), (5, 2, 8), (4, 3, 8)])
def test_of_a_tag_with_one_value_the_first_is_taken(kind, count, address):
    content = changed(written(), RESOLUTION_UNIT, "<HII", kind, count, address)
    assert np.array_equal(quietly(content), TURNED)
    with pytest.warns(UserWarning, match="had too many entries"), Image.open(io.BytesIO(content)) as plain:
        expected = plain.tag_v2[RESOLUTION_UNIT]
    with Image.open(io.BytesIO(with_readable_directory(content))) as mended:
        assert mended.tag_v2[RESOLUTION_UNIT] == expected


def test_a_damaged_directory_of_metadata_is_not_read():
    content = written()
    (start,) = struct.unpack_from("<I", content, place_of(content, EXIF) + 8)
    found = bytearray(content)
    struct.pack_into("<I", found, place_of(content, 0x829A, start) + 4, 1 << 20)
    with pytest.warns(UserWarning, match="Tag data larger than file"), Image.open(io.BytesIO(bytes(found))) as plain:
        plain.load()
    assert np.array_equal(quietly(bytes(found)), TURNED)


def test_tags_that_share_their_bytes_may_not_have_more_than_the_file():
    content = written()
    for tag in (SOFTWARE, 270):
        content = changed(content, tag, "<HII", 2, len(content) - 8, 8)
    assert np.array_equal(quietly(content), TURNED)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_compressed_files_are_mended_too(compression):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "TIFF", compression=compression, software="s" * 40)
    content = changed(file.getvalue(), SOFTWARE, "<HII", 2, 40, 1 << 30)
    assert np.array_equal(quietly(content), PIXELS)
