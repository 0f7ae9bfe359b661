"""Looking for an image for which a gate decides: whose answer changes where the gate has its usual values."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch

from cbam_core.data.dataset import Dataset
from cbam_core.evidence.edited import explain_edited
from cbam_core.evidence.running import run_each
from cbam_core.gates.joining import JoinedEdit
from cbam_core.gates.replacements import Usual
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, batches, checked_logits, fitted, network_input
from cbam_core.results.explanation import Explanation
from cbam_core.results.gate_edits import GateEdit


def find_deciding(
    classifier: Classifier, dataset: Dataset, gates: Sequence[str], *, start: int = 0
) -> Generator[int, None, tuple[int, ...]]:
    """Look through images, batch by batch, for one whose answer another gate changes.

    Args:
        classifier: the network; it is not changed.
        dataset: images; they need no labels. Of an image of another size, the centre is fitted to the network's input.
        gates: names of the gates that have their usual values, all at once.
        start: index of the image to begin with; those before it come last.

    Yields:
        Number of images looked at.

    Returns:
        Index of the first image found, alone; () if there is none.

    Raises:
        EditError: a gate is not there, or its usual values are unknown.
        ModelError: as `cbam_core.observing.observe`.
    """
    order = [*range(start, len(dataset)), *range(start)]
    edit, done = JoinedEdit({gate: Usual() for gate in gates}), 0
    for part in batches(len(order), batch_size(classifier)):
        indices = order[part]
        pixels = [fitted(classifier, dataset.images, slice(index, index + 1))[0] for index in indices]
        plain, edited = run_each(classifier.model, network_input(classifier, pixels), [edit], classifier.usual)
        answers = [checked_logits(classifier, logits, len(indices)).argmax(dim=1) for logits in (plain, edited)]
        found = torch.nonzero(answers[0] != answers[1]).flatten().tolist()
        if found:
            return (indices[found[0]],)
        done += len(indices)
        yield done
    return ()


def usual_one_by_one(
    classifier: Classifier,
    explanation: Explanation,
    groups: Sequence[Sequence[str]],
    found: list[Explanation] | None = None,
) -> Generator[int, None, list[Explanation]]:
    """Explain an image with the usual values of some gates, one forward after the other: for large networks.

    Args:
        classifier: the network; it is not changed.
        explanation: explanation of the image by this network.
        groups: names of the gates that have their usual values together.
        found: empty list that the explanations are added to, for those who look at them as they come.

    Yields:
        Number of groups that are done.

    Returns:
        The explanation with each of them.
    """
    found = [] if found is None else found
    for group in groups:
        found.append(explain_edited(classifier, explanation, {gate: GateEdit("usual") for gate in group}))
        yield len(found)
    return found
