"""Image files of untrusted visitors, made in code: formats, depths, profiles, and what cameras write beside them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms


def gradient(width: int = 24, height: int = 16) -> np.ndarray:
    """A smooth colour picture, uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (255 * x / max(1, width - 1), 255 * y / max(1, height - 1), 128 + 0 * x)
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def grey_ramp() -> np.ndarray:
    """All kinds of 16-bit grey, uint16 (16, 16), from 0 to 65535."""
    return np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)


def encoded(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    """A picture as the bytes of a file; `kind` is Pillow's name of the format."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG by hand: `rows` are the filtered rows, `extra` are chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (
        png_chunk(b"IHDR", header),
        *extra,
        png_chunk(b"IDAT", zlib.compress(rows)),
        png_chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(
    values: np.ndarray,
    *,
    bits: int,
    white_is_zero: bool = False,
    kind: int = 1,
    photometric: int = 1,
    limits: tuple[int, int] | None = None,
) -> bytes:
    """A little-endian grey TIFF by hand; `kind` 1 unsigned, 2 signed, 3 floating point; `limits` are SMin and SMax."""
    content = values.tobytes()
    height, width = values.shape
    short, long = 3, 4
    entries = [
        (256, short, width),
        (257, short, height),
        (258, short, bits),
        (259, short, 1),
        (262, short, 0 if white_is_zero else photometric),
        (273, long, 8),
        (277, short, 1),
        (278, short, height),
        (279, long, len(content)),
        (339, short, kind),
        *([] if limits is None else [(340, short, limits[0]), (341, short, limits[1])]),
    ]
    directory = struct.pack("<H", len(entries))
    for tag, size, value in entries:
        directory += struct.pack("<HHI", tag, size, 1) + struct.pack("<I", value)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory + struct.pack("<I", 0)


def preview_tiff(tag: tuple[int, str | int]) -> bytes:
    """A raw file of a camera as Pillow sees it: a small preview, and the sensor's values in another directory."""
    file = io.BytesIO()
    tags: dict[int, str | int] = {254: 1, 330: 8, tag[0]: tag[1]}
    Image.fromarray(gradient()).save(file, "TIFF", tiffinfo=tags)
    return file.getvalue()


def xray(top: int = 4095) -> np.ndarray:
    """A bright spot on dark ground, uint16 (32, 48), from 0 to `top`."""
    y, x = np.mgrid[0:32, 0:48]
    glow = np.exp(-(((x - 24) / 9) ** 2) - ((y - 16) / 9) ** 2)
    return np.rint(top * (glow - glow.min()) / (glow.max() - glow.min())).astype(np.uint16)


def photo(kind: str = "JPEG", width: int = 320, height: int = 240, **options: object) -> bytes:
    """A colourful picture of some size."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1).astype(np.uint8)
    return encoded(pixels, kind, **options)


def large_jpeg(width: int, height: int) -> bytes:
    """A picture of one colour and any size, which packs well: its left half dark, its right half bright."""
    image = Image.new("L", (width, height), 40)
    image.paste(200, (width // 2, 0, width, height))
    return encoded(image, "JPEG", quality=50)


def exif_orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def turned_jpeg(orientation: int) -> bytes:
    """Left half red, right half blue, stored as it is, with a camera's note on how to hold it."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16, 0] = pixels[:, 16:, 2] = 255
    return encoded(pixels, "JPEG", quality=100, subsampling=0, exif=exif_orientation(orientation))


def broken_exif_jpeg() -> bytes:
    """A fine picture whose metadata point into nowhere."""
    block = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + struct.pack("<HHII", 0x011A, 5, 9, 0xFFFFFF00) + b"\x12\x01"
    plain = encoded(gradient(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return plain[:2] + segment + plain[2:].replace(b"JFIF\0\x01\x01\x01", b"JFIF\0\x01\x01\0", 1)


def transparent_png() -> bytes:
    """Red under full transparency at the left, half transparent black in the middle, green at the right."""
    pixels = np.zeros((8, 12, 4), np.uint8)
    pixels[:, :4] = (255, 0, 0, 0)
    pixels[:, 4:8] = (0, 0, 0, 128)
    pixels[:, 8:] = (0, 255, 0, 255)
    return encoded(pixels, "PNG")


def transparent_palette_png() -> bytes:
    """Colour 0 of the palette is red and fully transparent, colour 1 is blue and solid."""
    image = Image.fromarray(np.tile(np.array([0, 1], np.uint8), (4, 4)))
    image.putpalette([255, 0, 0, 0, 0, 255])
    return encoded(image, "PNG", transparency=bytes([0, 255]))


def swapped_profile() -> bytes:
    """An ICC profile like sRGB with red and green changed places, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * k : 136 + 12 * k]): 132 + 12 * k for k in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 8], profile[green + 4 : green + 8] = (
        profile[green + 4 : green + 8],
        profile[red + 4 : red + 8],
    )
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def cmyk_profile() -> bytes:
    """A small ICC profile for a strange printer: its cyan ink prints red, every other ink black."""
    inks = {0: (255, 128, 128), 8: (128, 198, 178)}  # as Lab: white, and L 50, a 70, b 50
    nodes = b"".join(bytes(inks.get(k, (0, 128, 128))) for k in range(16))
    identity = struct.pack(">9i", *(65536 if k % 4 == 0 else 0 for k in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + ramp * 4 + nodes + ramp * 3
    table += b"\0" * (-len(table) % 4)
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Inky\0" + b"\0" * 78
    name += b"\0" * (-len(name) % 4)
    point = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = ((b"desc", name), (b"wtpt", point), (b"A2B0", table))
    offset = 132 + 12 * len(tags)
    directory, content = struct.pack(">I", len(tags)), b""
    for tag, value in tags:
        directory += tag + struct.pack(">II", offset + len(content), len(value))
        content += value
    size = offset + len(content)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H4s4s", 2026, 1, 1, 0, 0, 0, b"acsp", b"\0\0\0\0")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + directory + content


def cmyk_jpeg(profile: bytes | None = None) -> bytes:
    """Cyan ink at full strength."""
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    return encoded(image, "JPEG", quality=100, **({"icc_profile": profile} if profile else {}))


def frames(kind: str, count: int) -> bytes:
    """An animation or a file of pages: the first is red, the others have other colours."""
    first, *others = [Image.new("RGB", (12, 10), (255 - 40 * k, 40 * k, 7 * k)) for k in range(count)]
    return encoded(first, kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {}))


def float_tiff(values: np.ndarray) -> bytes:
    return tiff(values.astype(np.float32), bits=32, kind=3)


def svg() -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def heic() -> bytes:
    return struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(64)


def deep_colour_png() -> bytes:
    """Two pixels of 16 bits per colour."""
    return png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0x12FF, 0x3400, 0xFFFF, 0, 0x8000, 0x7FFF))


def deep_dark_png() -> bytes:
    """Three pixels of 16 bits per colour, of which twelve are used: black, half, white."""
    return png(3, 1, 16, 2, b"\0" + struct.pack(">9H", 0, 0, 0, 2048, 2048, 2048, 4095, 4095, 4095))


def deep_grey_transparent_png() -> bytes:
    """16-bit grey: black, and a grey that stands for transparent."""
    return png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 0, 1000), png_chunk(b"tRNS", struct.pack(">H", 1000)))


def halved(kind: str) -> bytes:
    """The first half of a file of noise, which no format packs well."""
    noise = np.random.default_rng(7).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(noise, kind)
    return whole[: len(whole) // 2]
