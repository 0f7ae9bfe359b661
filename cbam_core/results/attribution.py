"""What mattered for an answer, by several methods: maps over one image, and numbers for every entry of every gate.

All of it is about one number, the logit of one class. A map says where, in the cells of its own grid; a gate's
attribution says which channel or cell of the gate, against the usual values of the gate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from cbam_core.errors import Message
from cbam_core.results.explanation import Explanation, Gate
from cbam_core.results.methods import METHOD_WORDS, Method
from cbam_core.results.placement import Placement

FLAT = 0.1
"""A map whose range is under this share of its mean's size is flat: nothing can agree with it."""


@dataclass(frozen=True, eq=False)
class AttributionMap:
    """Where an image mattered for a logit, by one method.

    Attributes:
        method: code of the method.
        values: values of its cells, float32 (H, W): of the mask its own in (0, 1), of all others in units of the
            logit; positive where the image speaks for the class.
        placement: grid of the cells on the network's input.
        source: gate or layer that the map was computed at; "" for the input itself.
        error: difference of the map's sum from what it should add up to, in units of the logit; None where a method
            promises no sum.
    """

    method: Method
    values: Float32[np.ndarray, "h w"]
    placement: Placement
    source: str = ""
    error: float | None = None

    @property
    def is_signed(self) -> bool:
        """Whether values below 0 are possible, so that 0 is the middle of the scale."""
        return self.method not in ("mask", "grad_cam")

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the colour scale: (0, 1) of the mask, else symmetric about 0, or from 0, up to the largest value."""
        if self.method == "mask":
            return 0.0, 1.0
        largest = float(np.abs(self.values).max(initial=0.0))
        return (-largest if self.is_signed else 0.0), largest

    @property
    def is_flat(self) -> bool:
        """Whether its values hardly differ, see `FLAT`."""
        return is_flat(self.values)


def is_flat(values: np.ndarray) -> bool:
    """Check that the range of values is under `FLAT` of their mean's size, or 0."""
    spread, level = float(np.ptp(values)), abs(float(values.mean(dtype=np.float64)))
    return spread == 0 or spread < FLAT * level


@dataclass(frozen=True)
class Agreement:
    """How much two maps agree, over the pixels of the network's input.

    Attributes:
        one: code of the first map.
        other: code of the second one.
        pearson: correlation of values, in [-1, 1]; None where a map is flat.
        spearman: correlation of ranks, in [-1, 1]; None where a map is flat.
        overlap: shared part of the top 20 % of both (intersection over union), in [0, 1]; None where a map is flat.
    """

    one: str
    other: str
    pearson: float | None
    spearman: float | None
    overlap: float | None


@dataclass(frozen=True, eq=False)
class GateAttribution:
    """What each entry of a gate adds to a logit, against its usual value. All arrays have the gate's shape.

    Attributes:
        gate: the gate for this image, with its usual values.
        placement: grid of the cells of a mask on the network's input; None for other gates.
        gradient: gradient of the logit times (here - usual).
        integrated: the same with the mean gradient on the way from usual to here; its sum is `whole`, but for the
            steps. None where it was not computed.
        exact: logit here minus that with this entry alone usual; None where it was not computed.
        whole: logit here minus that with all entries of this gate usual; None where it was not computed.
        left_out: why there is none; None where there is. Its arrays are empty then.
    """

    gate: Gate
    placement: Placement | None
    gradient: Float32[np.ndarray, ...]
    integrated: Float32[np.ndarray, ...] | None = None
    exact: Float32[np.ndarray, ...] | None = None
    whole: float | None = None
    left_out: Message | None = None

    @property
    def shown(self) -> Float32[np.ndarray, ...]:
        """The most truthful of those that there are: exact, else integrated, else by the gradient."""
        found = (self.exact, self.integrated, self.gradient)
        return next(values for values in found if values is not None)

    @property
    def how(self) -> Literal["exact", "integrated", "gradient"]:
        """Which of them `shown` is."""
        return "exact" if self.exact is not None else "gradient" if self.integrated is None else "integrated"

    @property
    def error(self) -> float | None:
        """Sum of the integrated form minus the true difference, in units of the logit; None where it is not known."""
        if self.integrated is None or self.whole is None:
            return None
        return float(self.integrated.sum(dtype=np.float64)) - self.whole

    @property
    def correlation(self) -> float | None:
        """Correlation of the gradient's form with exact ablation; None where one of them is missing or constant."""
        return None if self.exact is None else correlation(self.gradient, self.exact)


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Pearson's correlation of two arrays of one shape; None where one of them is constant."""
    first, second = (values.ravel().astype(np.float64) - values.mean(dtype=np.float64) for values in (one, other))
    length = math.sqrt(float(first @ first)) * math.sqrt(float(second @ second))
    return float(np.clip(first @ second / length, -1, 1)) if length > 0 else None


