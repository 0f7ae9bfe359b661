"""Positions of a map's cells on the network's input; free of torch, because explanations hold it."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True)
class Placement:
    """Grid of a map's cell centres on the network's input.

    The centre of the cell in row i, column j is at row ``start[0] + i * step[0]``, column ``start[1] + j * step[1]``,
    in pixel-centre units: 0.0 is the centre of the first pixel. Source of the rule: A. Araujo, W. Norris, J. Sim,
    *Computing Receptive Fields of Convolutional Neural Networks*, Distill 2019, doi 10.23915/distill.00021.

    Attributes:
        start: centre of the first cell (row, column), in input pixels.
        step: distance between neighbouring centres (rows, columns), in input pixels.
    """

    start: Pair
    step: Pair

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
        return Placement((start[0], start[1]), (step[0], step[1]))
