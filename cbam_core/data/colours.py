"""Conversion of any colour format to eight bits of sRGB, with a note on every decision."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from cbam_core.data.depth import eight_bits, is_deep
from cbam_core.errors import Message

_GREY_MODES = {"1", "L", "LA", "La"}

Ground = Literal["white", "black"]
"""What transparent areas are placed on."""


def to_rgb(
    image: Image.Image, *, bits: int | None = None, stretch: bool = False, ground: Ground = "white"
) -> tuple[Image.Image, list[Message]]:
    """Convert a loaded image to RGB.

    More than eight bits of grey are scaled, an embedded colour profile is applied, and transparent areas become
    white or black. An RGB image that needs none of that is returned unchanged.

    Args:
        image: Pillow image of any mode, with its pixels loaded.
        bits: significant bits of grey values that the file declares; None where it does not.
        stretch: whether grey values of more than eight bits are stretched from their smallest to their largest.
        ground: what transparent areas are placed on.

    Returns:
        The image in mode ``"RGB"``, and notes on what was done.

    Raises:
        ImageError: a grey value is not a number.
    """
    notes: list[Message] = []
    profile = image.info.get("icc_profile")
    if is_deep(image):
        image = eight_bits(image, notes, bits=bits, stretch=stretch)
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
        image = Image.composite(image, Image.new("RGB", image.size, ground), alpha)
        notes.append(
            Message("image.transparent", "transparent areas were placed on white")
            if ground == "white"
            else Message("image.transparent", "transparent areas were placed on black")
        )
    return image, notes


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
