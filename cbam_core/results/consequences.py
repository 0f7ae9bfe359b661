"""What follows for one image where another takes the place of a gate: answers and probabilities, in plain numbers.

Each row is a gate, or a group of gates that are replaced together, and each column a replacement. None of them is the
network that was trained: the docstrings in `cbam_core.gates.replacements` say what each answers, and what not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from cbam_core.errors import Message
from cbam_core.results.explanation import Explanation, Gate


@dataclass(frozen=True, eq=False)
class Outcome:
    """Answer of a network for one image, as it is or under an edit.

    Attributes:
        edit: code of the replacement, such as ``"usual"``; ``"as_is"`` for none.
        logits: logits of the K classes, float32 (K,).
        probabilities: their softmax, float32 (K,).
        answer: name of the most probable class.
    """

    edit: str
    logits: Float32[np.ndarray, " k"]
    probabilities: Float32[np.ndarray, " k"]
    answer: str


@dataclass(frozen=True, eq=False)
class Row:
    """Outcomes for one gate, or for a group of gates that are replaced together.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``, or of the group: ``"all.spatial"``, ``"all.channel"``,
            ``"all"``.
        gate: the gate as it is for this image, with its usual values; None for a group.
        outcomes: outcome of each replacement.
        left_out: why a replacement cannot be made, by its code.
    """

    name: str
    gate: Gate | None
    outcomes: tuple[Outcome, ...]
    left_out: Mapping[str, Message] = field(default_factory=dict)

    def under(self, edit: str) -> Outcome | None:
        """Return the outcome of a replacement, by its code; None where there is none."""
        return next((outcome for outcome in self.outcomes if outcome.edit == edit), None)

    @property
    def difference(self) -> float | None:
        """How unlike the usual the gate's shape is: root mean square of `Gate.against_usual`.

        0 is the usual shape, and 1 a difference as large as the gate's own mean. None where the usual is not known.
        """
        shape = None if self.gate is None else self.gate.against_usual
        return None if shape is None else math.sqrt(float(np.square(shape, dtype=np.float64).mean()))

    @property
    def strength(self) -> float | None:
        """How strong the gate is: its mean over the usual one, 1 for the usual strength; None where not known."""
        return None if self.gate is None else self.gate.gain


@dataclass(frozen=True, eq=False)
class Consequences:
    """What follows for one image where its gates are replaced.

    Attributes:
        explanation: the image, the network's answer and its gates as they are.
        as_is: outcome without edits.
        rows: one row for each gate, in order of execution.
        groups: rows of groups of gates.
        edits: codes of the replacements, in order.
        together: whether one growing batch computed them, rather than one forward each.
    """

    explanation: Explanation
    as_is: Outcome
    rows: tuple[Row, ...]
    groups: tuple[Row, ...]
    edits: tuple[str, ...]
    together: bool

    def row(self, name: str) -> Row | None:
        """Return the row of a gate or group; None where there is none."""
        return next((row for row in (*self.rows, *self.groups) if row.name == name), None)

    def change(self, outcome: Outcome) -> float:
        """Return the change of the probability of the answer as it is, in [-1, 1]."""
        place = int(self.as_is.probabilities.argmax())
        return float(outcome.probabilities[place]) - float(self.as_is.probabilities[place])

    def changed(self, edit: str = "usual") -> tuple[Row, ...]:
        """Return the rows where a replacement changes the answer."""
        found = ((row, row.under(edit)) for row in (*self.rows, *self.groups))
        return tuple(row for row, outcome in found if outcome is not None and outcome.answer != self.as_is.answer)

    def __str__(self) -> str:
        known = any(row.strength is not None for row in self.rows)
        head = ("", *(("difference", "strength") if known else ()), *self.edits)
        rows = (*self.rows, *self.groups)
        table = [head, *((row.name, *(_measures(row) if known else ()), *self._cells(row)) for row in rows)]
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]
        title = f"{_said(self.as_is)}, and what it is where a gate is replaced:"
        lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)
        unknown = () if known else ("What is usual for these gates is not known; `cbam usual` finds it.",)
        return "\n".join((title, *lines, *unknown))

    def __repr__(self) -> str:
        known = any(row.under("usual") is not None for row in self.rows)
        said = f"{len(self.changed())} rows change the answer where they are usual"
        said = said if known else "what is usual is not known"
        return f"Consequences({self.as_is.answer}, {len(self.rows)} gates; {said})"

    def _cells(self, row: Row) -> Iterator[str]:
        """Yield the probability of the answer under each replacement, and another answer where there is one."""
        place = int(self.as_is.probabilities.argmax())
        for edit in self.edits:
            outcome = row.under(edit)
            if outcome is None:
                yield "-"
                continue
            kept = _percent(float(outcome.probabilities[place]))
            yield kept if outcome.answer == self.as_is.answer else f"{kept} ({_said(outcome)})"


def _measures(row: Row) -> tuple[str, str]:
    difference = "" if row.difference is None else f"{row.difference:.2f}"
    return difference, "" if row.strength is None else f"x{row.strength:.2f}"


def _said(outcome: Outcome) -> str:
    return f"{outcome.answer} {_percent(float(outcome.probabilities.max()))}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
