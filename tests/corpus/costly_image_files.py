"""Image files that claim or hide far more than they weigh."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from tests.corpus.image_files import encoded, gradient, png, png_chunk, tiff


def bomb_png(width: int = 9000, height: int = 9000) -> bytes:
    """Some kilobytes that unpack to 81 million pixels."""
    return png(width, height, 1, 0, (b"\0" + bytes((width + 7) // 8)) * height)


def bomb_header(kind: str, width: int = 16000, height: int = 16000, *, progressive: bool = False) -> bytes:
    """A few bytes that claim a huge picture."""
    if kind == "GIF":
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0;"
    if kind == "WEBP":
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size
        return b"RIFF" + struct.pack("<I", len(body)) + body
    if kind == "BMP":
        return (
            b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
        )
    if kind == "JPEG":
        plain = bytearray(encoded(gradient(), "JPEG", progressive=progressive))
        place = plain.index(b"\xff\xc2" if progressive else b"\xff\xc0")
        plain[place + 5 : place + 9] = struct.pack(">HH", height, width)
        return bytes(plain)
    if kind == "TIFF":
        plain = tiff(np.zeros((2, 2), np.uint8), bits=8)
        return plain.replace(struct.pack("<HHII", 256, 3, 1, 2), struct.pack("<HHII", 256, 3, 1, width)).replace(
            struct.pack("<HHII", 257, 3, 1, 2), struct.pack("<HHII", 257, 3, 1, height)
        )
    raise ValueError(kind)


def endless_gif() -> bytes:
    """Ten megabytes of tiny frames, slow to count one by one."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + frame * 600_000 + b";"


def endless_tiff() -> bytes:
    """A picture followed by hundreds of thousands of empty pages."""
    first = bytearray(tiff(np.zeros((2, 2), np.uint8), bits=8))
    first[-4:] = struct.pack("<I", len(first))
    pages = [struct.pack("<HI", 0, len(first) + 6 * (k + 1)) for k in range(300_000)]
    return bytes(first) + b"".join(pages) + struct.pack("<HI", 0, 0)


def many_scans_jpeg() -> bytes:
    """36 million pixels whose last, empty scan is repeated; each repetition costs a decoder some 50 ms."""
    plain = encoded(Image.new("L", (6000, 6000), 128), "JPEG", progressive=True)
    return plain[:-2] + plain[plain.rindex(b"\xff\xda") : -2] * 500 + b"\xff\xd9"


def many_segments_jpeg() -> bytes:
    """Metadata in hundreds of thousands of scraps, which Pillow would join one by one."""
    plain = encoded(gradient(), "JPEG")
    scrap = b"\xff\xe1" + struct.pack(">H", 14) + b"Exif\0\0scraps"
    return plain[:2] + scrap * 500_000 + plain[2:]


def repeated_chunk_png(chunk: bytes, times: int) -> bytes:
    """A fine picture with a chunk repeated before its pixels."""
    plain = encoded(gradient(), "PNG")
    return plain[:33] + chunk * times + plain[33:]


def many_profiles_png() -> bytes:
    """A thousand colour profiles, each of which unpacks to a megabyte."""
    return repeated_chunk_png(png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000))), 1000)


def many_blocks_gif() -> bytes:
    """A comment in a million pieces before the picture."""
    plain = encoded(gradient(), "GIF")
    start = plain.index(b",")
    return plain[:start] + b"!\xfe" + b"\1a" * 1_000_000 + b"\0" + plain[start:]


def many_strips_tiff() -> bytes:
    """A column of 1000 pixels in a million strips."""
    offsets = struct.pack("<I", 8) * 1_000_000
    entries = [(256, 1), (257, 1000), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1), (279, 1)]
    directory = struct.pack("<HHHII", len(entries) + 1, 273, 4, 1_000_000, 10)
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<I", 10 + len(offsets)) + b"\7\7" + offsets + directory + bytes(4)
