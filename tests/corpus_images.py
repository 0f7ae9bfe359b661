"""Picture files that strangers might send, made in code: odd ones to be read, bad ones to be refused.

Plain functions without fixtures, so that any test can use them; `ODD` and `BAD` say what must come of each.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

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


ODD: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "plain.png": (lambda: encoded(gradient(), "PNG"), ()),
    "plain.jpg": (lambda: encoded(gradient(), "JPEG"), ()),
    "plain.webp": (lambda: encoded(gradient(), "WEBP"), ()),
    "plain.avif": (lambda: encoded(gradient(), "AVIF"), ()),
    "plain.gif": (lambda: encoded(gradient(), "GIF"), ()),
    "plain.bmp": (lambda: encoded(gradient(), "BMP"), ()),
    "plain.tif": (lambda: encoded(gradient(), "TIFF"), ()),
    "packed.tif": (lambda: encoded(gradient(), "TIFF", compression="tiff_lzw"), ()),
    "one-pixel.png": (lambda: encoded(gradient(1, 1), "PNG"), ()),
    "thin.png": (lambda: encoded(gradient(5000, 1), "PNG"), ()),
    "one-bit.png": (lambda: encoded(Image.new("1", (9, 9), 1), "PNG"), ()),
    "grey.png": (lambda: encoded(gradient()[..., 0].copy(), "PNG"), ()),
    "palette.png": (lambda: encoded(Image.fromarray(gradient()).quantize(16), "PNG"), ()),
    "progressive.jpg": (lambda: encoded(gradient(), "JPEG", progressive=True), ()),
    "turned.jpg": (lambda: turned_jpeg(6), ("image.turned",)),
    "turned.png": (lambda: encoded(gradient(), "PNG", exif=exif_orientation(3)), ("image.turned",)),
    "turned.webp": (lambda: encoded(gradient(), "WEBP", exif=exif_orientation(8)), ("image.turned",)),
    "broken-exif.jpg": (broken_exif_jpeg, ()),
    "transparent.png": (transparent_png, ("image.transparent",)),
    "transparent-palette.png": (transparent_palette_png, ("image.transparent",)),
    "grey-alpha.png": (lambda: encoded(Image.new("LA", (8, 8), (0, 64)), "PNG"), ("image.transparent",)),
    "solid-alpha.png": (lambda: encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 255)), "PNG"), ()),
    "deep-grey.png": (lambda: encoded(grey_ramp(), "PNG"), ("image.scaled",)),
    "deep-grey-transparent.png": (deep_grey_transparent_png, ("image.scaled", "image.transparent")),
    "deep-grey.tif": (lambda: tiff(grey_ramp(), bits=16), ("image.scaled",)),
    "deep-grey-inverted.tif": (lambda: tiff(grey_ramp(), bits=16, white_is_zero=True), ("image.scaled",)),
    "deep-colour.png": (deep_colour_png, ("image.16-bit",)),
    "float.tif": (lambda: float_tiff(np.linspace(0, 1, 64).reshape(8, 8)), ("image.scaled",)),
    "integer.tif": (
        lambda: tiff(np.arange(-32, 32, dtype=np.int32).reshape(8, 8) * 1000, bits=32, kind=2),
        ("image.scaled",),
    ),
    "cmyk.jpg": (cmyk_jpeg, ("image.cmyk",)),
    "cmyk-profile.jpg": (lambda: cmyk_jpeg(cmyk_profile()), ("image.profile",)),
    "profile.png": (lambda: encoded(gradient(), "PNG", icc_profile=swapped_profile()), ("image.profile",)),
    "broken-profile.png": (
        lambda: encoded(gradient(), "PNG", icc_profile=b"no profile" * 20),
        ("image.profile-ignored",),
    ),
    "wrong-profile.png": (
        lambda: encoded(gradient(), "PNG", icc_profile=cmyk_profile()),
        ("image.profile-ignored",),
    ),
    "xray-12-in-16.png": (lambda: encoded(xray(), "PNG"), ("image.scaled",)),
    "xray-12-in-16.tif": (lambda: tiff(xray(), bits=16), ("image.scaled",)),
    "xray-12-in-32.tif": (lambda: tiff(xray().astype(np.int32), bits=32, kind=2), ("image.scaled",)),
    "xray-12-in-float.tif": (lambda: float_tiff(xray()), ("image.scaled",)),
    "xray-declared.tif": (lambda: tiff(xray(900), bits=16, limits=(0, 1000)), ("image.scaled",)),
    "xray-dim.tif": (lambda: tiff(xray(900), bits=16, limits=(0, 9000)), ("image.scaled", "image.narrow")),
    "colours-12-in-16.png": (deep_dark_png, ("image.scaled-colours",)),
    "no-end.jpg": (lambda: photo()[:-2], ("image.no-end",)),
    "no-end-progressive.jpg": (lambda: photo(progressive=True)[:-2], ("image.no-end",)),
    "cut-off.jpg": (lambda: photo()[:-400], ("image.cut-off",)),
    "cut-off-progressive.jpg": (lambda: photo(progressive=True)[:-400], ("image.cut-off-detail",)),
    "fifty-megapixels.jpg": (lambda: large_jpeg(8192, 6144), ("image.reduced",)),
    "animated.gif": (lambda: frames("GIF", 3), ("image.first-frame",)),
    "animated.png": (lambda: frames("PNG", 3), ("image.first-frame",)),
    "animated.webp": (lambda: frames("WEBP", 3), ("image.first-frame",)),
    "animated.avif": (lambda: frames("AVIF", 3), ("image.first-frame",)),
    "pages.tif": (lambda: frames("TIFF", 3), ("image.first-frame",)),
    "endless.gif": (endless_gif, ("image.first-of-many",)),
    "endless.tif": (endless_tiff, ("image.first-of-many",)),
}
"""Files that must be read: how to make each, and the codes of the notes that have to come with it."""

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.png": (lambda: b"", "image.empty"),
    "text.png": (lambda: b"hello, I am no picture", "image.unknown-format"),
    "vector.svg": (svg, "image.unknown-format"),
    "photo.heic": (heic, "image.heic"),
    "heic-called.jpg": (heic, "image.heic"),
    "page.jpg": (lambda: b"<!DOCTYPE html><html><body>Sign in</body></html>", "image.unknown-format"),
    "pointer.png": (lambda: b"version https://git-lfs.github.com/spec/v1\n", "image.unknown-format"),
    "nikon.nef": (lambda: preview_tiff((271, "NIKON CORPORATION")), "image.camera-raw"),
    "negative.dng": (lambda: preview_tiff((50706, 257)), "image.camera-raw"),
    "sensor.tif": (lambda: tiff(grey_ramp(), bits=16, photometric=32803), "image.camera-raw"),
    "canon.cr2": (lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "image.camera-raw"),
    "canon.cr3": (lambda: b"\0\0\0\x18ftypcrx " + bytes(100), "image.camera-raw"),
    "fuji.raf": (lambda: b"FUJIFILMCCD-RAW 0201" + bytes(100), "image.camera-raw"),
    "olympus.orf": (lambda: b"IIRO" + bytes(100), "image.camera-raw"),
    "panasonic.rw2": (lambda: b"IIU\0" + bytes(100), "image.camera-raw"),
    "scan.dcm": (lambda: bytes(128) + b"DICM" + bytes(100), "image.unknown-format"),
    "photo.jxl": (lambda: b"\xff\x0a" + bytes(100), "image.unknown-format"),
    "photo.jp2": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100), "image.unknown-format"),
    "film.mp4": (lambda: b"\0\0\0\x18ftypisom" + bytes(100), "image.unknown-format"),
    "giant.jpg": (lambda: bomb_header("JPEG", 60000, 5000), "image.too-many-pixels"),
    "giant-progressive.jpg": (lambda: bomb_header("JPEG", 12000, 9000, progressive=True), "image.too-many-pixels"),
    "drawing.eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image.unknown-format"),
    "layers.psd": (lambda: b"8BPS\0\1" + bytes(100), "image.unknown-format"),
    "portable.ppm": (lambda: encoded(gradient(), "PPM"), "image.unknown-format"),
    "icon.ico": (lambda: encoded(gradient(), "ICO"), "image.unknown-format"),
    "bomb.png": (bomb_png, "image.too-many-pixels"),
    "bomb.gif": (lambda: bomb_header("GIF"), "image.too-many-pixels"),
    "bomb.webp": (lambda: bomb_header("WEBP"), "image.too-many-pixels"),
    "bomb.bmp": (lambda: bomb_header("BMP"), "image.too-many-pixels"),
    "bomb.jpg": (lambda: bomb_header("JPEG"), "image.too-many-pixels"),
    "bomb.tif": (lambda: bomb_header("TIFF"), "image.too-many-pixels"),
    "scans.jpg": (many_scans_jpeg, "image.costly"),
    "segments.jpg": (many_segments_jpeg, "image.costly"),
    "chunks.png": (lambda: repeated_chunk_png(png_chunk(b"tEXt", b"a\0b"), 200_000), "image.costly"),
    "profiles.png": (many_profiles_png, "image.costly"),
    "blocks.gif": (many_blocks_gif, "image.costly"),
    "strips.tif": (many_strips_tiff, "image.costly"),
    "heavy.png": (lambda: encoded(gradient(), "PNG") + bytes(64 * 1024 * 1024), "image.too-many-bytes"),
    "half.jpg": (lambda: halved("JPEG"), "image.damaged"),
    "half.png": (lambda: halved("PNG"), "image.damaged"),
    "half.webp": (lambda: halved("WEBP"), "image.damaged"),
    "half.avif": (lambda: halved("AVIF"), "image.damaged"),
    "half.gif": (lambda: halved("GIF"), "image.damaged"),
    "half.bmp": (lambda: halved("BMP"), "image.damaged"),
    "half.tif": (lambda: halved("TIFF"), "image.damaged"),
    "only-signature.png": (lambda: b"\x89PNG\r\n\x1a\n", "image.damaged"),
    "only-signature.jpg": (lambda: b"\xff\xd8\xff", "image.damaged"),
    "only-signature.gif": (lambda: b"GIF89a", "image.damaged"),
    "only-signature.tif": (lambda: b"II*\0\x08\0\0\0", "image.damaged"),
    "only-signature.webp": (lambda: b"RIFF\0\0\0\0WEBP", "image.damaged"),
    "only-signature.avif": (lambda: b"\0\0\0\x18ftypavif", "image.damaged"),
    "not-finite.tif": (lambda: float_tiff(np.full((4, 4), np.nan)), "image.not-finite"),
}
"""Files that must be refused: how to make each, and the code of the error."""


def halved(kind: str) -> bytes:
    """The first half of a file of noise, which no format packs well."""
    noise = np.random.default_rng(7).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(noise, kind)
    return whole[: len(whole) // 2]
