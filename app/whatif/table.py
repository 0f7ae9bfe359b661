"""What the table of gates is given: each gate here and as usual, what follows, and the network's answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.services.prediction import percent
from app.session.words import Words, class_name, say
from cbam_core.evidence.edited import difference_to_usual
from cbam_core.results.explanation import Explanation, Gate
from cbam_core.results.gate_edits import GateEdits
from cbam_core.results.kinds import AXES, Kind
from cbam_core.results.paired import Change
from cbam_core.results.score import GROUPS
from cbam_core.results.score_words import GROUP_WORDS
from cbam_core.results.usual import MOST
from cbam_core.viewer.packing import as_base64
from cbam_core.viewer.payload import png

WORDS = Words(
    {
        "channel": "channel weights",
        "spatial": "spatial mask",
        "full": "channels and positions",
        "row": "channels by row",
        "column": "channels by column",
        **GROUP_WORDS,
        "percent": "{share} %",
        "strength": "×{value}",
        "mean": "mean {value}",
        "of": "{count} of {total} test images get another answer with the usual values",
    }
)

TOP = 3
"""Classes beside an image."""

MANY, FIRST = 16, 12
"""More gates than this are listed only when asked for; so many of them are listed at first."""


@dataclass(frozen=True)
class Seen:
    """All that the table shows.

    Attributes:
        as_is: the image without edits.
        usual: probabilities where each gate, or group of gates, has its usual values.
        changes: answers to many images that change so.
        edited: the image with the visitor's edits; None where there are none.
        is_whole: whether `usual` has all gates; else they come in order of execution.
    """

    as_is: Explanation
    usual: Mapping[str, np.ndarray]
    changes: Mapping[str, Change]
    edited: Explanation | None = None
    is_whole: bool = True


def gates_of(explanation: Explanation) -> dict[str, Gate]:
    """The gates of an explanation by their names, in order of execution."""
    return {gate.name: gate for block in explanation.blocks for gate in block.gates}


def listed_gates(seen: Seen, *, all_of_them: bool, edits: GateEdits) -> list[str]:
    """Names of the gates in the table, in order of execution.

    Of very many these are, at first, those that change the answer's probability most where they are usual, and those
    that are edited. As long as this is not known of all, they are the first ones, so that none gives way to another.
    """
    names = [*gates_of(seen.as_is)]
    if all_of_them or len(names) <= MANY:
        return names
    by_effect = sorted(names, key=lambda name: -abs(effect(seen, name))) if seen.is_whole else names
    shown = {*by_effect[:FIRST], *(name for name in names if name in edits)}
    return [name for name in names if name in shown]


def effect(seen: Seen, name: str) -> float:
    """How much the probability of the answer changes where a gate is usual, in [-1, 1]; 0 where it is not known."""
    found = seen.usual.get(name)
    if found is None:
        return 0.0
    place = int(seen.as_is.probabilities.argmax())
    return float(found[place]) - float(seen.as_is.probabilities[place])


def rows(seen: Seen, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of gates, JSON-ready."""
    gates = gates_of(seen.as_is)
    now = {} if seen.edited is None else gates_of(seen.edited)
    return [_row(seen, gates[name], now.get(name)) for name in names]


def groups(seen: Seen) -> list[dict[str, Any]]:
    """The rows of gates that are replaced together, JSON-ready; those that have several members of several kinds."""
    return [*_groups(seen)]


def _groups(seen: Seen) -> Iterator[dict[str, Any]]:
    gates = gates_of(seen.as_is)
    for name, kind in GROUPS.items():
        members = [gate.name for gate in gates.values() if kind in (None, gate.kind)]
        if len(members) > 1 and (kind is None or len(members) < len(gates)):
            yield {"name": name, "label": WORDS[name], "members": members, **_consequence(seen, name)}


