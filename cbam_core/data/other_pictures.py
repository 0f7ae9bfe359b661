"""Files that are no pictures that can be read here: what they are, and what to do about it."""

from __future__ import annotations

import importlib
import io
import struct

from PIL.ImageFile import ImageFile

from cbam_core.errors import ImageError

RAW_STARTS = (
    (8, b"CR\2", "CR2"),
    (4, b"ftypcrx", "CR3"),
    (0, b"IIU\0", "RW2"),
    (0, b"IIRO", "ORF"),
    (0, b"IIRS", "ORF"),
    (0, b"MMOR", "ORF"),
    (0, b"FUJIFILMCCD-RAW", "RAF"),
    (0, b"FOVb", "X3F"),
    (0, b"\0MRM", "MRW"),
)
"""First bytes of raw files of cameras: position, bytes, kind. Others are TIFFs: see `refuse_camera_raw`."""

STARTS = (
    (0, b"8BPS", "Photoshop (PSD)"),
    (0, b"%!PS", "PostScript (EPS)"),
    (0, b"%PDF", "PDF"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cjP", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (128, b"DICM", "DICOM"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x93NUMPY", "NumPy (.npy)"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"gimp xcf", "GIMP (XCF)"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance (HDR)"),
    (0, b"\x1aE\xdf\xa3", "WebM (video)"),
    (4, b"ftypisom", "MP4 (video)"),
    (4, b"ftypmp4", "MP4 (video)"),
    (4, b"ftypqt", "QuickTime (video)"),
)
"""First bytes of other files: position, bytes, name."""

RAW_COMPRESSIONS = {32767, 34713, 65535, 52546}
"""Compressions of Sony, Nikon, Pentax and Adobe that only raw files have."""

TORCH_STARTS = (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02}", b"\x80\x02c", b"\x80\x04\x95")
"""First bytes of pickles: the mark of torch's format of before 1.6, a dict, an object, and a frame of protocol 4."""

DNG_VERSION = 50706
"""Tag that every DNG has."""

MOST_TAGS = 1000

_BITS, _CHANNELS, _KIND, _FLOATS = 258, 277, 339, 3
"""Tags of a TIFF for bits of a number, channels, and kind of numbers; the kind of floating-point ones."""

SENSOR = {32803, 34892}
"""Photometric interpretations of a sensor's values: colour filter array, linear raw."""


def holds_weights(content: bytes) -> bool:
    """Check by its first bytes that a file has weights: an archive or a pickle of torch, or safetensors."""
    if content[:4] == b"PK\3\4":
        return b"data.pkl" in content[30:300]
    is_header = content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content)
    return is_header or content.startswith(TORCH_STARTS)


def unknown_format(content: bytes) -> ImageError:
    """Make the error for a file of a format that is not read, with its name where that is known."""
    from cbam_core.data.headers import ACCEPTED

    for at, word, kind in RAW_STARTS:
        if content[at : at + len(word)] == word:
            return camera_raw(kind)
    if holds_weights(content):
        return ImageError(
            "image.network",
            "this file is a network, not an image: choose it as the network (--model on the command line)",
        )
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    instead = _instead(content, start)
    if instead is not None:
        return instead
    known = next((kind for at, word, kind in STARTS if content[at : at + len(word)] == word), "")
    known = "SVG" if b"<svg" in start else known
    if known:
        return ImageError(
            "image.unknown-format",
            "files in the format {format} are not read here (only {accepted}); save this one as PNG or JPEG first",
            format=known,
            accepted=ACCEPTED,
        )
    return ImageError(
        "image.unknown-format",
        "this file is not an image in a supported format ({accepted}); save it as PNG or JPEG first",
        accepted=ACCEPTED,
    )


