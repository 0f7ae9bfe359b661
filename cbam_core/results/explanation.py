"""What a network did with one image: plain numbers, frozen, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from cbam_core.data.fitting import Frame
from cbam_core.errors import Message
from cbam_core.results.placement import Placement


@dataclass(frozen=True, eq=False)
class Block:
    """The gates of one block.

    Attributes:
        name: the block's name in the network, such as ``"cbam1"``.
        gates: every gate of the block by its kind: ``"channel"`` float32 (C,), ``"spatial"`` float32 (H, W),
            ``"full"`` float32 (C, H, W); CBAM's lie in (0, 1).
        placement: where the cells of the block's feature map lie on the input; None where it has no place.
    """

    name: str
    gates: Mapping[str, Float32[np.ndarray, ...]]
    placement: Placement | None

    @property
    def channel_weights(self) -> Float32[np.ndarray, " c"] | None:
        """Channel weights (C,), or None where the block has none."""
        return self.gates.get("channel")

    @property
    def spatial_mask(self) -> Float32[np.ndarray, "h w"] | None:
        """Spatial mask (H, W), or None where the block has none."""
        return self.gates.get("spatial")


@dataclass(frozen=True, eq=False)
class ChannelMap:
    """One channel's feature map in one block, for one picture.

    Attributes:
        block: the block's name.
        channel: number of the channel, from 0.
        weight: its channel weight; CBAM's lie in (0, 1).
        before: the map that enters the block, and that the weight multiplies; it may hold any numbers.
        after: the map that leaves the block's last gate; in a whole CBAM, `before` times weight times mask.
        placement: where the maps' cells lie on the input; None where they have no place.
    """

    block: str
    channel: int
    weight: float
    before: Float32[np.ndarray, "h w"]
    after: Float32[np.ndarray, "h w"]
    placement: Placement | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything that a page, a file or a notebook shows about one image.

    Attributes:
        classes: names of the K classes.
        probabilities: softmax of the logits, float32 (K,), sums to 1.
        input_image: exactly what the network saw before normalisation, uint8 RGB (H, W, 3).
        frame: its place in the original image.
        fit: how the original was fitted: ``"crop"``, ``"square"``, ``"pad"`` or ``"squash"``.
        notes: what was done to the image, in order.
        blocks: the gates, block by block, in order of execution.
        image_digest: SHA-256 of the image's bytes as they were given (of shape and pixels, for arrays and
            Pillow images).
        checkpoint: name of the network.
        checkpoint_digest: SHA-256 of the network's weights file, or "" for a network that came from no file.
    """

    classes: tuple[str, ...]
    probabilities: Float32[np.ndarray, " k"]
    input_image: UInt8[np.ndarray, "h w 3"]
    frame: Frame
    fit: str
    notes: tuple[Message, ...]
    blocks: tuple[Block, ...]
    image_digest: str
    checkpoint: str
    checkpoint_digest: str

    @property
    def predicted(self) -> str:
        """Name of the most probable class."""
        return self.classes[int(self.probabilities.argmax())]

    def save(
        self,
        folder: str | Path,
        *,
        colours: str = "viridis",
        scale: str = "unit",
        opacity: float = 0.5,
        smooth: bool = False,
    ) -> dict[str, Path]:
        """Write picture, raw values, channel weights and manifest into a folder.

        Args:
            folder: where; it is made when missing, and older files of the same names are replaced.
            colours: colour map of the picture, such as ``"viridis"``.
            scale: ``"unit"`` colours from 0 to 1; ``"stretch"`` from each mask's own minimum to its maximum.
            opacity: share of the mask's colour in the overlays, in [0, 1].
            smooth: draw masks interpolated between cells rather than as cells.

        Returns:
            The paths written, by file name.

        Raises:
            CbamError: the folder cannot be written, or a setting is unknown or out of range.
        """
        from cbam_core.explanation.saving import save

        return save(self, Path(folder), colours=colours, scale=scale, opacity=opacity, smooth=smooth)


def own_copy(values: np.ndarray) -> np.ndarray:
    """A read-only copy, floats as float32: a result shares no memory with a batch and is not changed by accident."""
    floats = np.issubdtype(values.dtype, np.floating)
    copy = values.astype(np.float32 if floats else values.dtype)
    copy.setflags(write=False)
    return copy
