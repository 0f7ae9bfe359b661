"""What the attention viewer is given: pictures, blocks, settings and words, as JSON-ready values.

Masks and weights travel as the float32 numbers that they are (base64, little-endian), so nothing is lost on
the way; the viewer rounds to two decimals where space is small and to four in its tables of numbers.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from cbam_core.errors import RenderError
from cbam_core.render.overlay import Box, Cells, cells_on_input, cells_on_original, seen_on_original
from cbam_core.results.explanation import Block, Gate
from cbam_core.results.frame import Frame
from cbam_core.results.look import Look, suits
from cbam_core.results.usual import UsualGate
from cbam_core.viewer.words import WORDS

PictureId = Literal["input", "original"]
Order = Literal["index", "sorted", "unusual"]

SHORT_DIGITS, TABLE_DIGITS = 2, 4
"""Decimals of a number beside a picture, and in a table."""

LONGEST = 768
"""Longest side of an original image that is sent to be drawn, pixels."""

PIXELATED = 96
"""Inputs up to this side, in pixels, are drawn with square pixels; larger ones are scaled as photos are."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture that overlays can be drawn on.

    Attributes:
        id: ``"input"`` or ``"original"``.
        image: RGB.
        seen: the part that the network saw, (left, top, right, bottom) in pixels of `image`.
        pixelated: draw each pixel as a square of whole screen pixels.
    """

    id: PictureId
    image: UInt8[np.ndarray, "h w 3"]
    seen: Box
    pixelated: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; the image as PNG in base64."""
        height, width = self.image.shape[:2]
        return {
            "id": self.id,
            "width": width,
            "height": height,
            "png": base64.b64encode(png(self.image)).decode("ascii"),
            "pixelated": self.pixelated,
            "seen": list(self.seen),
        }


@dataclass(frozen=True, eq=False)
class ViewedBlock:
    """One block, and where its mask lies on each image that it can be drawn on.

    Attributes:
        block: the block.
        cells: where the mask's cells lie, by the image's id; empty where that is not known.
    """

    block: Block
    cells: Mapping[str, Cells] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the block."""
        return self.block.name

    @property
    def mask(self) -> Float32[np.ndarray, "h w"] | None:
        """Spatial mask (H, W), or None where the block has none."""
        return self.block.spatial_mask

    @property
    def weights(self) -> Float32[np.ndarray, " c"] | None:
        """Channel weights (C,), or None where the block has none."""
        return self.block.channel_weights

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; numbers as little-endian float32 in base64."""
        spatial, channel = self.block.gate("spatial"), self.block.gate("channel")
        mask = None
        if spatial is not None:
            height, width = spatial.values.shape
            mask = {"height": height, "width": width, **_gate(spatial)}
        return {
            "name": self.block.name,
            "mask": mask,
            "weights": None if channel is None else _gate(channel),
            "cells": {picture: asdict(cells) for picture, cells in self.cells.items()},
        }


def _gate(gate: Gate) -> dict[str, Any]:
    """A gate's values and what is usual for it, JSON-ready."""
    usual = gate.usual
    fits = usual is not None and usual.mean.shape == gate.values.shape
    return {
        "values": as_base64(gate.values),
        "level": gate.level if math.isfinite(gate.level) else None,
        "usual": _usual(usual) if usual is not None and fits else None,
    }


def _usual(usual: UsualGate) -> dict[str, Any]:
    sentence = usual.sentence
    return {
        "values": as_base64(usual.mean),
        "level": usual.level,
        "sentence": {"code": sentence.code, "values": sentence.values},
        "follows": usual.follows_image,
        "pattern": usual.shares.pattern,
        "images": usual.images,
        "count": usual.count,
    }


def _fits(name: str, value: object) -> bool:
    """Whether a setting of the viewer can have that value, whatever its type."""
    if name == "block":
        return value is None or isinstance(value, str)
    if name in _CHOICES:
        return isinstance(value, str) and value in _CHOICES[name]
    return suits(name, value)


_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType({"image": get_args(PictureId), "order": get_args(Order)})


