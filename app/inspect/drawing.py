"""A drawing of a block in the maps and numbers of the image that is shown: what each step does, and what it cannot."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import services
from app.session.words import Words, paragraph
from app.widgets.failures import say_failure
from app.widgets.figures import figure_style, image, scale_bar
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.render.colours import colourise, scaled, stretch, table
from cbam_core.render.features import FEATURES, feature_picture
from cbam_core.render.overlay import cells_on_input, overlay, raw_mask
from cbam_core.results.block_trace import BlockTrace
from cbam_core.results.explanation import Explanation
from cbam_core.results.look import Look
from cbam_core.results.placement import Placement

WORDS = Words(
    {
        "open": "What is this?",
        "hint": "A block of CBAM, step by step, with the maps of this image",
        "title": "What a block does",
        "block": "Block",
        "features": "Feature map",
        "features_said": "What reaches {block}: {channels} maps of {columns}×{rows} numbers, one for each feature "
        "that the layers before have learned. Drawn is their strength: the root mean square at each position.",
        "place_approximate": "Cells lie up to {bound} pixels of the network's input from where they are drawn.",
        "place_unknown": "Where cells lie on the image is not known: the maps are stretched over the network's input.",
        "pooled": "Pooled",
        "pooled_said": "Each of the {channels} maps is reduced to two numbers, its mean (upper row) and its maximum "
        "(lower row) over all positions. This keeps which features are strong, but not where.",
        "weights": "Channel weights",
        "weights_said": "A small network turns the pooled numbers into one weight for each map, here {low} to {high}. "
        "Each map is multiplied by its weight. 0.50 everywhere would be an untrained gate, which halves all maps "
        "alike.",
        "planes": "Two planes",
        "planes_said": "The weighted maps are reduced to two, their mean (left) and their maximum (right) at each "
        "position. This keeps where something is strong, but not which feature.",
        "mask": "Spatial mask",
        "mask_said": "A {kernel}×{kernel} kernel reads both planes and gives one value for each position, here {low} "
        "to {high}. At all but {inside} of {cells} positions it also reads zeros beyond the border, so dark corners "
        "or frames can come from this padding instead of the image.",
        "mask_said_padded": "A {kernel}×{kernel} kernel reads both planes and gives one value for each position, here "
        "{low} to {high}. On a map this small it reads zeros beyond the border at every position, so dark corners or "
        "frames can come from this padding instead of the image.",
        "mask_said_plain": "One value for each position, here {low} to {high}, is computed from both planes.",
        "holds_back": "This mask is low where features are strong (correlation {contrast}): it holds back contrast.",
        "brings_out": "This mask is high where features are strong (correlation {contrast}): it brings out contrast.",
        "neither": "This mask hardly depends on how strong features are (correlation {contrast}).",
        "output": "Output",
        "output_said": "All maps, multiplied by their weights and by the mask, go on to the next layer; drawn is their "
        "strength. That layer can undo any common factor, so compare shapes and ratios, not levels.",
    }
)

RELATED = 0.3
"""Least correlation, whatever its sign, that is said to be one."""

SIDE = 160
"""Pixels of a drawn map, about; it is shown smaller on narrow pages."""


@dataclass(frozen=True)
class Step:
    """One step of the drawing.

    Attributes:
        name: key of its title.
        pictures: HTML of its pictures, with their scales.
        said: at most three sentences.
    """

    name: str
    pictures: str
    said: str


def offer_drawing(classifier: Classifier, explanation: Explanation, block: str | None, *, own: bool, key: str) -> None:
    """Offer to open the drawing; nothing of it is computed before.

    Args:
        classifier: the network.
        explanation: of the image that is shown.
        block: name of the block to begin with; None for the first.
        own: whether the image is the visitor's own.
        key: what the widgets' keys begin with.
    """
    if st.button(WORDS["open"], icon=":material/help:", help=WORDS["hint"], width="stretch", key=f"{key}-what"):
        st.dialog(WORDS["title"], width="medium")(_drawing)(classifier, explanation, block, own, key)


def _drawing(classifier: Classifier, explanation: Explanation, block: str | None, own: bool, key: str) -> None:
    names = [one.name for one in explanation.blocks]
    first = names.index(block) if block in names else 0
    chosen = st.selectbox(WORDS["block"], names, index=first, key=f"{key}-what-block")
    try:
        trace = services.block_trace(classifier, explanation, chosen, own=own)
    except CbamError as error:
        say_failure(error)
        return
    height, width = explanation.input_image.shape[:2]
    st.html(as_html(tuple(steps(trace, (width, height)))))


def as_html(steps: Sequence[Step]) -> str:
    """Draw the steps in a column, each with its pictures and what they show."""
    items = [
        f'<div role="listitem"><div class="cbam-step">{step.pictures}</div>'
        f"<div><h3>{html.escape(WORDS[step.name])}</h3><p>{html.escape(step.said)}</p></div></div>"
        for step in steps
    ]
    return f'{figure_style()}<div class="cbam-drawing" role="list">{"".join(items)}</div>'


def steps(trace: BlockTrace, size: tuple[int, int]) -> Iterator[Step]:
    """Make the steps of a block; those of a gate that it does not have are left out.

    Args:
        trace: what the block did.
        size: (width, height) of the network's input.
    """
    rows, columns = trace.features.shape
    grid = {"block": trace.block, "channels": trace.channels, "rows": rows, "columns": columns}
    said = paragraph(WORDS["features_said"].format(**grid), *_said_of_place(trace.placement))
    yield Step("features", _map(trace.features, trace, size), said)
    if trace.pooled is not None and trace.weights is not None:
        yield Step("pooled", _rows(trace.pooled), WORDS["pooled_said"].format(**grid))
        yield Step("weights", _weights(trace.weights), WORDS["weights_said"].format(**_ends(trace.weights)))
    if trace.planes is not None and trace.mask is not None:
        planes = "".join(_map(plane, trace, size) for plane in trace.planes)
        yield Step("planes", planes, WORDS["planes_said"])
        yield Step("mask", _mask(trace.mask, trace, size), _said_of_mask(trace, trace.mask))
    yield Step("output", _map(trace.output, trace, size), WORDS["output_said"])


def _said_of_place(placement: Placement | None) -> Iterator[str]:
    """Say where cells are not exactly where they are drawn."""
    if placement is not None and placement.status != "exact":
        yield WORDS[f"place_{placement.status}"].format(bound=f"{placement.bound:.1f}")


def _said_of_mask(trace: BlockTrace, mask: np.ndarray) -> str:
    said = {**_ends(mask), "kernel": trace.kernel, "inside": trace.unpadded, "cells": mask.size}
    how = "mask_said_plain" if trace.kernel is None else "mask_said" if trace.unpadded else "mask_said_padded"
    sentences = [WORDS[how].format(**said)]
    if trace.contrast is not None:
        does = "neither" if abs(trace.contrast) < RELATED else "holds_back" if trace.contrast < 0 else "brings_out"
        sentences.append(WORDS[does].format(contrast=f"{trace.contrast:.2f}".replace("-", "−")))
    return paragraph(*sentences)


def _ends(values: np.ndarray) -> dict[str, str]:
    low, high = stretch(values)
    return {"low": f"{low:.2f}", "high": f"{high:.2f}"}


def _written(values: np.ndarray) -> tuple[str, str]:
    low, high = (0.0 if abs(end) < np.ptp(values) / 1000 else end for end in stretch(values))
    return f"{low:.3g}".replace("-", "−"), f"{high:.3g}".replace("-", "−")


def _map(values: np.ndarray, trace: BlockTrace, size: tuple[int, int]) -> str:
    """A feature map on the input's grid, from its least to its greatest value."""
    cells = None if trace.placement is None else cells_on_input(trace.placement)
    limits = stretch(values)
    picture = feature_picture(values, cells, size, zoom=max(1, SIDE // max(size)), limits=limits)
    return _pictured(picture, table(FEATURES), *_written(values), f"{size[0]} / {size[1]}")


def _rows(pooled: np.ndarray) -> str:
    """Mean and maximum of the channels, each row from its least to its greatest value."""
    stripes = [colourise(scaled(row, "stretch", stretch(row)), FEATURES) for row in pooled]
    return "".join(
        _pictured(stripe[None], table(FEATURES), *_written(row), "9 / 1")
        for stripe, row in zip(stripes, pooled, strict=True)
    )


def _weights(weights: np.ndarray) -> str:
    return _pictured(colourise(weights)[None], colourise(np.linspace(0, 1, 256)), "0", "1", "9 / 1")


def _mask(mask: np.ndarray, trace: BlockTrace, size: tuple[int, int]) -> str:
    """The mask on the input's grid, in the colours of gates from 0 to 1."""
    if trace.placement is None:
        picture = raw_mask(mask)
    else:
        black = np.zeros((size[1], size[0], 3), np.uint8)
        look, zoom = Look(opacity=1.0), max(1, SIDE // max(size))
        picture = overlay(black, mask, cells_on_input(trace.placement), look, zoom=zoom)
    return _pictured(picture, colourise(np.linspace(0, 1, 256)), "0", "1", f"{size[0]} / {size[1]}")


def _pictured(picture: np.ndarray, colours: np.ndarray, low: str, high: str, shape: str) -> str:
    bar = scale_bar(colours, (low, "", high), (0.0, 0.0))
    wide = " wide" if picture.shape[0] == 1 else ""
    return f'<div class="cbam-drawn{wide}">{image(picture, "", "picture", f"--shape: {shape}")}{bar}</div>'
