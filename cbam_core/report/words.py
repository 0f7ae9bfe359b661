"""All words of a report in English; its JavaScript has none of its own.

A caller in another language passes its own dictionary with the same keys. It can name classes too: ``"class cat"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cbam_core.render.placed import PLACE_WORDS

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "percent": "{value} %",
        "image_number": "image {number}",
        "count": "{count} images",
        "right_of": "{right} of {labelled} right",
        "network": "Network",
        "input": "input {width}×{height}",
        "of_original": "{kind} from {width}×{height} pixels",
        "crop": "centre square",
        "square": "chosen square",
        "pad": "padded",
        "squash": "squashed",
        "no_classes": "No prediction: the classes of this network are not known.",
        "no_classifier": "No prediction: this network is no classifier.",
        "truth": "true class: {name}",
        "truth_wrong": "true class: {name}, {percent}",
        "is_right": "right",
        "is_wrong": "wrong",
        "viewer": "Attention viewer",
        "block": "Block",
        "mask": "Spatial mask",
        "weights": "Channel weights",
        "others": "Other gates",
        "range": "{low} to {high}",
        "of_mask": "mask {low} to {high}",
        "of_weights": "weights {low} to {high}",
        "of_gate": "gate {low} to {high}",
        "cells": "{columns}×{rows} cells",
        "places": "{columns} places",
        "channels": "{count} channels",
        "flat": "nearly flat",
        "through": "switched through",
        "none": "none",
        "no_gates": "This network has no gates to show.",
        "mask_alt": "{block}: spatial mask over the input, {low} to {high}",
        "input_alt": "Input of the network",
        "no_reason": "A gate says what passes through the network. It is not a reason for the class.",
        "needs_trust": "The viewer needs scripts: trust this notebook to explore each cell and channel.",
        "needs_script": "The viewer needs scripts, which are off here.",
        "more_images": "and {count} more",
        "search": "Search names and classes",
        "which": "Which images",
        "all": "all",
        "wrong": "wrong",
        "right": "right",
        "class": "Class",
        "any_class": "any class",
        "order": "Order",
        "worst": "worst mistakes first",
        "given": "as given",
        "unsure": "least certain first",
        "names": "by name",
        "index": "Images",
        "shown": "{shown} of {count} images",
        "nothing": "No image matches.",
        "left_out": "The numbers of this image were left out, so that the file stays below {limit} MB.",
        "left_out_some": "The file holds the numbers of the first {count} images, so that it stays below {limit} MB.",
        "about": "About this page",
        "versions": "Versions",
        "description": "Description",
        "architecture": "Architecture",
        "normalisation": "Mean and deviation of its input",
        "accuracy": "Test accuracy",
        "trained_on": "Images",
        "limits": "Limits",
        "assumed": "Assumed",
        "weights_file": "Weights (SHA-256)",
        "image_file": "Image (SHA-256)",
        "precision": "Precision",
        "exact": "Numbers of gates are exact, and pictures have all their pixels.",
        "packed": "Numbers of gates are rounded to 16 bits, 1/131,070 of each gate's range at most; pictures with "
        "sides of more than {side} pixels are JPEG. Shown are 2 decimals, 4 in tables.",
        **PLACE_WORDS,
        "made_with": "Made with CBAM Lens. This file loads nothing and sends nothing.",
    }
)
"""The English words by their keys."""
