"""Decoding untrusted image files: any file becomes RGB pixels, or an error that explains why not."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from cbam_core.data.colours import to_rgb
from cbam_core.data.costly_files import refuse_costly, refuse_many_scans
from cbam_core.data.headers import ACCEPTED, canvas_size, frame_count, open_header, orientation, sniff
from cbam_core.errors import ImageError, Message

MAX_BYTES = 10 * 1024 * 1024
"""Largest file that is read, in bytes."""

MAX_PIXELS = 40_000_000
MAX_SIDE = 65_535
"""Largest image that is decoded, in pixels; checked before decoding."""

ImageSource = bytes | str | Path | Image.Image | NDArray[Any]
"""Inputs of `decode`: a file's bytes, a path, a Pillow image, or a uint8 array (H, W, 3)."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image.

    Attributes:
        pixels: uint8 sRGB (H, W, 3), contiguous and read-only, upright.
        notes: conversions, in order.
        digest: SHA-256 in hexadecimal of the file's bytes; of shape and pixels where no file was given.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    notes: tuple[Message, ...]
    digest: str

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def decode(source: ImageSource) -> DecodedImage:
    """Decode an image that may be untrusted.

    Safe to call from many threads at once. A file may have at most `MAX_BYTES` bytes and `MAX_PIXELS` pixels; an
    animation gives its first frame.

    Args:
        source: a file's bytes or path, a Pillow image, or a uint8 array (H, W, 3).

    Raises:
        ImageError: the image cannot be read, or is too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, str | Path):
        source = _read(Path(source))
    if isinstance(source, bytes):
        return _from_bytes(source)
    raise ImageError(
        "image.unknown-source",
        "expected an image as bytes, a path, a Pillow image or a NumPy array; given {given}",
        given=type(source).__name__,
    )


def _from_bytes(content: bytes) -> DecodedImage:
    if not content:
        raise ImageError("image.empty", "this file is empty; expected an image ({accepted})", accepted=ACCEPTED)
    if len(content) > MAX_BYTES:
        raise _too_many_bytes(len(content))
    name = sniff(content)
    if name is None:
        raise ImageError(
            "image.unknown-format",
            "this file is not an image in a supported format ({accepted}); save it as PNG or JPEG first",
            accepted=ACCEPTED,
        )
    try:
        return _decoded(content, name)
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


def _decoded(content: bytes, name: str) -> DecodedImage:
    if announced := canvas_size(content, name):
        _check_pixels(announced)
    refuse_costly(content, name)
    with open_header(content, name) as image:
        _check_pixels(image.size)
        refuse_many_scans(content, name, image.size)
        notes = _notes_on_file(image, content, name)
        image.load()
        pixels, more = _pixels(image)
    return DecodedImage(pixels, (*notes, *more), hashlib.sha256(content).hexdigest())


def _notes_on_file(image: ImageFile, content: bytes, name: str) -> list[Message]:
    """Note what only the file knows, depth and frames; to be called before the pixels are loaded."""
    notes = []
    frames, exact = frame_count(image, content, name)
    if frames > 1 and exact:
        notes.append(Message("image.first-frame", "only the first of {frames} frames was used", {"frames": frames}))
    elif frames > 1:
        notes.append(
            Message(
                "image.first-of-many",
                "only the first of at least {frames} frames was used",
                {"frames": frames},
            )
        )
    if not image.mode.startswith("I") and any(";16" in str(tile.args) for tile in image.tile[:1]):
        notes.append(Message("image.16-bit", "16 bits per colour were reduced to 8"))
    return notes


def _pixels(image: Image.Image) -> tuple[UInt8[np.ndarray, "h w 3"], list[Message]]:
    """Return upright RGB pixels of a loaded image, and notes."""
    rgb, notes = to_rgb(image)
    transpose = _UPRIGHT.get(orientation(image.info.get("exif")))
    if transpose is not None:
        rgb = rgb.transpose(transpose)
        notes.append(Message("image.turned", "the image was turned upright, as recorded by its camera"))
    return np.frombuffer(rgb.tobytes(), np.uint8).reshape(rgb.height, rgb.width, 3), notes


def _from_pillow(image: Image.Image) -> DecodedImage:
    _check_pixels(image.size)
    try:
        image.load()
        pixels, notes = _pixels(image)
    except ImageError:
        raise
    except Exception as error:  # a lazily opened file is decoded here
        raise ImageError(
            "image.not-loadable",
            "this Pillow image of mode {mode} cannot be turned into RGB; load and convert it first",
            mode=image.mode,
        ) from error
    return DecodedImage(pixels, tuple(notes), _digest(pixels))


def _from_array(array: NDArray[Any]) -> DecodedImage:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(
            "image.wrong-array",
            "expected a uint8 array of shape (height, width, 3); given {dtype} of shape {shape}",
            dtype=str(array.dtype),
            shape=str(array.shape),
        )
    _check_pixels((array.shape[1], array.shape[0]))
    pixels = np.array(array, order="C", copy=True, subok=False)
    pixels.setflags(write=False)
    return DecodedImage(pixels, (), _digest(pixels))


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
            reason=getattr(error, "strerror", None) or str(error),
        ) from error


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(
            "image.no-pixels",
            "this image has {width} x {height} pixels; expected at least 1 x 1",
            width=width,
            height=height,
        )
    if max(width, height) > MAX_SIDE:  # Pillow uses a few bytes for each row and column besides the pixels
        raise ImageError(
            "image.side-too-long",
            "this image has {width} x {height} pixels; a side may have at most {limit}: crop it or make it smaller",
            width=width,
            height=height,
            limit=MAX_SIDE,
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            "image.too-many-pixels",
            "this image has {width} x {height} pixels; at most {limit} million can be read: make it smaller",
            width=width,
            height=height,
            limit=MAX_PIXELS // 1_000_000,
        )


def _too_many_bytes(size: int) -> ImageError:
    return ImageError(
        "image.too-many-bytes",
        "this file has {size:.1f} MB; at most {limit:.0f} MB can be read: make the image smaller",
        size=size / 1024**2,
        limit=MAX_BYTES / 1024**2,
    )
