"""Explanation of one image by one network: frozen NumPy arrays, without torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import numpy as np
from jaxtyping import Float32, UInt8

from cbam_core.arguments import ARRAY, PATH, TEXT, instance_of, takes
from cbam_core.errors import CbamError, Message, RenderError
from cbam_core.results.frame import Frame
from cbam_core.results.kinds import Kind
from cbam_core.results.layout import Layout, LayoutOptions
from cbam_core.results.look import Look, as_reading, as_scale
from cbam_core.results.placement import Placement
from cbam_core.results.usual import UsualGate

if TYPE_CHECKING:
    from cbam_core.render.paper.printed import PrintedFigure


Unread = Literal["no_usual", "not_finite", "not_positive"]
"""Why a gate does not have a reading: its usual values are unknown, or its mean is not finite or not above 0."""


@dataclass(frozen=True, eq=False)
class Gate:
    """One tensor that multiplied a feature map, for one image.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``, unique in a result.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        call: number of this call of the gate in the forward: 1, or more where a module is used again.
        values: float32 along the axes of its kind: ``"channel"`` (C,), ``"spatial"`` (H, W), ``"full"`` (C, H, W),
            ``"row"`` (C, H), ``"column"`` (C, W);
            those of CBAM are in (0, 1).
        usual: usual values of the gate; None where they are unknown.
        scale: factor of the values: the map was multiplied by ``scale * values + shift``.
        shift: what was added to them; 1 for ``x * (1 + gate)``.
        squashed: whether the values are known to lie in [0, 1]; False for masks without a sigmoid or the like.
    """

    name: str
    kind: Kind
    call: int
    values: Float32[np.ndarray, ...]
    usual: UsualGate | None = field(default=None, repr=False)
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True

    def __repr__(self) -> str:
        use = f", map x {self.use}" if self.use else ""
        if not self.values.size:
            return f"Gate({self.name!r}, {self.kind} {self.values.shape}{use})"
        low, high = self.values.min(), self.values.max()
        return f"Gate({self.name!r}, {self.kind} {self.values.shape}, {low:.3g} to {high:.3g}{use})"

    @property
    def use(self) -> str:
        """What the map was multiplied by, such as ``"(1 + gate)"``; "" for the values themselves."""
        if (self.scale, self.shift) == (1, 0):
            return ""
        scaled = "gate" if self.scale == 1 else f"{self.scale:.3g} x gate"
        return f"({self.shift:.3g} + {scaled})" if self.shift else scaled

    @property
    def relative(self) -> Float32[np.ndarray, ...] | None:
        """The values as multiples of their own mean: g / mean(g), 1 on average.

        None where that mean is not above 0, or not finite.
        """
        return _relative(self.values)

    @property
    def against_usual(self) -> Float32[np.ndarray, ...] | None:
        """Difference of the gate's shape from the usual: g / mean(g) - u / mean(u), 0 on average.

        None where the usual values u are unknown or have another size, or where a mean is not above 0 or not finite.
        """
        if self.usual is None or self.usual.mean.shape != self.values.shape:
            return None
        shape, usual = self.relative, _relative(self.usual.mean)
        return None if shape is None or usual is None else shape - usual

    @property
    def gain(self) -> float | None:
        """Strength of the gate for this image: mean(g) / mean(u), 1 for the usual strength.

        None where the usual values u are unknown, or where a mean is not above 0 or not finite. Only means are
        compared, so a gate of another size than its usual one has a gain too.
        """
        if self.usual is None or not (_has_shape(self.usual.level) and _has_shape(self.level)):
            return None
        return self.level / self.usual.level

    def read(self, reading: str) -> Float32[np.ndarray, ...] | None:
        """Return the values of a reading: `values`, `relative` or `against_usual`; None where there are none.

        Raises:
            RenderError: there is no such reading.
        """
        if as_reading(reading) == "values":
            return self.values
        return self.relative if reading == "relative" else self.against_usual

    def why_unread(self, reading: str) -> Unread | None:
        """Return why there are no values of a reading; None where there are some.

        Raises:
            RenderError: there is no such reading.
        """
        if self.read(reading) is not None:
            return None
        if not _has_shape(self.level):
            return "not_positive" if math.isfinite(self.level) else "not_finite"
        return "no_usual"

    @property
    def is_drawn(self) -> bool:
        """Whether there is a picture of it: bars for channel weights, a mask for one value at each row and column."""
        return self.kind == "channel" or (self.kind == "spatial" and self.values.ndim == 2)

    @property
    def level(self) -> float:
        """Mean of the values."""
        return float(self.values.mean(dtype=np.float64))


def _relative(values: Float32[np.ndarray, ...]) -> Float32[np.ndarray, ...] | None:
    mean = values.mean(dtype=np.float64)
    return (values / mean).astype(np.float32) if _has_shape(mean) else None


def _has_shape(level: float) -> bool:
    """Check that values with this mean can be divided by it."""
    return bool(0 < level < math.inf)


@dataclass(frozen=True, eq=False)
class Block:
    """The gates of one block.

    Attributes:
        name: name of the block, such as ``"cbam1"``.
        gates: gates of the block, in order of execution; several may be of one kind.
        placement: grid of the feature map's cells on the input; None where it is unknown.
    """

    name: str
    gates: tuple[Gate, ...]
    placement: Placement | None

    def __repr__(self) -> str:
        return f"Block({self.name!r}, {', '.join(f'{gate.kind} {gate.values.shape}' for gate in self.gates)})"

    def gate(self, kind: Kind) -> Gate | None:
        """Return the block's first gate of a kind; None where it has none."""
        return next((gate for gate in self.gates if gate.kind == kind), None)

    @property
    def channel_weights(self) -> Float32[np.ndarray, " c"] | None:
        """Channel weights (C,), or None where the block has none."""
        found = self.gate("channel")
        return None if found is None else found.values

    @property
    def mask(self) -> Gate | None:
        """The gate of the spatial mask, over rows and columns; None where the block has none."""
        found = self.gate("spatial")
        return found if found is not None and found.is_drawn else None

    @property
    def spatial_mask(self) -> Float32[np.ndarray, "h w"] | None:
        """Spatial mask (H, W), or None where the block has none."""
        return None if self.mask is None else self.mask.values