def _row(seen: Seen, gate: Gate, now: Gate | None) -> dict[str, Any]:
    usual = gate.usual
    fits = usual is not None and usual.mean.shape == gate.values.shape
    difference = difference_to_usual(gate)
    return {
        "name": gate.name,
        "kind": WORDS[gate.kind],
        "size": "×".join(map(str, gate.values.shape)),
        "habit": "" if usual is None else say(usual.sentence),
        "drawn": "map" if AXES[gate.kind].endswith("HW") else "bars",
        "shape": list(_drawn(gate.values, gate.kind).shape),
        "count": int(gate.values.size),
        "here": as_base64(_drawn(gate.values, gate.kind)),
        "usual": as_base64(_drawn(usual.mean, gate.kind)) if usual is not None and fits else None,
        "now": None if now is None else as_base64(_drawn(now.values, now.kind)),
        "mean": WORDS["mean"].format(value=f"{gate.level:.2f}"),
        "usual_mean": "" if usual is None else WORDS["mean"].format(value=f"{usual.level:.2f}"),
        "now_mean": "" if now is None else WORDS["mean"].format(value=f"{now.level:.2f}"),
        "strength": "" if gate.gain is None else WORDS["strength"].format(value=f"{gate.gain:.2f}"),
        "difference": None if difference is None else round(difference, 4),
        "settable": gate.kind in ("channel", "spatial") and gate.squashed,
        "one_number": gate.kind == "spatial" and is_one_number(gate),
        **_consequence(seen, gate.name),
    }


def is_one_number(gate: Gate) -> bool:
    """Whether a mask is one number an image, so that places in it mean nothing."""
    return gate.usual is not None and gate.usual.shares.gain >= MOST


def _drawn(values: np.ndarray, kind: Kind) -> np.ndarray:
    """A gate's values as they are drawn: a map or a row of bars; further axes as their mean."""
    if kind not in ("full", "row", "column"):
        return values
    drawn: np.ndarray = values.mean(axis=0 if kind == "full" else 1, dtype=np.float64).astype(np.float32)
    return drawn


def _consequence(seen: Seen, name: str) -> dict[str, Any]:
    """What follows where a gate or group has its usual values: for this image, and over many."""
    found, change = seen.usual.get(name), seen.changes.get(name)
    said: dict[str, Any] = {"under": None, "changes": False, "share": "", "of": ""}
    if found is not None:
        before = int(seen.as_is.probabilities.argmax())
        said["changes"] = int(found.argmax()) != before
        said["under"] = bars(seen.as_is.classes, found, before, top=2)
    if change is not None:
        said["share"] = WORDS["percent"].format(share=f"{change.changed_percent:.1f}")
        said["of"] = WORDS["of"].format(count=f"{change.changed:,}", total=f"{change.count:,}")
    return said


def bars(classes: Sequence[str], probabilities: np.ndarray, before: int, top: int = TOP) -> list[dict[str, Any]]:
    """The most probable classes as bars; the answer without edits is always one of them.

    Args:
        classes: names of the classes.
        probabilities: of the classes.
        before: place of the answer without edits.
        top: number of classes.
    """
    order = np.argsort(-probabilities, kind="stable")[:top].tolist()
    if order and before not in order:
        order[-1] = before
    first = int(probabilities.argmax()) if len(probabilities) else before
    return [
        {
            "name": class_name(classes[place]),
            "share": round(float(probabilities[place]), 4),
            "percent": percent(float(probabilities[place])),
            "mark": "answer" if place == before else "new" if place == first else "",
        }
        for place in order
    ]


def answers(seen: Seen) -> dict[str, Any]:
    """What the network answers without and with the edits."""
    as_is = seen.as_is
    before = int(as_is.probabilities.argmax()) if as_is.classes else -1
    now = seen.edited
    return {
        "as_is": bars(as_is.classes, as_is.probabilities, before) if as_is.classes else [],
        "edited": bars(now.classes, now.probabilities, before) if now is not None and now.classes else None,
        "changes": now is not None and now.predicted != as_is.predicted,
    }


def picture(explanation: Explanation) -> dict[str, Any]:
    """The network's input as a file for the browser."""
    height, width = explanation.input_image.shape[:2]
    url = "data:image/png;base64," + base64.b64encode(png(explanation.input_image)).decode("ascii")
    return {"src": url, "pixelated": max(height, width) <= 96}


def said_of_edits(edits: GateEdits, names: Mapping[str, str]) -> str:
    """Edits in a few words.

    Args:
        edits: by names of gates.
        names: what each replacement is called.
    """
    parts = []
    for gate, edit in edits.items():
        words = [re.split("[:：]", names[edit.source])[0]] if edit.source != "as_is" else []
        words += [WORDS["strength"].format(value=f"{edit.factor:.2f}")] if edit.factor != 1 else []
        words += [f"+{len(edit.values)}"] if edit.values else []
        parts.append(f"{gate}: {' '.join(words)}")
    return ", ".join(parts)
