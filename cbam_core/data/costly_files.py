"""Small files of modest images that would keep a decoder busy for minutes or hours.

Each format can repeat something that costs much time and few bytes; ordinary files are far below these limits.
"""

from __future__ import annotations

import struct

from cbam_core.errors import ImageError

MAX_SEGMENTS = 1000
"""Segments of a JPEG before its first scan; 10 MB of metadata have at most 200."""

MAX_SCANNED_PIXELS = 1_500_000_000
"""Pixels times scans of a JPEG, about 4 seconds; progressive files have about ten scans."""

MAX_CHUNKS = 20_000
"""Chunks of a PNG."""

MAX_PROFILES = 4
"""Colour profiles in a PNG, each of which may unpack to a megabyte; one is allowed by the format."""

MAX_GIF_BLOCKS = 100_000
"""Data blocks of a GIF before its first image; 10 MB in full blocks are 40,000."""

MAX_TIFF_STRIPS = 70_000
"""Strips or tiles of a TIFF; one strip per row is within the limit."""


def refuse_costly(content: bytes, name: str) -> None:
    """Refuse a file whose structure would take a decoder too long.

    Args:
        content: the whole file.
        name: format, as `headers.sniff` names it.

    Raises:
        ImageError: reading the file would take unreasonably long.
    """
    try:
        costly = (
            (name == "JPEG" and _jpeg_segments(content) > MAX_SEGMENTS)
            or (name == "PNG" and _png_is_costly(content))
            or (name == "GIF" and _gif_blocks(content) > MAX_GIF_BLOCKS)
            or (name == "TIFF" and _tiff_strips(content) > MAX_TIFF_STRIPS)
        )
    except (IndexError, struct.error):  # damaged: the decoder will report it
        costly = False
    if costly:
        raise _costly(name)


def refuse_many_scans(content: bytes, name: str, size: tuple[int, int]) -> None:
    """Refuse a progressive JPEG that draws its whole image too often.

    Args:
        content: the whole file.
        name: format, as `headers.sniff` names it.
        size: (width, height) in pixels.

    Raises:
        ImageError: reading the file would take unreasonably long.
    """
    # These two bytes of the marker cannot occur inside compressed data.
    if name == "JPEG" and content.count(b"\xff\xda") * size[0] * size[1] > MAX_SCANNED_PIXELS:
        raise _costly(name)


def _costly(name: str) -> ImageError:
    return ImageError(
        "image.costly",
        "this {format} file is built in a way that takes far too long to read; save it again as PNG or JPEG",
        format=name,
    )


def _jpeg_segments(content: bytes) -> int:
    """Count the segments before the first scan, and fill bytes as well; stop above the limit."""
    offset, count = 2, 0
    while count <= MAX_SEGMENTS:
        count += 1
        marker = content[offset + 1]
        if content[offset] != 0xFF or marker in {0xFF, 0x00}:
            offset += 1
        elif marker == 0xDA:
            break
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:
            offset += 2
        else:
            offset += 2 + int.from_bytes(content[offset + 2 : offset + 4], "big")
    return count


def _png_is_costly(content: bytes) -> bool:
    offset, count = 8, 0
    while offset + 12 <= len(content) and content[offset + 4 : offset + 8] != b"IEND":
        count += 1
        if count > MAX_CHUNKS:
            return True
        offset += 12 + int.from_bytes(content[offset : offset + 4], "big")
    return content.count(b"iCCP") > MAX_PROFILES


def colour_table(flags: int) -> int:
    """Return the size in bytes of the colour table that a GIF's flags announce."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _gif_blocks(content: bytes) -> int:
    """Count the data blocks of the extensions before the first image; stop above the limit."""
    offset, count = 13 + colour_table(content[10]), 0
    while content[offset] != ord(",") and count <= MAX_GIF_BLOCKS:
        count += 1
        if content[offset] != ord("!"):
            offset += 1
            continue
        offset += 2
        while (length := content[offset]) and count <= MAX_GIF_BLOCKS:
            offset += length + 1
            count += 1
        offset += 1
    return count


def _tiff_strips(content: bytes) -> int:
    """Return the largest number of values in an entry of the first page that lists strips or tiles."""
    order = "<" if content.startswith(b"II") else ">"
    big = content[2:4] in {b"+\0", b"\0+"}
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), content, 8 if big else 4)
    (entries,) = struct.unpack_from(order + ("Q" if big else "H"), content, offset)
    first, length = offset + (8 if big else 2), 20 if big else 12
    strips = 0
    for entry in range(first, first + length * min(entries, 65535), length):
        tag, _, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), content, entry)
        if tag in {273, 279, 324, 325}:
            strips = max(strips, count)
    return strips
