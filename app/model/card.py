"""The card of a network: what it is, how it was made, and what it is not good for."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from app.session.words import Words, card_text, listed, listed_classes, say
from cbam_core.network import Classifier
from cbam_core.results.evaluation import Evaluation, wilson_interval
from cbam_core.weights.card import Card

WORDS = Words(
    {
        "network": "Network",
        "classes": "Classes",
        "input": "Input",
        "input_is": "{width}×{height} pixels, RGB; mean {mean}, deviation {std}",
        "accuracy": "Test accuracy",
        "accuracy_is": "{share:.2f} % ({right:,} of {count:,} images); 95 % interval {low:.2f} % to {high:.2f} %",
        "accuracy_unknown": "not measured",
        "split": "Images",
        "made": "Created with",
        "date": "Created on",
        "run": "Run",
        "run_is": "{epochs} epochs, seed {seed}",
        "unknown": "unknown",
        "versions": "Versions",
        "limits": "Limits",
        "assumed": "Assumed",
        "remark": "Remark",
        "stated": "Stated by you",
        "digest": "SHA-256",
    }
)

_STYLE = """<style>
.card { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr) 7.5rem minmax(0, 1fr); gap: 0 1rem;
  margin: 0 !important; padding: 0 !important; font-size: 0.875rem; line-height: 1.5; }
.card div { display: grid; grid-template-columns: subgrid; grid-column: span 2; padding: 0.3rem 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.25); }
.card div.wide { grid-column: 1 / -1; }
.card dt { opacity: 0.8; }
.card dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.card div.wide dd { grid-column: 2 / -1; }
.card code { font-size: 0.8125rem; padding: 0; background: none; color: inherit; }
@media (max-width: 800px) {
  .card { grid-template-columns: 6.5rem minmax(0, 1fr); }
}
</style>"""

_WIDE = {"split", "limits", "digest", "assumed", "remark", "stated"}
_CODE = {"made", "digest", "network"}


def card_table(
    classifier: Classifier,
    evaluation: Evaluation | None = None,
    *,
    stated: Sequence[str] = (),
    words: Mapping[str, str] = WORDS,
) -> None:
    """Show all of a network's card but its first sentence; what it does not say is left out, save for the accuracy.

    Args:
        classifier: the network.
        evaluation: of the network, for a card without an accuracy; None where there is none.
        stated: what its owner stated about it, in words.
        words: of this component.
    """
    made = ", ".join(f"{name}={value!r}" for name, value in classifier.arguments.items())
    network = f"{classifier.kind}({made})" if classifier.architecture else classifier.kind
    rows = [("network", network), ("classes", listed_classes(classifier.classes))]
    width, height = classifier.input_size
    means, deviations = (", ".join(f"{value:.4f}" for value in values) for values in (classifier.mean, classifier.std))
    rows.append(("input", words["input_is"].format(width=width, height=height, mean=means, std=deviations)))
    facts = _facts(_with_accuracy(classifier.card, evaluation), words)
    rows += [(name, said) for name, said in facts if classifier.classes or name != "accuracy"]
    rows += [("remark", say(remark)) for remark in classifier.remarks]
    rows.append(("stated", listed(stated)))
    rows.append(("digest", classifier.digest))
    st.html(f'{_STYLE}<dl class="card">{"".join(_row(name, said, words) for name, said in rows if said)}</dl>')


def _with_accuracy(card: Card, evaluation: Evaluation | None) -> Card:
    if card.test_correct is not None or evaluation is None or evaluation.split == "samples":
        return card
    return replace(card, test_correct=evaluation.total_right, test_count=evaluation.total)


def _facts(card: Card, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "accuracy", _accuracy(card, words)
    yield "made", card.command
    if card.epochs is not None or card.seed is not None:
        epochs, seed = (words["unknown"] if value is None else str(value) for value in (card.epochs, card.seed))
        yield "run", words["run_is"].format(epochs=epochs, seed=seed)
    yield "date", card.date
    yield "versions", ", ".join(f"{software} {version}" for software, version in card.versions.items())
    yield "split", card_text(card.split)
    yield "limits", card_text(card.limits)
    for assumption in card.assumptions:
        yield "assumed", say(assumption)


def _accuracy(card: Card, words: Mapping[str, str]) -> str:
    if card.test_correct is None or not card.test_count:
        return words["accuracy_unknown"]
    low, high = wilson_interval(card.test_correct, card.test_count)
    return words["accuracy_is"].format(
        share=100 * card.test_correct / card.test_count,
        right=card.test_correct,
        count=card.test_count,
        low=100 * low,
        high=100 * high,
    )


def _row(name: str, said: str, words: Mapping[str, str]) -> str:
    safe = html.escape(said)
    safe = f"<code>{safe}</code>" if name in _CODE else safe
    kind = ' class="wide"' if name in _WIDE else ""
    return f"<div{kind}><dt>{html.escape(words[name])}</dt><dd>{safe}</dd></div>"
