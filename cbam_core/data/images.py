"""Decoding untrusted image files: any file becomes RGB pixels, or an error that explains why not."""

from __future__ import annotations

import hashlib
import io
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from cbam_core.data.colours import Ground, to_rgb
from cbam_core.data.costly_files import refuse_costly, refuse_many_scans
from cbam_core.data.depth import has_deep_colours, lower_bytes, spread_colours
from cbam_core.data.headers import (
    ACCEPTED,
    canvas_size,
    frame_count,
    open_header,
    orientation,
    significant_bits,
    sniff,
)
from cbam_core.data.jpeg import MOST_PIXELS, MOST_PROGRESSIVE_PIXELS, Size, is_progressive, load_cut_off, reduce
from cbam_core.data.orientation import upright, upright_grid, upright_size
from cbam_core.data.other_pictures import refuse_camera_raw, refuse_other_floats, unknown_format
from cbam_core.errors import ImageError, Message, reason_of
from cbam_core.results.frame import Grid

MAX_BYTES = 64 * 1024 * 1024
"""Largest file that is read, in bytes; photos of 200 million pixels have up to 50 MB."""

MAX_PIXELS = 40_000_000
MAX_SIDE = 65_535
"""Largest image that is decoded, in pixels; checked before decoding. Larger JPEGs are decoded at a reduced size."""


@runtime_checkable
class OpenFile(Protocol):
    """A file that is open for bytes, such as ``io.BytesIO``."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, or all of them."""
        ...


ImageSource = bytes | bytearray | memoryview | OpenFile | str | Path | Image.Image | NDArray[Any]
"""Inputs of `decode`: a file's bytes, an open file, a path, a Pillow image, or a uint8 array (H, W, 3)."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|data:image/", re.IGNORECASE)

Spare = Callable[[tuple[int, int]], float]
"""Given the (width, height) of an upright original, the factor by which its sides may be decoded smaller."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image.

    Attributes:
        pixels: uint8 sRGB (H, W, 3), contiguous and read-only, upright.
        notes: conversions, in order.
        digest: SHA-256 in hexadecimal of the file's bytes; of shape and pixels where no file was given.
        grid: positions of the pixels on the original, which may be larger.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    notes: tuple[Message, ...]
    digest: str
    grid: Grid

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of `pixels`; that of the original is `grid.size`."""
        return self.pixels.shape[1], self.pixels.shape[0]


def decode(
    source: ImageSource, *, stretch: bool = False, ground: Ground = "white", spare: Spare | None = None
) -> DecodedImage:
    """Decode an image that may be untrusted.

    Safe to call from many threads at once. A file may have at most `MAX_BYTES` bytes and `MAX_PIXELS` pixels; a JPEG up
    to `jpeg.MOST_PIXELS`, of which at most `MAX_PIXELS` are decoded, at a reduced size. An animation gives its first
    frame.

    Args:
        source: a file's bytes or path, a file that is open for bytes, a Pillow image, or a uint8 array (H, W, 3); other
            whole numbers from 0 to 255 will do.
        stretch: whether values of more than eight bits are stretched from their smallest to their largest.
        ground: what transparent areas are placed on: ``"white"`` or ``"black"``.
        spare: gives the factor by which the sides of the original may be decoded smaller. A JPEG is then decoded at a
            half, a quarter or an eighth of its size, in less time; other files and images are not affected.

    Raises:
        ImageError: the image cannot be read, or is too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pillow(source, stretch, ground)
    if isinstance(source, str):
        refuse_address(source)
    if isinstance(source, str | Path):
        source = _read(Path(source))
    content = _bytes_of(source)
    if content is not None:
        return _from_bytes(content, stretch, ground, spare)
    raise ImageError(
        "image.unknown-source",
        "expected an image as bytes, a path, a file open for bytes, a Pillow image, a NumPy array or a tensor, or a "
        "list of these; given {given}",
        given=type(source).__name__,
    )


def _bytes_of(source: Any) -> bytes | None:
    """Return the bytes of a buffer, or of an open file, of which at most one more is read than is accepted."""
    if isinstance(source, OpenFile) and not isinstance(source, io.TextIOBase):
        source = source.read(MAX_BYTES + 1)
    return bytes(source) if isinstance(source, bytes | bytearray | memoryview) else None


