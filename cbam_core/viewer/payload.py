"""Input of the attention viewer: pictures, blocks, settings and words, as JSON-ready values.

Masks and weights are sent as exact float32 values (base64, little-endian), or packed: in 16-bit steps from their lowest
to their highest value, half the size, with an error of at most 1/131,070 of that range. The viewer shows two decimals
in small spaces, and four in its tables of numbers.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from cbam_core.errors import RenderError, unbroken
from cbam_core.render.overlay import Cells, cells_on_input, cells_on_original, seen_on_original
from cbam_core.results.block_names import modules_of
from cbam_core.results.explanation import Block, ChannelMap, Gate
from cbam_core.results.frame import Box, Frame
from cbam_core.results.look import Look, suits
from cbam_core.results.placement import Placement
from cbam_core.results.usual import UsualGate
from cbam_core.viewer.packing import as_base64, as_packed, jpeg
from cbam_core.viewer.words import WORDS

PictureId = Literal["input", "original"]
ChannelOrder = Literal["index", "sorted", "unusual"]

SHORT_DIGITS, TABLE_DIGITS = 2, 4
"""Decimals of a number beside a picture, and in a table."""

LONGEST = 768
"""Longest side in pixels of an original image that is sent to the viewer."""

PIXELATED = 96
"""Largest side in pixels of an input that is drawn with square pixels; larger ones are interpolated like photos."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture that overlays can be drawn on.

    Attributes:
        id: ``"input"`` or ``"original"``.
        image: uint8 RGB (H, W, 3).
        seen: part that the network saw, (left, top, right, bottom) in pixels of `image`.
        pixelated: whether each pixel is drawn as a square of whole screen pixels.
    """

    id: PictureId
    image: UInt8[np.ndarray, "h w 3"]
    seen: Box
    pixelated: bool

    def as_dict(self, packed: bool = False) -> dict[str, Any]:
        """Convert to JSON-ready values, with the image in base64: PNG, or, packed, JPEG if not pixelated."""
        lossy = packed and not self.pixelated
        file = jpeg(self.image) if lossy else png(self.image)
        height, width = self.image.shape[:2]
        return {
            "id": self.id,
            "width": width,
            "height": height,
            "jpeg" if lossy else "png": base64.b64encode(file).decode("ascii"),
            "pixelated": self.pixelated,
            "seen": list(self.seen),
        }


@dataclass(frozen=True, eq=False)
class ViewedBlock:
    """One block, and the positions of its cells on each picture.

    Attributes:
        block: the block.
        cells: positions of the mask's cells, by the picture's id; empty where they are unknown.
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

    def as_dict(self, packed: bool = False) -> dict[str, Any]:
        """Convert to JSON-ready values, with numbers as little-endian float32 in base64, or packed."""
        spatial, channel = self.block.mask, self.block.gate("channel")
        mask = None
        if spatial is not None:
            height, width = spatial.values.shape
            mask = {"height": height, "width": width, **gate_as_dict(spatial, packed)}
        return {
            "name": self.block.name,
            "mask": mask,
            "weights": None if channel is None else gate_as_dict(channel, packed),
            "undrawn": [list(gate.values.shape) for gate in self.block.gates if not gate.is_drawn],
            "cells": {picture: {**vars(cells)} for picture, cells in self.cells.items()},
            "place": place_as_dict(self.block.placement),
        }


def place_as_dict(placement: Placement | None) -> dict[str, Any] | None:
    """Say how far cells may lie from where they are drawn; None where they lie there, or nowhere."""
    if placement is None or placement.status == "exact":
        return None
    return {"status": placement.status, "bound": placement.bound if math.isfinite(placement.bound) else None}


