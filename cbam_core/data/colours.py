"""Conversion of any colour format to eight bits of sRGB, with a note on every decision."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image

from cbam_core.errors import ImageError, Message

_GREY_MODES = {"1", "L", "LA", "La"}
_INTEGER_RANGES = ((0, 255), (0, 65535))
_FLOAT_RANGES = ((0, 1), (0, 255), (0, 65535))


def to_rgb(image: Image.Image) -> tuple[Image.Image, list[Message]]:
    """Convert a loaded image to RGB.

    More than eight bits of grey are scaled, an embedded colour profile is applied, and transparent areas become
    white. An RGB image that needs none of that is returned unchanged.

    Args:
        image: Pillow image of any mode, with its pixels loaded.

    Returns:
        The image in mode ``"RGB"``, and notes on what was done.

    Raises:
        ImageError: a grey value is not a number.
    """
    notes: list[Message] = []
    profile = image.info.get("icc_profile")
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        image = _eight_bits(image, notes)
    grey = image.mode in _GREY_MODES
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    if isinstance(profile, bytes) and profile:
        image = _by_profile(image, profile, grey, notes)
    if image.mode == "CMYK":
        notes.append(
            Message("image.cmyk", "print colours (CMYK) without a profile were converted with a simple formula")
        )
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
        notes.append(Message("image.transparent", "transparent areas were placed on white"))
    return image, notes


def _eight_bits(image: Image.Image, notes: list[Message]) -> Image.Image:
    """Scale grey values of more than eight bits to 0-255; mode L, or LA where one value means transparent."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ImageError(
            "image.not-finite",
            "this image has grey values that are infinite or not numbers; export it with 8 bits per channel",
        )
    low, high = _grey_range(image, values)
    notes.append(
        Message(
            "image.scaled",
            "grey values from {low} to {high} were scaled to 0 to 255",
            {"low": low, "high": high},
        )
    )
    shallow = _scaled(values, low, high)
    if _tag(image, 262) == 0:  # TIFF: 0 is white, and Pillow undoes that for eight bits only
        shallow = 255 - shallow
    scaled = Image.fromarray(shallow)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return scaled


def _grey_range(image: Image.Image, values: NDArray[Any]) -> tuple[float | int, float | int]:
    """Return the values of black and white: as the format defines them, else the smallest and largest value."""
    if image.mode.startswith("I;16"):
        bits = _tag(image, 258)
        return 0, 4095 if bits == (12,) else 65535
    smallest, largest = values.min().item(), values.max().item()
    for low, high in _INTEGER_RANGES if image.mode == "I" else _FLOAT_RANGES:
        if low <= smallest and largest <= high:
            return low, high
    return smallest, largest


def _scaled(values: NDArray[Any], low: float | int, high: float | int) -> UInt8[np.ndarray, "h w"]:
    factor = 255 / (high - low) if high > low else 0.0
    # Single precision is exact for 16 bits, and takes half the memory.
    wide: NDArray[Any] = values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    shallow: NDArray[np.uint8] = np.rint((wide - low) * factor).astype(np.uint8)
    return shallow


def _tag(image: Image.Image, number: int) -> Any:
    """Return a tag of a TIFF file; None for other formats."""
    tags = getattr(image, "tag_v2", None)
    return None if tags is None else tags.get(number)


def _by_profile(image: Image.Image, profile: bytes, grey: bool, notes: list[Message]) -> Image.Image:
    """Convert with the embedded profile; return the image unchanged where the profile cannot be used."""
    try:
        converted, name = _converted(image, profile, grey)
    except Exception:  # the colour library fails on untrusted profiles in many ways
        notes.append(Message("image.profile-ignored", "the embedded colour profile cannot be used and was ignored"))
        return image
    if converted is not None:
        notes.append(
            Message(
                "image.profile",
                "colours were converted from the embedded profile ({profile}) to sRGB",
                {"profile": name},
            )
        )
    return image if converted is None else converted


def _converted(image: Image.Image, profile: bytes, grey: bool) -> tuple[Image.Image | None, str]:
    """Return the image in sRGB and the profile's name; None for the image where the profile changes nothing."""
    from PIL import ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = "".join(c for c in opened.profile.profile_description or "" if c.isalnum() or c in " .-")[:40].strip()
    space = opened.profile.xcolor_space.strip()
    if space == "RGB" and image.mode != "CMYK":
        if name.startswith("sRGB"):
            return None, name
        source = image if image.mode == "RGB" else image.convert("RGB")
    elif space == "GRAY" and grey:
        source = image.convert("L")
    elif space == "CMYK" and image.mode == "CMYK":
        source = image
    else:
        raise ValueError(f"a {space} profile in a {image.mode} image")
    converted = ImageCms.profileToProfile(source, opened, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ValueError("the profile was not applied")
    return (None if source.mode == "RGB" and converted.tobytes() == source.tobytes() else converted), name or "?"