@dataclass(frozen=True, eq=False)
class Attribution:
    """What mattered for one logit of one image.

    Attributes:
        explanation: the image, the network's answer and its gates.
        target: name of the class.
        index: its index.
        logit: its logit; of a network with one output, that output, or its negative.
        maps: maps, in the order of `METHODS`.
        gates: attributions of all gates, in order of execution.
        agreements: agreement of any two maps, and of each with both controls.
        controls: values of the controls at each pixel of the input, float32 (H, W), by their codes.
        left_out: why a method gave no map, or gates no numbers, by the code of the method, or ``"gates"``.
    """

    explanation: Explanation
    target: str
    index: int
    logit: float
    maps: tuple[AttributionMap, ...]
    gates: tuple[GateAttribution, ...]
    agreements: tuple[Agreement, ...]
    controls: Mapping[str, Float32[np.ndarray, "h w"]]
    left_out: Mapping[str, Message] = field(default_factory=dict)

    def map(self, method: str) -> AttributionMap | None:
        """Return the map of a method; None where there is none."""
        return next((one for one in self.maps if one.method == method), None)

    def gate(self, name: str) -> GateAttribution | None:
        """Return the attribution of a gate; None where there is none."""
        return next((one for one in self.gates if one.gate.name == name), None)

    def agreement(self, one: str, other: str) -> Agreement | None:
        """Return the agreement of two maps, in any order; None where there is none."""
        return next((found for found in self.agreements if {found.one, found.other} == {one, other}), None)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without arrays of cells."""
        return {
            "network": self.explanation.checkpoint,
            "answer": self.explanation.predicted,
            "target": self.target,
            "logit": self.logit,
            "maps": [_map_as_dict(one) for one in self.maps],
            "agreements": [vars(one) for one in self.agreements],
            "gates": [_gate_as_dict(one) for one in self.gates],
            "left_out": {code: str(message) for code, message in self.left_out.items()},
        }

    def __str__(self) -> str:
        maps = ", ".join(METHOD_WORDS[one.method] for one in self.maps) or "no map"
        return f"{self.target} (logit {self.logit:.2f}): {maps}; {len(self.gates)} gates"

    def __repr__(self) -> str:
        return f"Attribution({self})"


def _map_as_dict(one: AttributionMap) -> dict[str, Any]:
    low, high = (float(one.values.min()), float(one.values.max()))
    return {
        "method": one.method,
        "source": one.source,
        "cells": list(one.values.shape),
        "placement": one.placement.as_dict(),
        "range": [low, high],
        "scale": list(one.limits),
        "flat": one.is_flat,
        **({} if one.error is None else {"error": one.error}),
    }


def _gate_as_dict(one: GateAttribution) -> dict[str, Any]:
    entry: dict[str, Any] = {"gate": one.gate.name, "kind": one.gate.kind, "cells": list(one.gate.values.shape)}
    if one.left_out is not None:
        return {**entry, "left_out": str(one.left_out)}
    return {**entry, "how": one.how, "whole": one.whole, "error": one.error, "correlation": one.correlation}
