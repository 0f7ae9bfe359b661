"""Edits of gates as plain values, which a page, a link and a file can hold: what stands in the place of each gate.

An edit begins with what a gate is replaced by, multiplies it, and sets single values by hand. As JSON:

    {"cbam1.spatial": {"source": "usual"}, "cbam3.channel": {"factor": 0.5, "values": [[17, 0.9]]}}

and in a link ``cbam1.spatial:usual,cbam3.channel:as_is*50~17=90``. Neither is trusted: whatever is not an edit is
refused in one sentence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cbam_core.errors import EditError

Source = Literal["as_is", "usual", "other", "usual_level", "own_mean", "shuffled", "inverted", "off"]
"""What a gate is replaced by; codes are those of `cbam_core.gates.replacements`."""

SOURCES: tuple[Source, ...] = get_args(Source)

STRONGEST = 2.0
"""Largest factor."""

FURTHEST = 1000.0
"""Largest absolute value that can be set by hand; those of most gates lie in [0, 1]."""

MOST_GATES, MOST_VALUES, LONGEST_NAME = 1000, 100_000, 200

MOST_LINKED = 20_000
"""Most values in the text of a link, where a few characters can stand for many."""

LARGEST_FILE = 2 * 2**20
"""Bytes of a file of edits."""

STEPS = 100
"""Steps of a factor or value between 0 and 1 in links and pages."""

FORMAT, VERSION = "cbam-lens edits", 1


@dataclass(frozen=True)
class GateEdit:
    """What stands in the place of one gate.

    Attributes:
        source: what it is replaced by; ``"as_is"`` for the gate itself.
        factor: factor of that, in [0, `STRONGEST`].
        values: (index, value) of channels or cells that are set by hand, by index: in a mask, cells are numbered row
            by row.
    """

    source: Source = "as_is"
    factor: float = 1.0
    values: tuple[tuple[int, float], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it is an edit at all."""
        return self != GateEdit()

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values; what is usual is left out."""
        entry: dict[str, Any] = {} if self.source == "as_is" else {"source": self.source}
        if self.factor != 1:
            entry["factor"] = self.factor
        if self.values:
            entry["values"] = [list(pair) for pair in self.values]
        return entry


GateEdits = Mapping[str, GateEdit]
"""Edits by names of gates; what does not change is left out."""


@dataclass(frozen=True)
class EditFile:
    """What a file of edits holds.

    Attributes:
        now: edits that are made.
        kept: further edits, each of which was kept to compare with.
        network: name of the network that they are of; "" where it is not known.
        image: image that they were made on, as a link of the app names it; "" where it is not known.
        other: image that lends its gates, in the same way.
    """

    now: GateEdits
    kept: tuple[GateEdits, ...] = ()
    network: str = ""
    image: str = ""
    other: str = ""

    def as_json(self) -> str:
        """Convert to the text of a file."""
        values = {
            "format": FORMAT,
            "version": VERSION,
            "network": self.network,
            "image": self.image,
            "other": self.other,
            "now": edits_as_dict(self.now),
            "kept": [edits_as_dict(edits) for edits in self.kept],
        }
        return json.dumps(values, indent=1)


def edits_as_dict(edits: GateEdits) -> dict[str, Any]:
    """Convert edits to JSON-ready values, by names of gates."""
    return {name: edit.as_dict() for name, edit in edits.items() if edit.changes}


def read_edits(values: Any) -> dict[str, GateEdit]:
    """Read what `edits_as_dict` gave, from an untrusted source.

    Raises:
        EditError: it is something else.
    """
    if not isinstance(values, dict) or len(values) > MOST_GATES:
        raise _unreadable()
    found = {_name(name): _read_edit(name, entry) for name, entry in values.items()}
    return {name: edit for name, edit in found.items() if edit.changes}


def read_edit_file(content: bytes, most_kept: int = 26) -> EditFile:
    """Read a file of edits, which need not be one.

    Args:
        content: bytes of the file.
        most_kept: largest number of kept edits.

    Raises:
        EditError: it is not a file of edits.
    """
    if len(content) > LARGEST_FILE:
        raise _unreadable()
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(values, dict) or (values.get("format"), values.get("version")) != (FORMAT, VERSION):
        raise _unreadable()
    kept = values.get("kept", [])
    if not isinstance(kept, list) or len(kept) > most_kept:
        raise _unreadable()
    texts = (_text(values.get(name, "")) for name in ("network", "image", "other"))
    return EditFile(read_edits(values.get("now", {})), tuple(map(read_edits, kept)), *texts)


def edits_as_text(edits: GateEdits) -> str:
    """Convert edits to the text of a link, with factors rounded to hundredths and values to thousandths."""
    return ",".join(f"{_quoted(name)}:{_edit_as_text(edit)}" for name, edit in edits.items() if edit.changes)


def edits_from_text(text: str) -> dict[str, GateEdit] | None:
    """Read what `edits_as_text` gave; None for any other text."""
    parts = [_LINKED.fullmatch(part) for part in text.split(",")]
    if len(parts) > MOST_GATES or sum(_count(part["values"]) for part in parts if part) > MOST_LINKED:
        return None
    found: dict[str, GateEdit] = {}
    for part in parts:
        if part is None:
            return None
        entry = {
            "source": part["source"],
            "factor": int(part["factor"] or STEPS) / STEPS,
            "values": [*_read_runs(part["values"])],
        }
        try:
            found[_name(_unquoted(part["name"]))] = _read_edit(part["name"], entry)
        except EditError:
            return None
    return {name: edit for name, edit in found.items() if edit.changes}


_LINKED = re.compile(
    r"(?P<name>[^,:]{1,200}):(?P<source>[a-z_]{1,20})(?:\*(?P<factor>[0-9]{1,3}))?"
    r"(?P<values>(?:~[0-9]{1,6}(?:x[0-9]{1,6})?=-?[0-9]{1,6}(?:\.[0-9])?){0,5000})"
)


def _edit_as_text(edit: GateEdit) -> str:
    factor = "" if edit.factor == 1 else f"*{round(STEPS * edit.factor)}"
    return f"{edit.source}{factor}{''.join(_runs(edit.values))}"


def _runs(values: Iterable[tuple[int, float]]) -> Iterator[str]:
    """Write values in hundredths: ``~3=26.6`` is 0.266 in cell 3.

    Neighbours of one value share an entry: ``~12x4=80`` are cells 12 to 15 at 0.8.
    """
    runs: list[tuple[int, int, str]] = []
    for index, value in values:
        step = f"{round(STEPS * value, 1) + 0.0:.1f}".removesuffix(".0")  # never -0
        first, count, before = runs[-1] if runs else (index, 0, step)
        if first + count == index and before == step:
            runs[-1:] = [(first, count + 1, step)]
        else:
            runs.append((index, 1, step))
    return (f"~{first}{f'x{count}' if count > 1 else ''}={step}" for first, count, step in runs)


_RUN = re.compile(r"~(\d+)(?:x(\d+))?=(-?\d+(?:\.\d)?)")


def _read_runs(text: str) -> Iterator[list[float]]:
    for first, times, step in _RUN.findall(text):
        for place in range(int(times or 1)):
            yield [int(first) + place, float(step) / STEPS]


def _count(text: str) -> int:
    """Number of values that `_read_runs` reads."""
    return sum(int(times or 1) for _, times, _ in _RUN.findall(text))


def _quoted(name: str) -> str:
    """Keep the signs of the text out of a name, as module names have them out anyway."""
    return name.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")


def _unquoted(name: str) -> str:
    return name.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")


def _read_edit(name: Any, entry: Any) -> GateEdit:
    if not isinstance(entry, dict) or entry.keys() - {"source", "factor", "values"}:
        raise _unknown(name)
    source, factor = entry.get("source", "as_is"), _number(entry.get("factor", 1.0))
    if source not in SOURCES or factor is None or not 0 <= factor <= STRONGEST:
        raise _unknown(name)
    return GateEdit(source, factor, _read_values(name, entry.get("values", [])))


def _read_values(name: Any, given: Any) -> tuple[tuple[int, float], ...]:
    if not isinstance(given, list) or len(given) > MOST_VALUES:
        raise _unknown(name)
    found: dict[int, float] = {}
    for pair in given:
        index, value = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
        number = _number(value)
        if type(index) is not int or not 0 <= index < 10**9 or number is None or abs(number) > FURTHEST:
            raise _unknown(name)
        found[index] = number
    return tuple(sorted(found.items()))


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if abs(given) < 1e9 and math.isfinite(given) else None


def _name(given: Any) -> str:
    if not isinstance(given, str) or not given or len(given) > LONGEST_NAME or not given.isprintable():
        raise _unreadable()
    return given


def _text(given: Any) -> str:
    return given if isinstance(given, str) and len(given) <= LONGEST_NAME and given.isprintable() else ""


def _unreadable() -> EditError:
    return EditError("edits.unreadable", "this is not a file of edits as What if gives them out")


def _unknown(name: Any) -> EditError:
    return EditError(
        "edits.unknown",
        "the edit of gate {gate} is not one: a source, a factor from 0 to 2, and pairs of an index and a number",
        gate=str(name)[:60],
    )
