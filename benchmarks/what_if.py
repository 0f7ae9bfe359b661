"""Claim: What if replaces all gates of a shipped network by their usual values within 150 ms of processor time.

The page explains the image, replaces each gate and each group of gates in one growing batch, and writes what the table
in the browser is given. Here the same is done for images that take turns, on one thread, without the browser and
without what the server remembers; processor time is the time of an idle core. Beside the claim, the time of one click
on a switch is reported: the image explained again with an edit.

    python benchmarks/what_if.py [--rounds 12]
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from apparatus.turns import asked_rounds, medians, take_turns, tell
from streamlit.logger import set_log_level

set_log_level(logging.ERROR)  # that no server runs is said of every cache
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.whatif.table import Seen, answers, groups, listed_gates, rows  # noqa: E402
from cbam_core import consequences, explain, load_classifier  # noqa: E402
from cbam_core.data.samples import sample_sheet  # noqa: E402
from cbam_core.evidence.edited import explain_edited  # noqa: E402
from cbam_core.network import Classifier  # noqa: E402
from cbam_core.results.gate_edits import GateEdit  # noqa: E402

NETWORKS = ("cbam_cnn_cifar10", "cbam_resnet_cifar10")
LIMIT = 150.0
"""Milliseconds."""
IMAGES = 8
"""Images that take turns."""


def contenders(classifier: Classifier) -> dict[str, Callable[[int], object]]:
    """The page's rows, and one click on a switch."""
    images = sample_sheet().images[:IMAGES]
    first = [explain(classifier, image) for image in images]
    gate = first[0].blocks[0].gates[0].name

    def page(turn: int) -> object:
        explanation = explain(classifier, images[turn % IMAGES])
        found = consequences(classifier, explanation, only={"usual"})
        outcomes = ((row.name, row.under("usual")) for row in (*found.rows, *found.groups))
        usual = {name: outcome.probabilities for name, outcome in outcomes if outcome is not None}
        seen = Seen(explanation, usual, {})
        return rows(seen, listed_gates(seen, all_of_them=True, edits={})), groups(seen), answers(seen)

    def click(turn: int) -> object:
        return explain_edited(classifier, first[turn % IMAGES], {gate: GateEdit("usual")})

    return {"page": page, "click": click}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 12, arguments)
    torch.set_num_threads(1)
    networks = {}
    for name in NETWORKS:
        times = take_turns(contenders(load_classifier(name)), rounds, warm_up=2, clock=time.process_time)
        networks[name] = medians(times, 1)
    said = [f"{name}: {one['page']:.0f} ms, a click {one['click']:.0f} ms" for name, one in networks.items()]
    figures = {"limit": LIMIT, "rounds": rounds, "networks": networks}
    return tell("what_if", figures, "; ".join(said), holds=all(one["page"] <= LIMIT for one in networks.values()))


if __name__ == "__main__":
    sys.exit(main())