def gate_as_dict(gate: Gate, packed: bool = False) -> dict[str, Any]:
    """Convert a gate's values and its usual values to JSON-ready values."""
    usual = gate.usual
    fits = usual is not None and usual.mean.shape == gate.values.shape
    return {
        "values": as_packed(gate.values) if packed else as_base64(gate.values),
        "level": gate.level if math.isfinite(gate.level) else None,
        "use": {"scale": gate.scale, "shift": gate.shift} if gate.use else None,
        "usual": _usual(usual, packed) if usual is not None and fits else None,
    }


def _usual(usual: UsualGate, packed: bool) -> dict[str, Any]:
    sentence = usual.sentence
    return {
        "values": as_packed(usual.mean) if packed else as_base64(usual.mean),
        "level": usual.level,
        "sentence": {"code": sentence.code, "values": sentence.values},
        "follows": usual.follows_image,
        "shares": {**vars(usual.shares)},
        "images": usual.images,
        "count": usual.count,
    }


def _fits(name: str, value: object) -> bool:
    """Check that a setting of the viewer can have a value of any type."""
    if name == "block":
        return value is None or isinstance(value, str)
    if name in _PAIRS:
        return value is None or (isinstance(value, tuple | list) and len(value) == 2 and _PAIRS[name](*value))
    if name in _CHOICES:
        return isinstance(value, str) and value in _CHOICES[name]
    return suits(name, value)


def _is_place(x: object, y: object) -> bool:
    numbers = (x, y)
    return all(isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 100 for one in numbers)


def _is_channel(block: object, channel: object) -> bool:
    return isinstance(block, str) and isinstance(channel, int) and not isinstance(channel, bool) and channel >= 0


def _is_gate(block: object, kind: object) -> bool:
    return isinstance(block, str) and kind in _PARTS


_PARTS: Mapping[str, str] = MappingProxyType({"channel": "weights", "spatial": "mask"})
"""Key of a gate in a payload's block, by its kind."""

_PAIRS: Mapping[str, Callable[[object, object], bool]] = MappingProxyType(
    {"place": _is_place, "channel": _is_channel, "origin": _is_gate}
)


def _as_kept(name: str, value: Any) -> Any:
    """Convert a valid value from the browser, which has lists for tuples and may have whole numbers for others."""
    if name == "opacity":
        return float(value)
    if name == "place" and value is not None:
        return round(float(value[0]), 1), round(float(value[1]), 1)
    return tuple(value) if name in ("channel", "origin") and value is not None else value


def _blocks_by_module(names: Sequence[str]) -> dict[str, str]:
    """Return the first block that a module makes up with another one, by the module's path."""
    found: dict[str, str] = {}
    for name in names:
        paths = modules_of(name)
        found |= {path: name for path in paths if len(paths) > 1 and path not in (*names, *found)}
    return found


def _channels(block: Mapping[str, Any]) -> int:
    """Count the channel weights of a payload's block, float32 numbers in base64."""
    weights = block["weights"]
    return 0 if weights is None else len(base64.b64decode(weights["values"])) // 4


_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"image": get_args(PictureId), "order": get_args(ChannelOrder)}
)