def blocks_of(
    gates: Iterable[tuple[str, Gate]],
    placements: Mapping[str, Placement],
    input_size: tuple[int, int] | None = None,
) -> tuple[Block, ...]:
    """Group gates by block.

    Args:
        gates: pairs of a block's name and a gate, in order of execution.
        placements: grid of each block's cells, by the block's name.
        input_size: (width, height) of the input in pixels, over which masks without a grid are stretched; None to
            leave them without one.
    """
    by_block: dict[str, list[Gate]] = {}
    for block, gate in gates:
        by_block.setdefault(block, []).append(gate)
    return tuple(
        Block(name, tuple(own), _placement(placements.get(name), own, input_size)) for name, own in by_block.items()
    )


def _placement(known: Placement | None, gates: list[Gate], input_size: tuple[int, int] | None) -> Placement | None:
    """Return the grid of a block's masks, which need not have as many cells as the map that they multiply."""
    sides = (gate.values.shape[-2:] for gate in gates if (gate.kind, gate.values.ndim) in (("spatial", 2), ("full", 3)))
    cells = next(sides, None)
    if cells is None:
        return known
    if known is not None:
        return known.shared_by((cells[0], cells[1]))
    return None if input_size is None else Placement.stretched((cells[0], cells[1]), input_size[::-1])


