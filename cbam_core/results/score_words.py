"""What a scorecard says in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cbam_core.errors import Message
from cbam_core.results.paired import MARGIN, Change

EDIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "usual": "the usual values",
        "best": "the best constant",
        "own_mean": "its own mean",
        "other": "the values of another image",
        "same_class": "the values of another image of its class",
        "off": "1 everywhere (off)",
        "direct": "the usual values and later gates as they were",
        "random": "random changes of the size of those to the usual values",
        "as_is": "its own values",
        "closed": "0 everywhere",
    }
)
"""What stands in the place of a gate, by the code of the edit: those of the table, and those of the receipt."""

GROUP_WORDS: Mapping[str, str] = MappingProxyType(
    {"all.spatial": "all masks", "all.channel": "all channel weights", "all": "all gates"}
)
"""What groups of gates are called in words."""

SENTENCE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "matters": "{gate} matters: with {detail}, accuracy changes by {points} points (95 % interval {low} to {high}) "
        "and {changed} % of the answers change, of these {count} images",
        "little": "{gate} matters a little: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "nothing": "nothing seen of {gate}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}, inside ±{margin}) and {changed} % of the answers change, of these {count} images",
        "unsure": "cannot tell for {gate}: with {detail}, accuracy changes by {points} points, and the 95 % interval "
        "{low} to {high} is too wide for these {count} images",
        "better": "better without {gate}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "class": "{gate} carries the class: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
    }
)
"""Sentences by verdict; ``"class"``: more answers are correct with the values of an image of the true class."""

GROUP_SENTENCE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "matters": "{kind} matter: with {detail}, accuracy changes by {points} points (95 % interval {low} to {high}) "
        "and {changed} % of the answers change, of these {count} images",
        "little": "{kind} matter a little: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "nothing": "nothing seen of {kind}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}, inside ±{margin}) and {changed} % of the answers change, of these {count} images",
        "unsure": "cannot tell for {kind}: with {detail}, accuracy changes by {points} points, and the 95 % interval "
        "{low} to {high} is too wide for these {count} images",
        "better": "better without {kind}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "class": "{kind} carry the class: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
    }
)
"""The same for groups of gates, which are named in words."""


def verdict_sentence(gate: str, edit: str, found: Change) -> Message:
    """Say what a replacement does to the answers, by thresholds that are the same for every gate."""
    low, high = found.interval
    values = {
        "detail": EDIT_WORDS[edit],
        "points": signed(found.points),
        "low": signed(low),
        "high": signed(high),
        "margin": f"{MARGIN:g}",
        "changed": f"{found.changed_percent:.1f}",
        "count": f"{found.count:,}",
    }
    code = "class" if edit == "same_class" and found.verdict == "better" else found.verdict
    if gate in GROUP_WORDS:
        return Message(f"verdict.{code}", GROUP_SENTENCE_WORDS[code], {"kind": GROUP_WORDS[gate], **values})
    return Message(f"verdict.{code}", SENTENCE_WORDS[code], {"gate": gate, **values})


def signed(difference: float, digits: int = 2) -> str:
    """Write a difference with its sign: "−3.87", "+0.12", "0.00".

    Args:
        difference: in percentage points, or of losses.
        digits: number of digits after the point.
    """
    said = f"{difference:+.{digits}f}".replace("-", "−")
    return said if float(said[1:]) else said[1:]
