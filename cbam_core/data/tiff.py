"""TIFF files without what Pillow warns about: tags that cannot be read, and directories of metadata that nobody needs.

Warnings of a file are of no use to whoever shows it to a network, and filters of warnings are shared by all threads, so
what would cause one is left out of the file's first directory before Pillow reads it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from PIL import Image, TiffTags
from PIL.TiffImagePlugin import TiffImageFile

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
"""Bytes of one value, by its type."""

_TEXTS = (1, 2, 7)
"""Types of which Pillow takes all values together as one."""

_UNKNOWN = 0
"""Type that no reader knows, and so skips."""

_ORIENTATION, _PHOTOMETRIC = 274, 262


class QuietTiff(TiffImageFile):
    """A TIFF of whose metadata the orientation alone is read: Pillow warns about further directories."""

    def getexif(self) -> Image.Exif:
        """Return the orientation."""
        exif = Image.Exif()
        if (turned := self.tag_v2.get(_ORIENTATION)) is not None:
            exif[_ORIENTATION] = turned
        return exif


@dataclass(frozen=True)
class _Layout:
    """How a directory of a TIFF lies in its file: `struct` formats, and sizes in bytes.

    Attributes:
        order: sign of the byte order.
        pointer: format of an address.
        counter: format of the number of entries.
        entry: size of an entry.
        inline: size of the value that stands in an entry itself.
    """

    order: str
    pointer: str
    counter: str
    entry: int
    inline: int

    @classmethod
    def of(cls, content: bytes) -> _Layout:
        order = "<" if content.startswith(b"II") else ">"
        return cls(order, "Q", "Q", 20, 8) if 43 in content[2:4] else cls(order, "I", "H", 12, 4)


def with_readable_directory(content: bytes) -> bytes:
    """Return a TIFF whose first directory is whole, without the tags in it that cannot be read.

    Where just the address of the next directory is missing, there is none. Of a tag that has one value, further ones
    are left out.

    Raises:
        struct.error: the file ends before or in its first directory.
    """
    layout = _Layout.of(content)
    (start,) = struct.unpack_from(layout.order + layout.pointer, content, layout.inline)
    if start > len(content):  # so that what is unpacked lies in memory, whatever its address is
        raise struct.error("the first directory lies behind the end")
    (count,) = struct.unpack_from(layout.order + layout.counter, content, start)
    first = start + struct.calcsize(layout.counter)
    end = first + layout.entry * count
    if end > len(content):
        raise struct.error("the first directory is cut off")
    padded = content + bytes(max(0, end + struct.calcsize(layout.pointer) - len(content)))
    changed = bytearray(padded)
    known, left = set[int](), len(padded)
    for at in range(first, end, layout.entry):
        tag, kind = struct.unpack_from(f"{layout.order}HH", changed, at)
        if tag not in known:  # of several, the first is taken
            left -= (used := _mend(changed, at, layout, left))
            known.update([tag] if used or kind in SIZES else [])
    return padded if changed == padded else bytes(changed)


def _mend(content: bytearray, at: int, layout: _Layout, left: int) -> int:
    """Leave out an entry of a directory that lies outside of the file, or its values after the only one.

    Args:
        content: the file, which is changed.
        at: place of the entry.
        layout: layout of the directory.
        left: bytes that values outside of entries may have.

    Returns:
        Bytes that its values have outside of the entry.
    """
    tag, kind, count = struct.unpack_from(f"{layout.order}HH{layout.pointer}", content, at)
    place = at + layout.entry - layout.inline
    (address,) = struct.unpack_from(layout.order + layout.pointer, content, place)
    size = SIZES.get(kind, 0) * count
    outside = size if size > layout.inline else 0
    if outside and (outside > left or address + outside > len(content)):
        struct.pack_into(f"{layout.order}H", content, at + 2, _UNKNOWN)
        return 0
    if count > 1 and kind not in _TEXTS and kind in SIZES and tag != _PHOTOMETRIC and TiffTags.lookup(tag).length == 1:
        struct.pack_into(layout.order + layout.pointer, content, at + 4, 1)
        if outside and SIZES[kind] <= layout.inline:
            content[place : place + SIZES[kind]] = content[address : address + SIZES[kind]]
            return 0
    return outside