def refuse_address(path: str) -> None:
    """Refuse an address of the web where a path is expected.

    Raises:
        ImageError: it is one.
    """
    if _ADDRESS.match(path):
        raise ImageError(
            "image.address",
            "{address} is an address, and nothing is downloaded: save the image, and give the path of its file",
            address=path[:200],
        )


def _from_bytes(content: bytes, stretch: bool, ground: Ground, spare: Spare | None) -> DecodedImage:
    if not content:
        raise ImageError("image.empty", "this file is empty; expected an image ({accepted})", accepted=ACCEPTED)
    if len(content) > MAX_BYTES:
        raise _too_many_bytes(len(content))
    name = sniff(content)
    if name is None:
        raise unknown_format(content)
    try:
        return _decoded(content, name, stretch, ground, spare)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            "image.bomb",
            "this {format} file unpacks to more than {limit} million pixels; make the image smaller",
            format=name,
            limit=MAX_PIXELS // 1_000_000,
        ) from error
    except Exception as error:  # decoders raise almost any exception on hostile bytes
        raise ImageError(
            "image.damaged",
            "this {format} file is damaged, incomplete or of an unusual kind; save it again as PNG or JPEG",
            format=name,
        ) from error


def _decoded(content: bytes, name: str, stretch: bool, ground: Ground, spare: Spare | None) -> DecodedImage:
    if announced := canvas_size(content, name):
        _check_pixels(announced)
    refuse_costly(content, name)
    if name == "TIFF":
        refuse_camera_raw(content)
        refuse_other_floats(content)
    with open_header(content, name) as image:
        stored = image.size
        size, notes = _checked_size(image, content, name, spare)
        notes += _notes_on_file(image, content, name)
        bits = significant_bits(content) if name == "PNG" else None
        deep = has_deep_colours(image)
        loaded, more = _loaded(image, content, name, size)
        notes += more
        if deep:
            loaded, more = _shallow(loaded, content, name, bits, stretch)
            notes += more
        pixels, more = _pixels(loaded, bits, stretch, ground)
    scale = size.scale(*stored)
    grid = _grid_of(pixels) if scale == 1 else upright_grid(stored, loaded, scale)
    return DecodedImage(pixels, (*notes, *more), hashlib.sha256(content).hexdigest(), grid)


def _checked_size(image: ImageFile, content: bytes, name: str, spare: Spare | None) -> tuple[Size, list[Message]]:
    """Check the size that a header announces, and have a JPEG reduced; return how much is decoded, and notes."""
    if not isinstance(image, JpegImageFile):
        _check_pixels(image.size)
        return Size(MAX_PIXELS), []
    most = MOST_PROGRESSIVE_PIXELS if is_progressive(image) else MOST_PIXELS
    _check_pixels(image.size, max(most, MAX_PIXELS))
    refuse_many_scans(content, name, image.size)
    size = Size(MAX_PIXELS, 1.0 if spare is None else spare(upright_size(image)))
    return size, reduce(image, size)


def _loaded(image: ImageFile, content: bytes, name: str, size: Size) -> tuple[Image.Image, list[Message]]:
    """Decode the pixels; of a JPEG that is cut off, those that are there."""
    try:
        image.load()
    except OSError:
        whole = load_cut_off(content, size) if name == "JPEG" else None
        if whole is None:
            raise
        return whole[0], [whole[1]]
    return image, []


def _shallow(
    upper: Image.Image, content: bytes, name: str, bits: int | None, stretch: bool
) -> tuple[Image.Image, list[Message]]:
    """Reduce colours of 16 bits to eight; where they use less than that, by the rule for grey values."""
    colours = np.asarray(upper)[..., : 1 if upper.mode == "LA" else 3]
    notes: list[Message] = []
    if (stretch or bits or colours.max() < 64) and "transparency" not in upper.info:
        with open_header(content, name) as lower:
            if lower_bytes(lower):
                lower.load()
                scaled = spread_colours(upper, lower, notes, bits=bits, stretch=stretch)
                scaled.info.update(upper.info)
                upper = scaled
    return upper, notes or [Message("image.16-bit", "16 bits per colour were reduced to 8")]


