"""Headers of image files: format, size, frames and orientation, before any pixel is decoded.

Files are untrusted, so everything here is bounded in time and memory, and nothing depends on Python's warning filters
or Pillow's global settings, which all threads share.
"""

from __future__ import annotations

import importlib
import io
import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from cbam_core.data.costly_files import colour_table
from cbam_core.data.other_pictures import open_heic
from cbam_core.data.tiff import QuietTiff, with_readable_directory

ACCEPTED = "JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF"
"""The formats that are read, for messages."""

COUNTED_FRAMES = 1000
"""Largest number of frames or pages that are counted."""

MAX_BLOCKS = 100_000
"""Blocks of a GIF that are read while its frames are counted (about 20 ms)."""


_MOST_FRAMES = 1 << 31
"""Most frames that a PNG may say it has."""


class _Jpeg(JpegImageFile):
    """A JPEG whose metadata Pillow ignores: it would search them for a print resolution, and warn."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()


_PLUGINS = {
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
}


_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_SIGNATURES = {
    "PNG": ((0, b"\x89PNG\r\n\x1a\n"),),
    "JPEG": ((0, b"\xff\xd8\xff"),),
    "WebP": ((8, b"WEBP"),),
    "AVIF": ((4, b"ftypavif"), (4, b"ftypavis")),
    "HEIC": tuple((4, b"ftyp" + brand) for brand in _HEIC_BRANDS),
    "GIF": ((0, b"GIF87a"), (0, b"GIF89a")),
    "TIFF": ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
    "BMP": ((0, b"BM"),),
}
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(content: bytes) -> str | None:
    """Return the name of the format that the first bytes announce; None unless it is accepted."""
    for name, signatures in _SIGNATURES.items():
        if any(content[offset : offset + len(word)] == word for offset, word in signatures):
            if name == "WebP" and not content.startswith(b"RIFF"):
                continue
            # Two letters are a weak sign, so the length of a BMP's second header is checked as well.
            if name == "BMP" and int.from_bytes(content[14:18], "little") not in _BMP_HEADERS:
                continue
            return "AVIF" if name == "HEIC" and b"avif" in content[16:64] else name
    return None


def open_header(content: bytes, name: str) -> ImageFile:
    """Read the header of a file with Pillow's plugin for its format.

    Args:
        content: the whole file.
        name: format, as `sniff` names it.

    Returns:
        The image, its pixels not decoded yet.

    Raises:
        Exception: any error of the plugin on a file that it cannot read.
    """
    if name == "PNG":
        return PngImageFile(io.BytesIO(_without_broken_animation(content)))
    if name == "JPEG":
        return _Jpeg(io.BytesIO(content))
    if name == "HEIC":
        return open_heic(content)
    if name == "TIFF":
        return QuietTiff(io.BytesIO(with_readable_directory(content)))
    module, plugin = _PLUGINS[name]
    opened: ImageFile = getattr(importlib.import_module(module), plugin)(io.BytesIO(content))
    return opened


def _without_broken_animation(content: bytes) -> bytes:
    """Return a PNG without the numbers of frames (acTL) that Pillow would warn about, and not use."""
    said = [(start, end) for kind, start, end in _png_chunks(content) if kind == b"acTL"]
    frames = [int.from_bytes(content[start + 8 : start + 12], "big") for start, end in said if end - start >= 20]
    if len(said) == len(frames) <= 1 and all(0 < count <= _MOST_FRAMES for count in frames):
        return content
    kept = [0, *(place for part in said for place in part), len(content)]
    return b"".join(content[start:end] for start, end in zip(kept[::2], kept[1::2], strict=True))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each chunk of a PNG before its pixels, and where it begins and ends."""
    offset = 8
    while offset + 12 <= len(content) and (kind := content[offset + 4 : offset + 8]) not in (b"IDAT", b"IEND"):
        end = offset + 12 + int.from_bytes(content[offset : offset + 4], "big")
        yield kind, offset, end
        offset = end


def significant_bits(content: bytes) -> int | None:
    """Return the bits of each grey or colour value that a PNG declares to be in use (sBIT); None where it does not."""
    for kind, start, end in _png_chunks(content):
        if kind == b"sBIT" and 1 <= (length := end - start - 12) <= 4:
            return max(content[start + 8 : start + 8 + min(length, 3)])
    return None


def canvas_size(content: bytes, name: str) -> tuple[int, int] | None:
    """Read (width, height) of a format whose plugin allocates the whole canvas on opening a file.

    Returns:
        The size in pixels; None for formats whose plugin can read it safely.
    """
    if name == "GIF" and len(content) >= 10:
        width, height = struct.unpack_from("<HH", content, 6)
        return width, height
    if name != "WebP" or len(content) < 30:
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def frame_count(image: ImageFile, content: bytes, name: str) -> tuple[int, bool]:
    """Count the frames or pages of a file.

    Pillow counts those of a GIF or TIFF by reading each of them, which takes minutes on a malicious file.

    Returns:
        The number, and whether it is exact; if not, there are at least this many.
    """
    if name == "GIF":
        return _gif_frames(content)
    if name == "TIFF":
        return _tiff_pages(content)
    count: Any = getattr(image, "n_frames", 1)
    return int(count), True


def orientation(exif: Any) -> int:
    """Return the orientation (1 to 8, 1 is upright) that a camera recorded; 1 where the metadata have none.

    Args:
        exif: bytes of an EXIF block, with or without its ``Exif`` prefix; anything else counts as missing.
    """
    if not isinstance(exif, bytes):
        return 1
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", block, entry)
            if tag == 0x0112:
                (value,) = struct.unpack_from(order + ("I" if kind == 4 else "H"), block, entry + 8)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _gif_frames(content: bytes) -> tuple[int, bool]:
    frames = 0
    try:
        offset = 13 + colour_table(content[10])
        blocks = 0
        while content[offset] in b",!":
            if content[offset] == ord(","):
                frames += 1
                offset += 11 + colour_table(content[offset + 9])
            else:
                offset += 2
            while length := content[offset]:
                offset += length + 1
                blocks += 1
            offset += 1
            blocks += 1
            if blocks > MAX_BLOCKS or frames > COUNTED_FRAMES:
                return frames, False
    except IndexError:
        pass
    return frames, True


def _tiff_pages(content: bytes) -> tuple[int, bool]:
    order = "<" if content.startswith(b"II") else ">"
    big = content[2:4] in {b"+\0", b"\0+"}
    counter, pointer, entry = ("Q", "Q", 20) if big else ("H", "I", 12)
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + pointer, content, 8 if big else 4)
        while offset and offset not in seen:
            if len(seen) == COUNTED_FRAMES:
                return len(seen), False
            (entries,) = struct.unpack_from(order + counter, content, offset)
            seen.add(offset)
            (offset,) = struct.unpack_from(
                order + pointer, content, offset + struct.calcsize(counter) + entry * entries
            )
    except (struct.error, OverflowError):
        pass
    return len(seen), True