@dataclass(frozen=True)
class Settings(Look):
    """Settings of the viewer: a look, and further settings that users change in the browser.

    Attributes:
        image: picture under the masks.
        order: channels by ``"index"``, ``"sorted"`` with the highest weight first, or ``"unusual"`` with the channel
            furthest above its usual shape first.
        block: last chosen block of a network with many blocks; None before a choice.
        place: pinned place, (x, y) in percent of the width and height of the network's input; None without one.
        channel: chosen channel, (name of its block, index); None without one.
        origin: gate whose origin is shown, (name of its block, kind); None without one.
    """

    image: PictureId = "input"
    order: ChannelOrder = "index"
    block: str | None = None
    place: tuple[float, float] | None = None
    channel: tuple[str, int] | None = None
    origin: tuple[str, str] | None = None

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
        """The look without the other settings."""
        return Look(self.colours, self.scale, self.opacity, self.smooth, self.reading)

    def changed_by(self, values: Mapping[str, Any]) -> Settings:
        """Replace settings by the valid ones of `values`, which come from the browser or a link."""
        now = self.as_dict()
        for name in now.keys() & values.keys():
            if _fits(name, values[name]):
                now[name] = _as_kept(name, values[name])
        return Settings(**now)

    def known_to(self, blocks: Sequence[Mapping[str, Any]]) -> Settings:
        """Leave out a block, a channel or a gate that is not among blocks of a payload.

        A module that makes up a block with another one stands for that block.
        """
        sizes = {block["name"]: _channels(block) for block in blocks}
        shared = _blocks_by_module([*sizes])
        channel = None if self.channel is None else (shared.get(self.channel[0], self.channel[0]), self.channel[1])
        origin = None if self.origin is None else (shared.get(self.origin[0], self.origin[0]), self.origin[1])
        gates = {(one["name"], kind) for one in blocks for kind, part in _PARTS.items() if one[part] is not None}
        block = None if self.block is None else shared.get(self.block, self.block)
        return replace(
            self,
            block=block if block in sizes else None,
            channel=channel if channel is not None and channel[1] < sizes.get(channel[0], 0) else None,
            origin=origin if origin in gates else None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        return {**vars(self)}


@dataclass(frozen=True)
class Payload:
    """Input of the viewer.

    Attributes:
        pictures: the input, or the input and the original.
        blocks: blocks in order of execution.
        settings: settings to start with; the viewer keeps the user's changes until these change.
        words: words of the viewer; missing keys are English.
        traces: whether the host answers the choice of a channel with its feature maps.
        trace: feature maps of the chosen channel.
        origins: whether the host answers the choice of a gate with how it came about.
        origin: how the chosen gate came about, see `cbam_core.viewer.origin`.
    """

    pictures: tuple[Picture, ...]
    blocks: tuple[ViewedBlock, ...]
    settings: Settings = Settings()
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)
    traces: bool = False
    trace: ChannelMap | None = None
    origins: bool = False
    origin: Mapping[str, Any] | None = None

    def as_dict(self, packed: bool = False) -> dict[str, Any]:
        """Convert to JSON-ready values, for `mount` of viewer.js.

        Args:
            packed: whether numbers and large pictures are packed, for files that hold many images.
        """
        return {
            "images": [picture.as_dict(packed) for picture in self.pictures],
            "blocks": [block.as_dict(packed) for block in self.blocks],
            "settings": self.settings.as_dict(),
            "words": {key: unbroken(word) for key, word in {**WORDS, **self.words}.items()},
            "digits": {"short": SHORT_DIGITS, "table": TABLE_DIGITS},
            "traces": self.traces,
            "trace": None if self.trace is None else trace_as_dict(self.trace),
            "origins": self.origins,
            "origin": self.origin,
        }


def trace_as_dict(trace: ChannelMap) -> dict[str, Any]:
    """Convert a channel's feature maps to JSON-ready values, with numbers as little-endian float32 in base64."""
    height, width = trace.before.shape
    return {
        "block": trace.block,
        "channel": trace.channel,
        "weight": trace.weight,
        "height": height,
        "width": width,
        "before": as_base64(trace.before),
        "after": as_base64(trace.after),
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
    """Make a payload from the parts of an explanation.

    Args:
        input_image: input of the network, uint8 RGB.
        frame: its position in the original.
        blocks: blocks of an explanation.
        original: original image, uint8 RGB, at any size; None where it is the input itself.
        settings: settings to start with.
        words: translations; missing keys are English.
        longest: longest side in pixels of the original; a larger one is reduced.
    """
    height, width = input_image.shape[:2]
    whole = (0.0, 0.0, float(width), float(height))
    pictures = [Picture("input", input_image, whole, pixelated=max(width, height) <= PIXELATED)]
    factor = (1.0, 1.0)
    if original is not None:
        small = _at_most(original, longest)
        factor = (small.shape[1] / frame.original_size[0], small.shape[0] / frame.original_size[1])
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
    """Encode an image as PNG, with fast rather than small compression."""
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
