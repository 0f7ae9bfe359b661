"""What a visitor states about a network of their own: its classes, its input, and which weights of its file count."""

from __future__ import annotations

import re

import streamlit as st

from app import services
from app.session import own_networks
from app.session.choices import Choice, Remembered
from app.session.own_networks import NOTHING, Statement
from app.session.words import Words, class_name, listed, plain_text, say, sentence
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.weights.stating import NORMALISATIONS

WORDS = Words(
    {
        "open": "Classes and input",
        "hint": "State what the file of this network does not say",
        "about": "An empty field leaves what the file says, or what is assumed.",
        "weights": "Weights",
        "plain": "(without a name)",
        "classes": "Class names",
        "classes_help": "One name on each line, or with commas between them, in the order of the {count} outputs.",
        "negative": "Class of outputs below 0",
        "positive": "Class of outputs above 0",
        "normalisation": "Mean and deviation",
        "as_is": "As in the file, or assumed",
        "cifar10": "CIFAR-10, as in the course",
        "cifar10-pixels": "CIFAR-10, deviation over all pixels",
        "imagenet": "ImageNet",
        "half": "0.5 each",
        "none": "None: values from 0 to 1",
        "numbers": "Other numbers",
        "mean": "Mean",
        "std": "Deviation",
        "three": "Three numbers, or one for all channels; 1 is white.",
        "pair": "Mean {mean}; deviation {std}",
        "size": "Side of the input in pixels",
        "apply": "Apply",
        "undo": "Undo",
        "stated": "Stated by you: {what}",
        "refused": "{reason}.",
    }
)

LARGEST = 512
"""Side in pixels that can be stated here, so that one forward stays cheap for all visitors."""

_AS_IS, _NUMBERS = "as_is", "numbers"

_FIELDS = {
    name: Choice(f"stating-{name}")
    for name in ("weights", "classes", "negative", "positive", "normalisation", "mean", "std", "size")
}
_REFUSAL: Remembered[CbamError | None] = Remembered("stating-refusal", lambda: None)
_IS_TAKEN: Remembered[bool] = Remembered("stating-taken", bool)


def stated_parts(name: str) -> list[str]:
    """What the visitor states about a network, as words; none of one that is not their own."""
    statement = own_networks.statement_about(name)
    parts = {
        "weights": statement.weights,
        "classes": statement.classes,
        "normalisation": statement.normalisation,
        "size": statement.input_size,
    }
    return [WORDS[part] for part, value in parts.items() if value is not None]


