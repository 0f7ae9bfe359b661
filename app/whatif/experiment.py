"""The table of gates with its switches: what it is given, and what it tells."""

from __future__ import annotations

import secrets
from functools import cache, partial
from typing import Any

from app import services
from app.services import what_if
from app.session.choices import Choice
from app.session.words import Words, class_name, language, translated
from app.whatif.answers import kept_answers, outcomes
from app.whatif.link import KEPT
from app.whatif.other import Other
from app.whatif.state import EXPERIMENT, GENERATION, JUMPED, take
from app.whatif.table import Seen, answers, groups, listed_gates, picture, rows
from app.widgets.component import component, script
from app.widgets.image.address import open_image
from app.widgets.image.shown import ShownImage
from cbam_core.network import Classifier
from cbam_core.render.diverging import DIVERGING
from cbam_core.results.gate_edits import SOURCES, edits_as_dict

WORDS = Words(
    {
        "gate": "Gate",
        "here": "Here",
        "usually": "Usual",
        "usual": "usual",
        "difference": "Difference",
        "with_usual": "With the usual one",
        "share": "Test images that change",
        "place": "In its place",
        "now": "Then",
        "as_is": "as is",
        "other": "borrowed",
        "more": "More",
        "same": "same answer",
        "changes": "answer changes",
        "no_edits": "no edits yet",
        "show": "Show one",
        "show_long": "Show an image for which this gate decides",
        "as_it_is": "The network as it is",
        "edited": "With your edits",
        "keep": "Keep",
        "reset": "Reset",
        "again": "Show these edits again",
        "drop": "Drop",
        "some": "Listed are the gates whose usual values change the answer's probability most.",
        "show_all": "Show all gates",
        "why_usual": "usual values not known",
        "why_classes": "no prediction",
        "why_waiting": "not computed yet",
        "truth": "Truth: {truth}",
        "lends": "Lends its gates",
        "other_class": "Class of the image that lends its gates",
        "another": "Another",
        "number": "Test image",
        "usual_level": "usual level: one number",
        "own_mean": "its own mean",
        "shuffled": "its own values, shuffled",
        "inverted": "inverted: one minus it",
        "off": "off: 1 everywhere",
        "strength": "Strength",
        "off_is_no_evidence": "Off, inverted and shuffled values, and other strengths, change the size or the pattern "
        "of all features, which no later layer was trained for. A large effect of them is no evidence that the gate "
        "matters; look at the usual values first.",
        "one_number": "This mask is one number an image: how strong, and not where. Painting on it would say nothing "
        "about attention, so it is left out.",
        "channel": "Channel",
        "value": "Value",
        "free": "Let go",
        "clear": "Clear",
        "drag": "Drag a bar to set a channel's weight.",
        "bars_long": "Channel weights; the fields below set them by keyboard",
        "paint": "Paint",
        "paint_said": "Paint on the mask. Colours are relative to the mean of the cells that are not painted.",
        "paint_long": "The mask. Arrow keys move a cell, and the space bar paints it.",
        "brush": "brush",
        "erase": "erase",
        "size": "Size",
        "undo": "Undo",
    }
)


def gate_table(classifier: Classifier, shown: ShownImage, other: Other | None, seen: Seen) -> None:
    """Draw the table.

    Args:
        classifier: the network.
        shown: the image.
        other: the image that lends its gates; None for none.
        seen: what the table shows of it.
    """
    key, generation = Choice(f"whatif-{shown.key}"), GENERATION.number
    _component()(
        key=key.key,
        data=table_data(classifier, shown, other, seen),
        on_told_change=partial(_take, key, generation),
        on_show_change=partial(_jump, key, classifier, shown),
    )


def table_data(classifier: Classifier, shown: ShownImage, other: Other | None, seen: Seen) -> dict[str, Any]:
    """What the browser is given, JSON-ready; arguments as of `gate_table`."""
    experiment = EXPERIMENT.get()
    names = listed_gates(seen, all_of_them=experiment.all, edits=experiment.now)
    listed, joint = rows(seen, names), groups(seen)
    for row in (*listed, *joint):
        row["shows"] = row["under"] is not None and (
            not row["share"] or what_if.deciding(classifier, row["name"]) is not None
        )
    has_usual = any(row["usual"] for row in listed)
    words = translated(WORDS)
    return {
        "sources": list(SOURCES),
        "samples": _samples_by_class(),
        "test_count": services.test_count() or 0,
        "lender": None if experiment.other is None else list(experiment.other),
        "lends": None if other is None else list(other.place),
        "outcomes": outcomes(classifier, shown, other),
        "generation": GENERATION.number,
        "language": language(),
        "words": words,
        "image": {**picture(seen.as_is), "caption": shown.caption, "lines": _lines(shown)},
        "other": None if other is None else _lending(other),
        "rows": listed,
        "groups": joint,
        "hidden": len(seen.as_is.blocks) and len(names) < sum(len(block.gates) for block in seen.as_is.blocks),
        "answers": answers(seen),
        "has_usual": has_usual,
        "why": words["why_classes" if not seen.as_is.classes else "why_waiting" if has_usual else "why_usual"],
        "now": edits_as_dict(experiment.now),
        "kept": [edits_as_dict(edits) for edits in experiment.kept],
        "kept_said": kept_answers(classifier, shown, other, translated(WORDS)),
        "most_kept": len(KEPT),
        "opened": experiment.opened,
        "all": experiment.all,
    }


def _lines(shown: ShownImage) -> list[str]:
    truth = [] if shown.truth is None else [WORDS["truth"].format(truth=class_name(shown.truth))]
    return [shown.caption, *truth]


def _lending(other: Other) -> dict[str, Any]:
    lines = [WORDS["lends"], class_name(other.truth)]
    return {**picture(other.explanation), "caption": other.caption, "lines": lines, "class": other.truth}


def _samples_by_class() -> list[dict[str, Any]]:
    """The samples that can lend their gates, by their class."""
    by_class: dict[str, list[int]] = {}
    for tile in services.sample_tiles():
        by_class.setdefault(tile.class_, []).append(tile.index)
    return [{"class": name, "name": class_name(name), "indices": indices} for name, indices in by_class.items()]


def _take(table: Choice, generation: int) -> None:
    """What the visitor changed in the table."""
    take(table.get({}).get("told"), generation)


def _jump(table: Choice, classifier: Classifier, shown: ShownImage) -> None:
    """Show an image for which a gate decides, another one at each click; it is looked for where none is known."""
    gate = table.get({}).get("show")
    if not isinstance(gate, str):
        return
    found = what_if.deciding(classifier, gate)
    if found is not None:
        open_image(classifier, {"image": (found.source, secrets.choice(found.indices))})
        JUMPED.set(True)
    elif not what_if.changes_of(classifier):
        what_if.begin_search(classifier, gate, shown.result.explanation)


@cache
def _component() -> Any:
    colours = f'const DIVERGING = "{DIVERGING.tobytes().hex()}";\n'
    parts = (script(name, "app.whatif") for name in ("draw", "drawer"))
    return component("table", '<div class="whatif"></div>', before=colours + "".join(parts), package="app.whatif")
