"""Where a map's cells lie on the network's input, as plain numbers: free of torch, because explanations carry it."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True)
class Placement:
    """The grid of a map's cell centres on the network's input.

    The centre of the cell in row i, column j lies at row ``start[0] + i * step[0]``, column ``start[1] + j * step[1]``,
    in pixel-centre units: 0.0 is the middle of the first pixel. Source of the rule: A. Araujo, W. Norris, J. Sim,
    *Computing Receptive Fields of Convolutional Neural Networks*, Distill 2019, doi 10.23915/distill.00021.

    Attributes:
        start: centre of the first cell (row, column), input pixels.
        step: distance between neighbouring centres (rows, columns), input pixels.
    """

    start: Pair
    step: Pair

    def after(self, window: Pair, stride: Pair, padding: Pair) -> Placement:
        """The grid after a layer whose cells each see `window` cells, `stride` apart, beginning `padding` outside.

        Args:
            window: extent of the kernel, dilation included (rows, columns).
            stride: of the kernel (rows, columns).
            padding: cells added before the first row and column.
        """
        start = tuple(
            s + ((w - 1) / 2 - p) * d for s, d, w, p in zip(self.start, self.step, window, padding, strict=True)
        )
        step = tuple(d * s for d, s in zip(self.step, stride, strict=True))
        return Placement((start[0], start[1]), (step[0], step[1]))