@dataclass(frozen=True, eq=False)
class ChannelMap:
    """Feature map of one channel of one block, for one image.

    Attributes:
        block: name of the block.
        channel: index of the channel, from 0.
        weight: channel weight; that of CBAM is in (0, 1).
        before: map that the weight multiplies, any numbers (H, W).
        after: map after the block's last gate (H, W); in a complete CBAM, `before` times weight times mask.
        placement: grid of the maps' cells on the input; None where it is unknown.
    """

    block: str
    channel: int
    weight: float
    before: Float32[np.ndarray, "h w"]
    after: Float32[np.ndarray, "h w"]
    placement: Placement | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Prediction and gates of a network for one image, with all data that pages and files show.

    Attributes:
        classes: names of the K classes; () without a prediction, as for a network that is no classifier.
        probabilities: softmax of the logits, float32 (K,), sums to 1; of a network that ends in sigmoids, these.
        input_image: input of the network before normalisation, uint8 RGB (H, W, 3).
        frame: its position in the original image.
        fit: how the original was fitted: ``"crop"``, ``"square"``, ``"pad"`` or ``"squash"``.
        notes: conversions of the image, in order.
        blocks: blocks with their gates, in order of execution.
        image_digest: SHA-256 of the image file's bytes (of shape and pixels for arrays and Pillow images).
        checkpoint: name of the network.
        checkpoint_digest: SHA-256 of the network's weights file; "" for a network without a file.
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

    def __repr__(self) -> str:
        height, width = self.input_image.shape[:2]
        says = "no prediction" if self.predicted is None else f"{self.predicted} {100 * self.probability:.1f} %"
        blocks, gates = len(self.blocks), sum(len(block.gates) for block in self.blocks)
        of = f"{blocks} block{'s' * (blocks != 1)} with {gates} gate{'s' * (gates != 1)}"
        return f"Explanation({says}, {of}, input {width}×{height}, by {self.checkpoint!r})"

    @property
    def predicted(self) -> str | None:
        """Name of the most probable class; None without a prediction."""
        return self.classes[int(self.probabilities.argmax())] if self.classes else None

    @property
    def probability(self) -> float:
        """Probability of the most probable class; 0 without a prediction."""
        return float(self.probabilities.max(initial=0))

    def _repr_html_(self) -> str:
        from cbam_core.report import output_html

        return output_html(self)

    @takes(CbamError, folder=PATH)
    def save(
        self,
        folder: str | Path,
        *,
        colours: str = "viridis",
        colors: str | None = None,
        scale: str = "unit",
        opacity: float = 0.5,
        smooth: bool = False,
        reading: str = "values",
        html: bool = False,
    ) -> dict[str, Path]:
        """Write figure, raw values, channel weights and manifest to a folder.

        Args:
            folder: folder of the files; it is created if it is missing, and older files are replaced.
            colours: name of a colour table, such as ``"viridis"``.
            colors: another spelling of `colours`.
            scale: range of the colours: ``"unit"`` for 0 to 1, ``"stretch"`` for each mask's minimum to maximum.
            opacity: share of the mask's colour in the overlays, in [0, 1].
            smooth: whether masks are interpolated between cells.
            reading: how gates are drawn: ``"values"``, ``"relative"`` to their own mean, or compared with the
                ``"usual"`` shape; files of numbers always have the values.
            html: whether to write ``explanation.html`` too: one file with the viewer, which any browser opens without
                a network. It opens with these settings, and says how precise its numbers are.

        Returns:
            Paths of the files, by file name.

        Raises:
            CbamError: the folder cannot be written, or a setting is unknown or out of range.
        """
        from cbam_core.explanation.saving import save

        look = Look(
            colours=colors or colours,
            scale=as_scale(scale),
            opacity=opacity,
            smooth=bool(smooth),
            reading=as_reading(reading),
        )
        return save(self, Path(folder), look=look, html=html)

    @takes(
        RenderError,
        path=PATH.or_none,
        truth=TEXT.or_none,
        original=ARRAY.or_none,
    )
    def figure(
        self,
        path: str | Path | None = None,
        *,
        truth: str | None = None,
        original: UInt8[np.ndarray, "oh ow 3"] | None = None,
        **options: Unpack[LayoutOptions],
    ) -> PrintedFigure:
        """Draw a figure for print: vector graphics with text as text, in millimetres and points.

        The same explanation and options give the same file, byte by byte, with one version of matplotlib.

        Args:
            path: path of a file to write, which ends in ``.pdf``, ``.svg`` or ``.png``; None for none.
            truth: name of the true class; None where it is unknown.
            original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
            **options: attributes of `cbam_core.results.layout.Layout`, such as ``width=84``, ``reading="relative"`` or
                ``parts=("input", "masks", "usual", "difference")``.

        Returns:
            The figure, with its caption apart; a notebook shows it.

        Raises:
            RenderError: an option is unknown or out of its range, or matplotlib is not installed.
            ImageError: `original` is not the image that was explained.
            CbamError: the file cannot be written.
        """
        from cbam_core.render.paper.single import figure_of

        drawn = figure_of(self, Layout.of(options), truth=truth, original=original).warn()
        if path is not None:
            drawn.save(path)
        return drawn


EXPLANATION = instance_of("an explanation, as explain returns it", Explanation)
"""Kind of argument."""


def own_copy(values: np.ndarray) -> np.ndarray:
    """Make a read-only copy, with floats as float32, that shares no memory with a batch."""
    floats = np.issubdtype(values.dtype, np.floating)
    copy = values.astype(np.float32 if floats else values.dtype)
    copy.setflags(write=False)
    return copy
