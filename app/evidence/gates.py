"""What each channel and each cell of a gate adds to a logit, beside the gate itself."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import streamlit as st

from app import services
from app.evidence.computing import computed_here
from app.evidence.drawn import STYLE, added, rounded, rounded_range
from app.evidence.target import choose_target, target_as_parameter
from app.session.words import Words, class_name, plain_text, say
from app.widgets.figures import figure, figure_style, scale_bar, zoom_of
from app.widgets.image.shown import ShownImage
from cbam_core.network import Classifier
from cbam_core.render.attribution import bar_colours, over
from cbam_core.results.attribution import Attribution, GateAttribution
from cbam_core.results.kinds import AXES, Kind
from cbam_core.results.placement import Placement

WORDS = Words(
    {
        "about": "What each entry of a gate adds to the logit of {name}, against its usual value: orange adds, blue "
        "takes away. An entry that is as usual adds 0, however much the network needs it.",
        "exact": "Each entry was replaced alone; two that say the same both seem to add little.",
        "integrated": "The gradient is averaged on the way from the usual values to those here (8 steps), so all "
        "entries of a gate add up to its whole effect.",
        "no_classes": "This network has no classes, so there is no answer to ask about.",
        "waiting": "The gates are being looked at.",
        "whole": "Whole gate, own values instead of usual: {whole}. The integrated form adds up to that within "
        "{error}.",
        "gradient": "Gradient against the truth: correlation {correlation}.",
        "first": "Most for it: {channels}.",
        "last": "Most against it: {channels}.",
        "sorted": "{count} channels, from those that add most to those that take most away",
        "some": "{shown} of {count} channels: those that add most, and those that take most away",
        "channels": "{gate}: channel weights above, what each adds below",
        "weights": "weight, with a line at the usual one",
        "adds": "adds, up to ±{limit}",
        "here": "Here",
        "usual": "Usual",
        "mask_adds": "Adds",
        "here_mean": "Here, mean of the channels",
        "usual_mean": "Usual, mean of the channels",
        "adds_sum": "Adds, all channels together",
    }
)

MOST = 128
"""Channels that are drawn of one gate."""

NAMED = 3
"""Channels that are named for and against."""


def gates_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Draw what the entries of every gate add."""
    explanation = shown.result.explanation
    if not explanation.classes:
        st.info(WORDS["no_classes"], icon=":material/info:")
        return {}
    target, beside = choose_target(explanation)
    asked = services.Asked(classifier, explanation, target, shown.own)
    found = services.attribution(asked, "gates")
    if found is None:
        if computed_here(asked, "gates"):
            st.caption(WORDS["waiting"])
    elif (reason := found.left_out.get("gates")) is not None:
        text = say(reason)
        st.info(plain_text(f"{text[:1].upper()}{text[1:]}."), icon=":material/info:")
    else:
        with beside:
            _say(found)
        drawn = "".join(_gate(found, one) for one in found.gates)
        st.html(f'{figure_style()}{STYLE}<div class="ev-gates">{drawn}</div>')
    return {"target": target_as_parameter()}


def _say(found: Attribution) -> None:
    exact = any(one.exact is not None for one in found.gates)
    said = WORDS["about"].format(name=class_name(found.target))
    st.caption(plain_text(f"{said} {WORDS['exact' if exact else 'integrated']}"))


def _gate(found: Attribution, one: GateAttribution) -> str:
    head = f"<h4>{html.escape(one.gate.name)}</h4>"
    if one.left_out is not None:
        return f"<section>{head}<p>{html.escape(say(one.left_out))}</p></section>"
    if one.gate.values.ndim == 1:
        drawn = _bars(one)
    else:
        drawn = _mask(found, one) if one.gate.values.ndim == len(AXES[one.gate.kind]) else ""
    return f"<section>{head}{drawn}{''.join(f'<p>{html.escape(line)}</p>' for line in _lines(one))}</section>"


def _lines(one: GateAttribution) -> Iterator[str]:
    if "C" in AXES[one.gate.kind] and np.ptp(_by_channel(one)) > 0:
        yield " ".join(_named(one))
    if one.whole is not None and one.error is not None:
        yield WORDS["whole"].format(whole=added(one.whole), error=rounded(max(abs(one.error), 0.001)))
    if one.correlation is not None:
        yield WORDS["gradient"].format(correlation=f"{one.correlation:.2f}".replace("-", "−"))


def _named(one: GateAttribution) -> Iterator[str]:
    found = _by_channel(one)
    order = np.argsort(-found, kind="stable")
    for word, sign, channels in (("first", 1, order[:NAMED]), ("last", -1, order[::-1][:NAMED])):
        shares = {int(channel): float(found[channel]) for channel in channels}
        named = [f"{channel} ({added(share)})" for channel, share in shares.items() if _says(share, sign)]
        if named:
            yield WORDS[word].format(channels=", ".join(named))


