"""What a tensor of another shape says about its network: a ratio, a kernel, channels or a width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbam_core.nn.registry import Argument

DIFFERENCE_WORDS: Mapping[str, str] = {
    "ratio": "ratio {n1} instead of {n2}",
    "kernel_size": "kernel size {n1} instead of {n2}",
    "in_channels": "input channels: {n1} instead of {n2}",
    "hidden": "hidden width {n1} instead of {n2}",
    "image_size": "images of {n1} pixels instead of {n2}",
    "channels": "channels: {n1} instead of {n2}",
    "width": "width {n1} instead of {n2}",
    "inputs": "inputs: {n1} instead of {n2}",
}
"""Sizes of a network that differ; numbers are placeholders, so that translations can contain them."""

Shape = tuple[int, ...]


def named_difference(name: str, expected: Shape, given: Shape) -> str:
    """Say in words how a network differs whose tensor has another shape; "" where there are none.

    Args:
        name: name of the tensor.
        expected: its shape in the network that is known.
        given: its shape in the file.
    """
    if len(expected) != len(given) or not all(given):
        return ""
    kind, sizes = _kind(name, expected, given)
    return DIFFERENCE_WORDS[kind].format(n1=sizes[0], n2=sizes[1]) if kind else ""


def usual_differences(arguments: Mapping[str, Any], known: Mapping[str, Argument]) -> list[str]:
    """Say in words which sizes of a network are not the usual ones.

    Args:
        arguments: arguments of its constructor.
        known: all of them, with their defaults.
    """
    return [
        DIFFERENCE_WORDS[name].format(n1=value, n2=known[name].default)
        for name, value in arguments.items()
        if name in DIFFERENCE_WORDS and value != known[name].default
    ]


def _kind(name: str, expected: Shape, given: Shape) -> tuple[str, tuple[int, int]]:
    if name.endswith("channel_attn.fc.0.weight") and given[1] == expected[1]:
        return "ratio", (given[1] // given[0], expected[1] // expected[0])
    if len(given) == 4:
        return _kind_of_convolution(expected, given)
    if len(given) == 2:
        differs = 0 if given[0] != expected[0] else 1
        return ("width", "inputs")[differs], (given[differs], expected[differs])
    return "", (0, 0)


def _kind_of_convolution(expected: Shape, given: Shape) -> tuple[str, tuple[int, int]]:
    if given[:2] == expected[:2]:
        return "kernel_size", (given[2], expected[2])
    if given[0] == expected[0] and expected[1] in (1, 3):
        return "in_channels", (given[1], expected[1])
    return ("channels", (given[0], expected[0])) if given[0] != expected[0] else ("", (0, 0))
