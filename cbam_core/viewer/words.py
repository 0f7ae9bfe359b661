"""All words of the attention viewer in English; the JavaScript has none of its own.

A host in another language passes its own dictionary with the same keys. The viewer fills the placeholders in braces
with names, counts and rounded numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cbam_core.results.look import COLOUR_TABLES
from cbam_core.results.usual import HABIT_WORDS

ORIGIN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "origin": "How it came about",
        "origin_hint": "The gates of this block, step by step: what the mean adds, what the maximum adds, and what the "
        "sum becomes",
        "origin_title": "How the gates of {block} came about",
        "origin_gate": "Gate",
        "origin_spatial": "spatial mask",
        "origin_channel": "channel weights",
        "origin_wait": "Following the gate…",
        "origin_spoken": "{gate}: how it came about",
        "origin_average_spatial": "from the mean",
        "origin_maximum_spatial": "from the maximum",
        "origin_average_channel": "from each channel's mean",
        "origin_maximum_channel": "from each channel's maximum",
        "origin_sum": "sum",
        "origin_given": "before the {squash}",
        "origin_values_spatial": "{squash}: the mask",
        "origin_values_channel": "{squash}: the weights",
        "origin_how_spatial": "A kernel reads two planes, the mean and the maximum over channels. The first two maps "
        "show what each plane adds at every position; the sigmoid of their sum is the mask.",
        "origin_how_channel": "A small network reads the mean of every channel, and then the maximum of every channel. "
        "The first two rows show what each adds; the sigmoid of their sum is the weight.",
        "origin_spread_spatial": "From position to position, the part of the mean varies by {average}, that of the "
        "maximum by {maximum} (standard deviation).",
        "origin_spread_channel": "From channel to channel, the part of the mean varies by {average}, that of the "
        "maximum by {maximum} (standard deviation).",
        "origin_nothing_maximum": "The maximum adds exactly 0 everywhere: for this image, the mean alone decides.",
        "origin_nothing_average": "The mean adds exactly 0 everywhere: for this image, the maximum alone decides.",
        "origin_bias": "The convolution adds {bias} everywhere.",
        "origin_winners_title_spatial": "Who has the maximum",
        "origin_winners_title_channel": "Where the maximum is",
        "origin_winners_spatial": "At each position one channel gives the maximum; {count} of {channels} do so "
        "somewhere. Numbers count positions.",
        "origin_winners_channel": "How many channels have their maximum at each position. {count} of {channels} have "
        "it at one position alone; point at a bar to see where.",
        "origin_winner": "channel",
        "origin_places": "number of channels",
        "origin_channel_number": "channel {channel}",
        "origin_others": "{count} others",
        "origin_nobody": "several alike",
        "origin_padding_title": "What lies beyond the border",
        "origin_padding": "share of the kernel",
        "origin_padding_said": "At {count} of {cells} positions the kernel also reads zeros of the padding, with up to "
        "{high} % of its weights. This is the same for every image.",
        "origin_moved_title": "Channels that this gate moved most",
        "origin_moved_channel": "Share of the whole map's energy (sum of squares) before and after the weights. "
        "A weight does not change what the map looks like; outlined is its maximum.",
        "origin_moved_spatial": "Share of the whole map's energy (sum of squares) before and after the mask. Each map "
        "has a scale of its own.",
        "origin_moved_share": "{before} → {after} %",
        "origin_label": "{gate}, {name}: {rows} rows by {columns} columns, {low} to {high}",
        "origin_bars_label": "{gate}, {name}: {count} channels, {low} to {high}",
        "origin_winners_label": "{gate}: the channel with the maximum at each position, {count} different ones",
    }
)
"""Words of how a gate came about."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "viewer": "Attention viewer",
        "reading": "How the gates are read",
        "values": "as they are",
        "values_hint": "The gates' own values, from 0 to 1.",
        "relative": "relative",
        "relative_hint": "Each gate's values as multiples of their own mean: what it lets through more, and what less.",
        "usual": "against usual",
        "usual_hint": "How the shape of each gate differs from its usual one: 0 is as always, whatever the image.",
        "no_usual": "What is usual for this network is not known; cbam usual finds it.",
        "own_scale": "This reading has colours and a scale of its own, the same for every image and block.",
        "opacity": "Opacity",
        "percent": "{value} %",
        "colours": "Colours",
        **{name: name for name in COLOUR_TABLES},
        "scale": "Scale",
        "unit": "0 to 1",
        "stretch": "stretched",
        "stretch_hint": "Colours run from each block's lowest to highest value: compare shapes, not blocks.",
        "drawing": "How the mask is drawn",
        "cells": "cells",
        "cells_hint": "Every pixel has the value of the nearest cell of the mask.",
        "smooth": "smooth",
        "smooth_hint": "Between the centres of cells, values are interpolated linearly.",
        "picture": "Picture",
        "input": "input",
        "original": "original",
        "lowest": "lowest",
        "highest": "highest",
        "colour_bar": "Colour scale from {low} to {high}",
        "channels": "{count} channels",
        "resolution": "{columns}×{rows}",
        "this_image": "this image",
        "usually": "usual",
        "usual_label": "{block}: the usual spatial mask",
        "usual_set": "Usual: the mean over {count} images ({images})",
        "cifar10:train": "CIFAR-10, training images",
        "cifar10:test": "CIFAR-10, test images",
        "cifar10:samples": "the bundled images",
        "operator:folder": "the images of this server's operator",
        "gain": "×{value} of usual",
        "gain_hint": "How strong the gate is for this image: the mean of its values, divided by the usual mean.",
        **HABIT_WORDS,
        "habit": "usually {sentence}",
        "shares": "Of what varies, {fixed} % is one fixed pattern, {gain} % one number an image, {pattern} % follows "
        "the image.",
        "range": "{low} to {high}",
        "range_hint": "Lowest and highest value of the mask, rounded to {digits} decimals",
        "here": "here {value}",
        "not_seen": "not seen by the network",
        "flat": "nearly flat",
        "flat_hint": "The values of this mask differ by less than {percent} % of their mean: the block treats all "
        "positions almost alike.",
        "flat_stretched": "flat, exaggerated",
        "through": "switched through",
        "through_hint": "All values of this mask are above {least}: the block lets every position pass.",
        "no_mask": "no spatial mask in this block",
        "not_drawn": "this block's gate has {sizes} values: they are in the files, and not drawn",
        "no_reading": "this gate has no such reading: what is usual for it is not known",
        "not_finite": "this gate has no such reading: its values are not finite, but NaN or infinity",
        "not_positive": "this gate has no such reading: the mean of its values is not above 0",
        "no_place": "the position of this mask on the image is not known",
        "place_approximate": "within ±{bound} px",
        "place_approximate_hint": "Branches with different grids meet in this map, or its cells are not evenly spaced: "
        "they lie up to {bound} pixels of the network's input from where they are drawn.",
        "place_unknown": "place unknown: stretched",
        "place_unknown_hint": "Where the cells of this mask lie on the image is not known: the mask is stretched over "
        "the network's whole input.",
        "no_weights": "no channel weights in this block",
        "used": "map × ({by})",
        "used_hint": "The feature map is multiplied by this, where g is the gate that is shown.",
        "weights": "Channel weights",
        "order": "Order of the channels",
        "index": "by index",
        "sorted": "sorted",
        "unusual": "above usual first",
        "channel_here": "channel {channel}: {value}",
        "channel_and_usual": "channel {channel}: {value}, usually {usual}",
        "blocks": "Blocks",
        "overlay_label": "{block}: spatial mask over the {picture}, {rows} rows by {columns} columns, "
        "{low} to {high}. Arrow keys move from cell to cell, Enter pins the place, Escape clears.",
        "image_label": "{block}: {picture}; no spatial mask is drawn",
        "mask_label": "{block}: the spatial mask alone",
        "bars_label": "{block}: {count} channel weights, {low} to {high}. Left and right arrow keys move "
        "from channel to channel, Enter chooses one.",
        "cell_spoken": "{block}, row {row}, column {column}: {value}",
        "mask_table": "{block}: spatial mask, rounded to {digits} decimals",
        "row": "row {row}",
        "column": "column {column}",
        "weights_table": "{block}: channel weights, rounded to {digits} decimals",
        "channel": "channel",
        "weight": "weight",
        "pinned_hint": "Pinned: click it again, or press Escape, to release it.",
        "pinned_spoken": "Pinned",
        "released_spoken": "Released",
        "trace_title": "Channel {channel}: what gets through",
        "trace_before": "before",
        "trace_after": "after",
        "trace_said": "After = before × channel weight {weight} × spatial mask, cell by cell. "
        "Each map has a scale of its own.",
        "trace_said_unmasked": "After = before × channel weight {weight}. Each map has a scale of its own.",
        "trace_empty": "This feature map is 0 everywhere: whatever its channel weight ({weight}), nothing gets "
        "through.",
        "trace_wait": "Computing the feature map…",
        "trace_label": "{block}, channel {channel}, {when} the gates: feature map of {rows} rows by {columns} columns, "
        "{low} to {high}",
        "trace_close": "Close",
        **ORIGIN_WORDS,
    }
)
"""The English words by their keys."""
