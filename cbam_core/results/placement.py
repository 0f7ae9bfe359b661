"""Positions of a map's cells on the network's input; free of torch, because explanations hold it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
        cells: rows and columns of the map; None where they are not known. Equality does not ask for it either.
    """

    start: Pair
    step: Pair
    status: Status = "exact"
    bound: float = 0.0
    field: Pair | None = dataclasses.field(default=None, compare=False)
    cells: tuple[int, int] | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def stretched(cls, cells: tuple[int, int], size: tuple[int, int]) -> Placement:
        """Return the placement of a map of unknown place: its cells share out the whole input.

        Args:
            cells: rows and columns of the map.
            size: height and width of the input, in pixels.
        """
        down, across = size[0] / cells[0], size[1] / cells[1]
        return cls(((down - 1) / 2, (across - 1) / 2), (down, across), "unknown", math.inf, cells=cells)

    def shared_by(self, cells: tuple[int, int]) -> Placement:
        """Return the placement of a mask with fewer or more cells than the map, which share out the same area.

        Args:
            cells: rows and columns of the mask.
        """
        if self.cells is None or self.cells == cells:
            return self
        shares = [count / own for count, own in zip(self.cells, cells, strict=True)]
        down, across = self.step[0] * shares[0], self.step[1] * shares[1]
        start = self.start[0] + (down - self.step[0]) / 2, self.start[1] + (across - self.step[1]) / 2
        return dataclasses.replace(self, start=start, step=(down, across), cells=cells)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values: start and step, status and bound unless exact, and the field where it is known.

        The bound of an unknown place is None.
        """
        entry: dict[str, Any] = {"start": list(self.start), "step": list(self.step)}
        if self.status != "exact":
            entry |= {"status": self.status, "bound": self.bound if math.isfinite(self.bound) else None}
        return entry if self.field is None else {**entry, "field": list(self.field)}

    def as_numbers(self) -> tuple[float, ...]:
        """Convert to numbers for an array: start, step, bound (infinite for an unknown place) and field (or NaN)."""
        return (*self.start, *self.step, self.bound, *(self.field or (math.nan, math.nan)))

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> Placement:
        """Read what `as_numbers` gave; four numbers, as older files have, are the start and step of an exact grid.

        Raises:
            ValueError: the numbers are not those of a placement.
        """
        values = [float(number) for number in numbers]
        if len(values) == 4:
            values += [0.0, math.nan, math.nan]
        top, left, down, across, bound, *extent = values
        if len(extent) != 2 or not all(map(math.isfinite, values[:4])) or min(down, across) <= 0 or not bound >= 0:
            raise ValueError("a block's cells have no place")
        status: Status = "exact" if bound == 0 else "approximate" if math.isfinite(bound) else "unknown"
        return cls(
            (top, left), (down, across), status, bound, None if math.isnan(extent[0]) else (extent[0], extent[1])
        )

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