def _by_channel(one: GateAttribution) -> np.ndarray:
    """What each channel adds, all of its entries together."""
    found: np.ndarray = one.shown.reshape(len(one.shown), -1).sum(axis=1, dtype=np.float64)
    return found


def _says(share: float, sign: int) -> bool:
    """Whether a share is for (1) or against (-1) the class, and more than 0 as it is written."""
    return sign * share > 0 and added(share) != "0"


def _bars(one: GateAttribution) -> str:
    """Channel weights upwards, and below them what each channel adds, sorted by that."""
    values, shares, count = one.gate.values, one.shown, one.gate.values.size
    order = np.argsort(-shares, kind="stable")
    drawn = order if count <= MOST else np.concatenate([order[: MOST // 2], order[-MOST // 2 :]])
    usual = values if one.gate.usual is None else one.gate.usual.mean
    limit = float(np.abs(shares).max(initial=0.0)) or 1.0
    bars = "".join(
        _bar(float(values[channel]), float(usual[channel]), float(shares[channel]) / limit) for channel in drawn
    )
    said = WORDS["channels"].format(gate=one.gate.name)
    of = WORDS["sorted" if count <= MOST else "some"].format(count=count, shown=len(drawn))
    return (
        f'<div class="ev-bars" role="img" aria-label="{html.escape(said)}">{bars}</div>'
        f'<div class="ev-key"><span>{html.escape(WORDS["weights"])}</span>'
        f"<span>{html.escape(WORDS['adds'].format(limit=rounded(limit)))}</span></div><p>{html.escape(of)}</p>"
    )


def _bar(weight: float, usual: float, added: float) -> str:
    """One channel: its weight above, the usual one as a line, and below what it adds, as a share of the largest."""
    high, line = (min(1.0, max(0.0, number)) for number in (weight, usual))
    sign = "for" if added >= 0 else "against"
    return f'<span class="{sign}" style="--w: {high:.3f}; --u: {line:.3f}; --a: {abs(added):.3f}"><i></i></span>'


TOGETHER = {"here": "here_mean", "usual": "usual_mean", "mask_adds": "adds_sum"}
"""Names of the pictures of gates that differ along channels and places."""


def _mask(found: Attribution, one: GateAttribution) -> str:
    """Maps over the image: here, usual, and what each place adds."""
    image, usual = found.explanation.input_image, one.gate.usual
    height, width = image.shape[:2]
    adds = _on_image(one.shown, one.gate.kind)
    limit = float(np.abs(adds).max(initial=0.0))
    columns = [("here", _level(one.gate.values, one.gate.kind), (0.0, 1.0)), ("mask_adds", adds, (-limit, limit))]
    if usual is not None:
        columns.insert(1, ("usual", _level(usual.mean, one.gate.kind), (0.0, 1.0)))
    placement = one.placement or Placement.stretched((adds.shape[0], adds.shape[1]), (height, width))
    figures = (
        _figure(one, name, values, limits, over(image, values, placement, limits, zoom_of((width, height))))
        for name, values, limits in columns
    )
    return f'<div class="cbam-maps">{"".join(figures)}</div>'


def _on_image(values: np.ndarray, kind: Kind) -> np.ndarray:
    """Values at each place of the image, (rows, columns), all channels together: one of them 1 for rows or columns."""
    if kind == "spatial":
        return values
    summed = values.sum(axis=0, dtype=np.float64).astype(np.float32)
    found: np.ndarray = {"row": summed[..., None], "column": summed[None]}.get(kind, summed)
    return found


def _level(values: np.ndarray, kind: Kind) -> np.ndarray:
    """The same, as the mean of the channels."""
    found: np.ndarray = _on_image(values, kind) / (1 if kind == "spatial" else len(values))
    return found


def _figure(
    one: GateAttribution, name: str, values: np.ndarray, limits: tuple[float, float], picture: np.ndarray
) -> str:
    said = WORDS[name if one.gate.kind == "spatial" else TOGETHER[name]]
    low, high = float(values.min()), float(values.max())
    span = (limits[1] - limits[0]) or 1.0
    ends = (rounded(limits[0]), "0" if limits[0] < 0 else "", rounded(limits[1]))
    shown = ((low - limits[0]) / span, (high - limits[0]) / span)
    alt = f"{one.gate.name}, {said}: {rounded_range(low, high)}"
    return figure(html.escape(said), picture, alt, scale_bar(bar_colours(limits), ends, shown))
