"""Where a map's cell lies on the network's input."""

from __future__ import annotations

from dataclasses import dataclass


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

    start: tuple[float, float]
    step: tuple[float, float]
