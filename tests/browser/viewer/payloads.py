"""What the viewer is given to show: gates that could be, on a small picture and on a photo."""

from dataclasses import replace

import numpy as np
from skimage import data

from cbam_core.results.frame import Frame
from cbam_core.results.placement import Placement
from cbam_core.viewer import Settings, lay_out
from tests.plain_blocks import FOLLOWS, block_of, usual_of


def gated(name, weights, mask, placement):
    """A block with the gates that are not None."""
    values = {kind: array for kind, array in (("channel", weights), ("spatial", mask)) if array is not None}
    return block_of(name, values, placement)


def block(name, cells, channels, low=0.1, high=0.9, side=32):
    """Plausible gates: random, and placed as plain pooling places them."""
    chance = np.random.default_rng(cells * 1000 + channels)
    mask = weights = None
    if cells:
        mask = chance.uniform(low, high, (cells, cells)).astype(np.float32)
    if channels:
        weights = chance.uniform(0.05, 0.95, channels).astype(np.float32)
    step = side / cells if cells else 1.0
    return gated(name, weights, mask, Placement(((step - 1) / 2,) * 2, (step, step)))


BLOCKS = (block("cbam1", 16, 32), block("cbam2", 8, 64, 0.31, 0.78), block("cbam3", 4, 128))
SMALL = np.random.default_rng(7).integers(0, 256, (32, 32, 3), np.uint8)
WHOLE = Frame((32, 32), (32, 32), (0.0, 0.0, 32.0, 32.0))
SAMPLE = lay_out(SMALL, WHOLE, BLOCKS)


DEFAULTS = Settings()


def photo(fit="crop", blocks=BLOCKS, settings=DEFAULTS):
    """A photo of 451x300 and what a network saw of it."""
    cat = data.chelsea()
    height, width = cat.shape[:2]
    side = {"crop": height, "pad": width}[fit]
    left, top = (width - side) / 2, (height - side) / 2
    frame = Frame((width, height), (32, 32), (left, top, left + side, top + side))
    return lay_out(SMALL, frame, blocks, original=cat, settings=settings)


def with_usual(given, shares=FOLLOWS):
    """The block, and what is usual for its gates: random too."""
    chance = np.random.default_rng(len(given.name))
    gates = (
        replace(gate, usual=usual_of(gate.name, gate.kind, chance.uniform(0.1, 0.9, gate.values.shape), shares))
        for gate in given.gates
    )
    return replace(given, gates=tuple(gates))


KNOWN = lay_out(SMALL, WHOLE, [with_usual(one) for one in BLOCKS])
"""`SAMPLE` of a network of which it is known what is usual."""


def many(count=8):
    return lay_out(SMALL, WHOLE, [block(f"block{i}", 8, 8 + i) for i in range(count)])
