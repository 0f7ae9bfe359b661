"""Words of figures for print and of their captions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cbam_core.render.placed import PLACE_WORDS

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "input": "input",
        **PLACE_WORDS,
        "truth": "truth: {truth}",
        "predicted": "{name} {percent}",
        "percent": "{percent:.1f} %",
        "this": "this image",
        "usual": "usual",
        "shape": "against usual",
        "bars": "weights",
        "by_index": "channel",
        "by_sorted": "highest first",
        "by_unusual": "above usual first",
        "by_difference": "largest difference first",
        "mask": "spatial mask",
        "mask_relative": "spatial mask / its mean",
        "mask_usual": "shape minus usual shape",
        "minus": "{right} − {left}",
        "range": "{low} to {high}",
        "range_each": "each mask's own range",
        "lowest": "lowest",
        "highest": "highest",
        "no_mask": "no spatial mask",
        "no_weights": "no channel weights",
        "no_usual": "not known what is usual",
        "not_finite": "gate not finite",
        "not_positive": "mean not above 0",
        "no_difference": "no difference: sizes differ",
        "no_partner": "no counterpart",
        "no_rows": "no gates of these kinds; gates for each element are not drawn",
        "no_blocks": "this network has no gates to show",
        "one": "Gates of {network} for one image.",
        "many": "Gates of {network} for {count} images.",
        "two": "{left}: {first}. {right}: {second}.",
        "side": "{network}, {prediction}",
        "side_means": "mean gates of {network} over {count} images",
        "no_prediction": "no prediction",
        "predicted_as": "predicted as {name} ({percent})",
        "true_class": "true class {truth}",
        "over": "Spatial masks lie over the network's input at {opacity:.0f} % opacity, each cell at its place.",
        "over_original": "Spatial masks lie over the image at {opacity:.0f} % opacity, each cell at its place; grey "
        "parts lie outside what the network saw.",
        "alone": "Spatial masks, each cell at its place on the input.",
        "interpolated": "Values are interpolated between the centres of cells.",
        "unit": "Colours: {colours}, fixed scale 0 to 1.",
        "stretch": "Colours: {colours}, stretched to each mask's own range.",
        "relative": "Colours show each mask divided by its own mean: blue below ×1, orange above, fixed scale ×0 to "
        "×2.",
        "against": "Colours show the shape of each mask (divided by its mean) minus its usual shape: blue below 0, "
        "orange above, fixed scale −1 to +1.",
        "ranges": "Values of masks: {low} to {high}; numbers below masks are their ranges.",
        "range_all": "Values of masks: {low} to {high}.",
        "usual_set": "Usual: the mean over {count} images ({images}).",
        "usual_unknown": "It is not known what is usual for these gates: `cbam usual` computes it, and for a module in "
        "Python usual='best.pth' names the weights beside which it is kept.",
        "cifar10:train": "CIFAR-10, training images",
        "cifar10:test": "CIFAR-10, test images",
        "cifar10:samples": "the bundled images",
        "weights_values": "Channel weights are drawn from 0 to 1.",
        "weights_relative": "Channel weights are drawn as multiples of their own mean.",
        "weights_against": "Channel weights are drawn as their shape (divided by their mean) minus the usual shape.",
        "ticks": "Lines across the bars mark the usual weights.",
        "limit": "{right} − {left}: differences of masks, blue below 0, orange above, scale −{limit} to +{limit}.",
        "pair_bars": "Bars: channel weights of {left} (blue) and {right} (orange).",
        "some_bars": "Bars: the {count} channels each with the largest decrease and increase from {left} (blue) to "
        "{right} (orange).",
        "sorted_by": "Channels by the size of the difference, largest first.",
        "sorted_left": "Channels by the weight of {left}, highest first.",
        "sorted_one": "Channels by weight, highest first.",
        "sorted_unusual": "Channels by their difference from the usual shape, highest first.",
        "sizes": "Blocks: {sizes}.",
        "channels": "{count} channels",
        "cells": "{width} × {height} cells",
        "lacking": "The font has no {letters}; a question mark or a plain letter stands for each.",
        "listed": ", ",
        "separated": "; ",
        "size": "{block} with {parts}",
    }
)
"""Words of figures; pass a translation with the same keys. It can name classes too: ``"class cat"``."""


def class_name(name: str, words: Mapping[str, str]) -> str:
    """Return what a class is called in these words."""
    return words.get(f"class {name}", name)