def _notes_on_file(image: ImageFile, content: bytes, name: str) -> list[Message]:
    """Note how many frames a file has."""
    frames, exact = frame_count(image, content, name)
    if frames > 1 and exact:
        return [Message("image.first-frame", "only the first of {frames} frames was used", {"frames": frames})]
    if frames > 1:
        return [
            Message("image.first-of-many", "only the first of at least {frames} frames was used", {"frames": frames})
        ]
    return []


def _pixels(
    image: Image.Image, bits: int | None, stretch: bool, ground: Ground
) -> tuple[UInt8[np.ndarray, "h w 3"], list[Message]]:
    """Return upright RGB pixels of a loaded image, and notes."""
    rgb, notes = to_rgb(image, bits=bits, stretch=stretch, ground=ground)
    turned = upright(rgb, orientation(image.info.get("exif")))
    if turned is not None:
        rgb = turned
        notes.append(Message("image.turned", "the image was turned upright, as recorded by its camera"))
    return np.frombuffer(rgb.tobytes(), np.uint8).reshape(rgb.height, rgb.width, 3), notes


def _from_pillow(image: Image.Image, stretch: bool, ground: Ground) -> DecodedImage:
    _check_pixels(image.size)
    try:
        image.load()
    except Exception as error:  # a lazily opened file is decoded here
        raise ImageError(
            "image.not-loaded",
            "the file of this Pillow image cannot be decoded ({reason}): give its path, since a file is read as far "
            "as it goes",
            reason=str(error)[:100] or type(error).__name__,
        ) from error
    try:
        pixels, notes = _pixels(image, None, stretch, ground)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(
            "image.not-loadable",
            "this Pillow image of mode {mode} cannot be turned into RGB; load and convert it first",
            mode=image.mode,
        ) from error
    return DecodedImage(pixels, tuple(notes), _digest(pixels), _grid_of(pixels))


def _from_array(array: NDArray[Any]) -> DecodedImage:
    if array.dtype.kind == "i" and array.size and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(
            "image.wrong-array",
            "expected a uint8 array of shape (height, width, 3); given {dtype} of shape {shape}: put the channels "
            "last, or give a grey or transparent image as Image.fromarray(array)",
            dtype=str(array.dtype),
            shape=str(array.shape),
        )
    _check_pixels((array.shape[1], array.shape[0]))
    pixels = np.array(array, order="C", copy=True, subok=False)
    pixels.setflags(write=False)
    return DecodedImage(pixels, (), _digest(pixels), _grid_of(pixels))


def _grid_of(pixels: UInt8[np.ndarray, "h w 3"]) -> Grid:
    return Grid((pixels.shape[1], pixels.shape[0]))


def _digest(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(pixels.data)
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(
                "image.folder",
                "{path} is a folder; expected an image ({accepted})",
                path=str(path),
                accepted=ACCEPTED,
            )
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("image.no-file", "{path} is not a regular file; expected an image", path=str(path))
        if status.st_size > MAX_BYTES:
            raise _too_many_bytes(status.st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError("image.missing", "there is no file {path}; check the name", path=str(path)) from None
    except (OSError, ValueError) as error:
        raise ImageError(
            "image.unreadable",
            "{path} cannot be read ({reason}); check its name and permissions",
            path=str(path),
            reason=reason_of(error),
        ) from error


def _check_pixels(size: tuple[int, int], most: int | None = None) -> None:
    width, height = size
    most = MAX_PIXELS if most is None else most
    if width < 1 or height < 1:
        raise ImageError(
            "image.no-pixels",
            "this image has {width}×{height} pixels; expected at least 1×1",
            width=width,
            height=height,
        )
    if max(width, height) > MAX_SIDE:  # Pillow uses a few bytes for each row and column besides the pixels
        raise ImageError(
            "image.side-too-long",
            "this image has {width}×{height} pixels; a side may have at most {limit}: crop it or make it smaller",
            width=width,
            height=height,
            limit=MAX_SIDE,
        )
    if width * height > most:
        raise ImageError(
            "image.too-many-pixels",
            "this image has {width}×{height} pixels; at most {limit} million can be read: make it smaller",
            width=width,
            height=height,
            limit=most // 1_000_000,
        )


def _too_many_bytes(size: int) -> ImageError:
    return ImageError(
        "image.too-many-bytes",
        "this file has {size:.1f} MB; at most {limit:.0f} MB can be read: make the image smaller",
        size=size / 1024**2,
        limit=MAX_BYTES / 1024**2,
    )
