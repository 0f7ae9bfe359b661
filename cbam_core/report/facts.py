"""What a report says about a network: its card, as pairs of a name and a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from cbam_core.errors import Message, unbroken
from cbam_core.report.words import WORDS

if TYPE_CHECKING:
    from cbam_core.network import Classifier


def facts_of(
    classifier: Classifier,
    words: Mapping[str, str] = WORDS,
    say: Callable[[Message], str] = str,
    text: Callable[[str], str] = str,
) -> tuple[tuple[str, str], ...]:
    """Return the facts of a network's card that are known.

    Args:
        classifier: the network.
        words: words of the report, in its language.
        say: function that turns the assumptions about a file into sentences.
        text: function that translates a sentence of a card.
    """
    found = _facts(classifier, say, text)
    return tuple((words.get(key, WORDS[key]), unbroken(value)) for key, value in found if value)


def _facts(
    classifier: Classifier, say: Callable[[Message], str], text: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    card = classifier.card
    yield "network", classifier.name
    yield "description", text(card.what)
    if classifier.architecture:
        arguments = ", ".join(f"{key}={value!r}" for key, value in classifier.arguments.items())
        yield "architecture", f"{classifier.architecture}({arguments})"
    yield "normalisation", " / ".join(", ".join(f"{v:.4f}" for v in part) for part in (classifier.mean, classifier.std))
    if card.test_accuracy is not None:
        yield "accuracy", f"{100 * card.test_accuracy:.2f} % ({card.test_correct:,} / {card.test_count:,})"
    yield "trained_on", text(card.split)
    yield "limits", text(card.limits)
    yield "weights_file", classifier.digest
    for assumption in card.assumptions:
        yield "assumed", say(assumption)