def offer_stating(name: str, *, key: str) -> None:
    """Offer to state something about a network of the visitor's own; what was stated is undone by one click.

    Args:
        name: of the network.
        key: what the widgets' keys begin with.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-row"):
        asked = st.button(WORDS["open"], icon=":material/edit:", help=WORDS["hint"], key=f"{key}-open")
        _IS_TAKEN.forget()
        if asked or _REFUSAL.get() is not None:
            st.dialog(WORDS["open"], width="medium")(_dialog)(name)
        if stated := stated_parts(name):
            st.caption(plain_text(WORDS["stated"].format(what=listed(stated))), width="content")
            undo = WORDS["undo"]
            st.button(undo, icon=":material/undo:", type="tertiary", key=f"{key}-undo", on_click=_undo, args=(name,))


def _undo(name: str) -> None:
    """Go back to what the file says, which was fine when it came."""
    own_networks.make_statement(name, NOTHING, services.with_usual)


def _dialog(name: str) -> None:
    """Ask for what is stated; the dialog closes when that was taken."""
    if _IS_TAKEN.get():
        _IS_TAKEN.forget()
        st.rerun()
    in_file = own_networks.in_file(name)
    if not in_file:
        return
    first, before = next(iter(in_file.values())), own_networks.statement_about(name)
    for message in (*first.remarks, *first.card.assumptions):
        st.caption(plain_text(sentence(message)))
    _ask_weights([*in_file], before)
    _ask_classes(first, before)
    _ask_normalisation(before)
    _ask_size(first, before)
    st.caption(WORDS["about"])
    if (refusal := _REFUSAL.get()) is not None:
        _REFUSAL.forget()
        st.error(WORDS["refused"].format(reason=plain_text(say(refusal))), icon=":material/error:")
    st.button(WORDS["apply"], type="primary", key="stating-apply", on_click=_apply, args=(name,))


def _apply(name: str) -> None:
    """State what the fields of the dialog hold."""
    try:
        first = next(iter(own_networks.in_file(name).values()))
        own_networks.make_statement(name, _statement(first), services.with_usual)
    except CbamError as error:
        _REFUSAL.set(error)
    else:
        _IS_TAKEN.set(True)


def _statement(first: Classifier) -> Statement:
    return Statement(
        weights=_other_weights(first),
        classes=_classes(first),
        normalisation=_normalisation(),
        input_size=_side(_FIELDS["size"].get()),
    )


def _other_weights(first: Classifier) -> str | None:
    chosen: str | None = _FIELDS["weights"].get()
    return None if first.source is None or chosen == next(iter(first.source.known), chosen) else chosen


def _side(given: int | None) -> int | None:
    return None if given is None else min(int(given), LARGEST)  # bounds hold in the browser only


def _classes(first: Classifier) -> tuple[str, ...] | None:
    if first.arguments.get("num_classes") != 1:
        return class_names(_FIELDS["classes"].get("")) or None
    names = [_FIELDS[which].get("").strip() for which in ("negative", "positive")]
    return (names[0] or first.classes[0], names[1] or first.classes[1]) if any(names) else None


def _normalisation() -> str | tuple[tuple[float, ...], tuple[float, ...]] | None:
    chosen = _FIELDS["normalisation"].get(_AS_IS)
    if chosen == _NUMBERS:
        return numbers(_FIELDS["mean"].get("")), numbers(_FIELDS["std"].get(""))
    return None if chosen == _AS_IS else str(chosen)


def _ask_weights(titles: list[str], before: Statement) -> None:
    if len(titles) < 2:
        return
    at = titles.index(before.weights) if before.weights in titles else 0
    label = WORDS["weights"]
    st.selectbox(label, titles, index=at, format_func=lambda title: title or WORDS["plain"], key=_FIELDS["weights"].key)


def _ask_classes(first: Classifier, before: Statement) -> None:
    known = [class_name(name) for name in first.classes]
    if first.arguments.get("num_classes") != 1:
        said = WORDS["classes_help"].format(count=len(known))
        text = "\n".join(before.classes or ())
        shown = listed(known[:20])
        st.text_area(WORDS["classes"], text, height=110, placeholder=shown, help=said, key=_FIELDS["classes"].key)
        return
    given = before.classes or ("", "")
    for which, name, otherwise in zip(("negative", "positive"), given, known, strict=True):
        st.text_input(WORDS[which], name, max_chars=100, placeholder=otherwise, key=_FIELDS[which].key)


def class_names(text: str) -> tuple[str, ...]:
    """Names from a text: a line each, or with commas between them; brackets and quotes of a list are taken off."""
    inner = text.strip().strip("[](){}")
    parts = inner.splitlines() if "\n" in inner else re.split("[,，、]", inner)
    names = (part.strip().strip(",").strip("'\"").strip() for part in parts)
    return tuple(name for name in names if name)


def _ask_normalisation(before: Statement) -> None:
    given = before.normalisation
    first = _AS_IS if given is None else given if isinstance(given, str) else _NUMBERS
    options = [_AS_IS, *NORMALISATIONS, _NUMBERS]
    label, at = WORDS["normalisation"], options.index(first)
    chosen = st.selectbox(label, options, index=at, format_func=WORDS.__getitem__, key=_FIELDS["normalisation"].key)
    if chosen in NORMALISATIONS:
        mean, std = (", ".join(map(str, values)) for values in NORMALISATIONS[chosen])
        st.caption(WORDS["pair"].format(mean=mean, std=std))
    if chosen == _NUMBERS:
        pair = given if isinstance(given, tuple) else ((), ())
        for which, values in zip(("mean", "std"), pair, strict=True):
            text = ", ".join(map(str, values))
            st.text_input(WORDS[which], text, max_chars=100, help=WORDS["three"], key=_FIELDS[which].key)


def numbers(text: str) -> tuple[float, ...]:
    """Numbers of a text, with commas, spaces or brackets between them; none where something else is among them."""
    parts = [part for part in re.split(r"[\s,，、;()\[\]]+", text) if part]
    try:
        return tuple(map(float, parts))
    except ValueError:
        return ()


def _ask_size(first: Classifier, before: Statement) -> None:
    sides = own_networks.sides_of(first)
    largest = min(sides[-1], LARGEST)
    if sides[0] < largest:
        st.number_input(
            WORDS["size"],
            min_value=sides[0],
            max_value=largest,
            value=before.input_size,
            placeholder=str(first.input_size[0]),
            key=_FIELDS["size"].key,
        )