@dataclass(frozen=True)
class Settings(Look):
    """How the viewer draws: a look, and what else the reader changes in the browser.

    Attributes:
        image: which picture lies under the masks.
        order: channels by ``"index"``, ``"sorted"``, greatest weight first, or ``"unusual"``, greatest difference from
            the usual shape first.
        block: in a network with many blocks, the one chosen last; None before any was chosen.
    """

    image: PictureId = "input"
    order: Order = "index"
    block: str | None = None

    def __post_init__(self) -> None:
        for name, value in self.as_dict().items():
            if not _fits(name, value):
                raise RenderError(
                    "viewer.setting",
                    "the viewer's setting '{name}' cannot be {given}",
                    name=name,
                    given=repr(value),
                )

    @property
    def look(self) -> Look:
        """The look alone."""
        return Look(self.colours, self.scale, self.opacity, self.smooth, self.reading)

    def changed_by(self, values: Mapping[str, Any]) -> Settings:
        """These settings with those of `values` that make sense; the browser and links can send anything."""
        now = self.as_dict()
        for name in now.keys() & values.keys():
            if _fits(name, values[name]):
                now[name] = float(values[name]) if name == "opacity" else values[name]
        return Settings(**now)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Payload:
    """Everything that the viewer is given.

    Attributes:
        pictures: one, or the input and the original.
        blocks: in order of execution.
        settings: how to draw; the viewer keeps its reader's own until these change.
        words: what to say; English by default. Missing keys are filled in English.
    """

    pictures: tuple[Picture, ...]
    blocks: tuple[ViewedBlock, ...]
    settings: Settings = Settings()
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, as `mount` of viewer.js takes them."""
        return {
            "images": [picture.as_dict() for picture in self.pictures],
            "blocks": [block.as_dict() for block in self.blocks],
            "settings": self.settings.as_dict(),
            "words": {**WORDS, **self.words},
            "digits": {"short": SHORT_DIGITS, "table": TABLE_DIGITS},
        }


def lay_out(
    input_image: UInt8[np.ndarray, "h w 3"],
    frame: Frame,
    blocks: Sequence[Block],
    *,
    original: UInt8[np.ndarray, "oh ow 3"] | None = None,
    settings: Settings = Settings(),
    words: Mapping[str, str] = MappingProxyType({}),
    longest: int = LONGEST,
) -> Payload:
    """A payload from the parts of an explanation.

    Args:
        input_image: exactly what the network saw, RGB.
        frame: its place in the original.
        blocks: an explanation's blocks.
        original: the original image, RGB; None where it is the input itself.
        settings: how to draw.
        words: translations; what is missing stays English.
        longest: an original with a longer side is drawn from a smaller copy, pixels.
    """
    height, width = input_image.shape[:2]
    whole = (0.0, 0.0, float(width), float(height))
    pictures = [Picture("input", input_image, whole, pixelated=max(width, height) <= PIXELATED)]
    factor = (1.0, 1.0)
    if original is not None:
        small = _at_most(original, longest)
        factor = (small.shape[1] / original.shape[1], small.shape[0] / original.shape[0])
        left, top, right, bottom = seen_on_original(frame)
        seen = (left * factor[0], top * factor[1], right * factor[0], bottom * factor[1])
        pictures.append(Picture("original", small, seen, pixelated=False))
    viewed = []
    for block in blocks:
        cells: dict[str, Cells] = {}
        if block.placement is not None and block.spatial_mask is not None:
            cells["input"] = cells_on_input(block.placement)
            if original is not None:
                cells["original"] = cells_on_original(block.placement, frame).scaled(*factor)
        viewed.append(ViewedBlock(block, cells))
    return Payload(tuple(pictures), tuple(viewed), settings, words)


def png(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The picture as PNG, without loss; compressed lightly: on one machine time counts more than bytes."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _at_most(image: UInt8[np.ndarray, "h w 3"], longest: int) -> UInt8[np.ndarray, "sh sw 3"]:
    height, width = image.shape[:2]
    factor = longest / max(width, height)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.LANCZOS))


def as_base64(values: Float32[np.ndarray, "*shape"]) -> str:
    """Values for the browser: little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
