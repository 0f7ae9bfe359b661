"""Positions of a map's cells on the network's input; free of torch, because explanations hold it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

Pair = tuple[float, float]
Status = Literal["exact", "approximate", "unknown"]


@dataclass(frozen=True)
class Placement:
    """Grid of a map's cell centres on the network's input.

    The centre of the cell in row i, column j is at row ``start[0] + i * step[0]``, column ``start[1] + j * step[1]``,
    in pixel-centre units: 0.0 is the centre of the first pixel. Source of the rule: A. Araujo, W. Norris, J. Sim,
    *Computing Receptive Fields of Convolutional Neural Networks*, Distill 2019, doi 10.23915/distill.00021.

    Attributes:
        start: centre of the first cell (row, column), in input pixels.
        step: distance between neighbouring centres (rows, columns), in input pixels.
        status: ``"exact"``; ``"approximate"`` where branches with different grids meet, or cells do not lie on a line;
            ``"unknown"`` where the map could not be followed, which is then stretched over the input.
        bound: largest distance of a cell from its centre in either direction, in input pixels: 0 if exact, infinite
            if unknown.
        field: size of the receptive field (rows, columns), in input pixels; None where it is not known. It says
            nothing about where cells lie, so placements that differ in it alone are equal.
    """

    start: Pair
    step: Pair
    status: Status = "exact"
    bound: float = 0.0
    field: Pair | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def stretched(cls, cells: tuple[int, int], size: tuple[int, int]) -> Placement:
        """Return the placement of a map of unknown place: its cells share out the whole input.

        Args:
            cells: rows and columns of the map.
            size: height and width of the input, in pixels.
        """
        down, across = size[0] / cells[0], size[1] / cells[1]
        return cls(((down - 1) / 2, (across - 1) / 2), (down, across), "unknown", math.inf)

    def after(self, window: Pair, stride: Pair, padding: Pair) -> Placement:
        """Compute the grid after a layer with a window, stride and padding.

        Args:
            window: extent of the kernel, with dilation (rows, columns).
            stride: stride of the kernel (rows, columns).
            padding: number of cells added before the first row and column.
        """
        start = tuple(
            s + ((w - 1) / 2 - p) * d for s, d, w, p in zip(self.start, self.step, window, padding, strict=True)
        )
        step = tuple(d * s for d, s in zip(self.step, stride, strict=True))
        return dataclasses.replace(self, start=(start[0], start[1]), step=(step[0], step[1]), field=None)