def _instead(content: bytes, start: bytes) -> ImageError | None:
    """Make the error for a file that came instead of an image, or that holds some; None for others."""
    if start.startswith((b"<!doctype html", b"<html")):
        return ImageError(
            "image.unknown-format",
            "this is a web page (HTML), saved instead of the image on it: open the page, and save the image itself",
        )
    if start.startswith(b"version https://git-lfs"):
        return ImageError(
            "image.unknown-format",
            "this is a Git LFS pointer, a few lines that stand for the image: get the image with 'git lfs pull'",
        )
    if content.startswith((b"PK\3\4", b"\x1f\x8b")):
        return ImageError(
            "image.unknown-format", "this is a packed archive (ZIP or gzip): unpack it, and open an image inside"
        )
    return None


def camera_raw(kind: str) -> ImageError:
    """Make the error for a camera's raw file."""
    return ImageError(
        "image.camera-raw",
        "this is a raw file of a camera ({format}), which has to be developed first: export it as JPEG or PNG, with "
        "the camera maker's program or a raw converter",
        format=kind,
    )


def refuse_camera_raw(content: bytes) -> None:
    """Refuse a TIFF that is a camera's raw file, of which Pillow would show the small preview or nothing.

    Raises:
        ImageError: it is a raw file.
    """
    if content[8:11] == b"CR\2":
        raise camera_raw("CR2")
    tags = _first_tags(content)
    if DNG_VERSION in tags:
        raise camera_raw("DNG")
    is_preview = tags.get(254) == 1 and 330 in tags
    if is_preview or tags.get(262) in SENSOR or tags.get(259) in RAW_COMPRESSIONS:
        raise camera_raw(_text_at(content, tags.get(271, len(content))) or "TIFF")


def refuse_other_floats(content: bytes) -> None:
    """Refuse a TIFF of floating-point numbers of which Pillow knows no kind: in colour, or not of 32 bits.

    Raises:
        ImageError: it is one.
    """
    tags = _first_tags(content)
    channels = tags.get(_CHANNELS, 1)
    bits, kind = (_first_number(content, tags.get(tag, 0), channels) for tag in (_BITS, _KIND))
    if kind == _FLOATS and (bits, channels) != (32, 1):
        raise ImageError(
            "image.other-floats",
            "this TIFF file holds floating-point numbers of {bits} bits in {channels} channels; of these, only 32 bits "
            "in one channel are read: save it again with 8 or 16 bits per channel",
            bits=bits,
            channels=channels,
        )


def _first_number(content: bytes, value: int, count: int) -> int:
    """Return the first of a tag's short numbers: the tag's value itself for two or fewer, else what it points to."""
    if count <= 2:
        return value
    return int.from_bytes(content[value : value + 2], "little" if content.startswith(b"II") else "big")


def _first_tags(content: bytes) -> dict[int, int]:
    """Return the tags of a TIFF's first page: a number, or where the others lie."""
    order = "<" if content.startswith(b"II") else ">"
    tags: dict[int, int] = {}
    try:
        (start,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, start)
        for at in range(start + 2, start + 2 + 12 * min(count, MOST_TAGS), 12):
            tag, kind = struct.unpack_from(f"{order}HH", content, at)
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), content, at + 8)
    except struct.error:
        pass
    return tags


def _text_at(content: bytes, at: int) -> str:
    """Return the text of a tag that lies outside of the directory; "" where it is not one."""
    text = content[at : at + 40].partition(b"\0")[0].decode("ascii", errors="replace").strip()
    return text if text.isprintable() and "\ufffd" not in text else ""


def open_heic(content: bytes) -> ImageFile:
    """Read the header of a HEIC photo with the optional decoder.

    Raises:
        ImageError: the decoder is not installed.
    """
    try:
        decoder = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise ImageError(
            "image.heic",
            "this is a HEIC photo, as iPhones take them, and the program that decodes it is not installed here: save "
            "it as JPEG, or have the operator run pip install 'cbam-lens[heic]'",
        ) from error
    opened: ImageFile = decoder.HeifImageFile(io.BytesIO(content))
    return opened
