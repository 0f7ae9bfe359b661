"""Maps of other methods beside the last mask, over the same image, and how much they agree."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import services
from app.evidence.agreement import MEASURES, agreement_table
from app.evidence.agreement import METHODS as NAMES
from app.evidence.agreement import WORDS as MEASURE_WORDS
from app.evidence.computing import computed_here
from app.evidence.drawn import STYLE, rounded, rounded_range
from app.evidence.target import choose_target, target_as_parameter
from app.session.choices import Choice
from app.session.words import Words, class_name, plain_text, say
from app.widgets.choices import choose_one
from app.widgets.figures import drawn_once, figure, figure_style, nothing, scale_bar, zoom_of
from app.widgets.image.shown import ShownImage
from cbam_core.errors import Message
from cbam_core.network import Classifier
from cbam_core.render.attribution import PIXELS, bar_colours, map_picture, over
from cbam_core.render.overlay import cells_on_input
from cbam_core.results.attribution import Attribution, AttributionMap
from cbam_core.results.methods import METHODS

WORDS = Words(
    {
        "about": "Where the image mattered for the logit of {name} ({logit}), by five methods. Orange speaks for the "
        "class and blue against it; each scale ends at the map's largest value, and the mask's at 1.",
        "waiting": "Being computed",
        "asked": "Not computed yet",
        "no_classes": "This network has no classes, so there is no answer to ask about.",
        "measure": "Measure",
        "agreement": "Agreement of two maps over the pixels of the input. Bold is more than either has with the centre "
        "of the image or with its edges, two maps that know no network. A flat map agrees with nothing.",
        "alt": "{method}: {low} to {high}, over the image",
        "flat": "flat",
        "cells": "{source}, {rows}×{columns} cells",
        "sum": "sum off by {error}",
        "says.mask": "What this image lets through, whatever the class. It does not say what would be lost.",
        "says.mask_gradient": "What passes the mask and speaks for the class, to first order. It says nothing of what "
        "the mask held back.",
        "says.grad_cam": "One weight for each channel: it can mark places that the logit does not depend on.",
        "says.integrated_gradients": "Against an image of the mean colour; against another one it would be another "
        "map.",
        "says.occlusion": "A grey square is new to the network, and two causes that replace each other show neither.",
    }
)

_MEASURE = Choice("evidence-measure")


def maps_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Draw the maps of one image, and the table of their agreement."""
    explanation = shown.result.explanation
    if not explanation.classes:
        st.info(WORDS["no_classes"], icon=":material/info:")
        return {}
    target, beside = choose_target(explanation)
    asked = services.Asked(classifier, explanation, target, shown.own)
    found = services.attribution(asked, "maps")
    place = st.container()
    goes_on = found is None and computed_here(asked, "maps")
    found = found or services.quick_maps(asked)
    with place:
        st.html(_maps(found, WORDS["waiting" if goes_on else "asked"]))
    name, logit = class_name(found.target), f"{found.logit:.2f}".replace("-", "−")
    beside.caption(plain_text(WORDS["about"].format(name=name, logit=logit)))
    measure = _agreement(found)
    return {"target": target_as_parameter(), "measure": None if measure == MEASURES[0] else measure}


def open_measure(asked: Mapping[str, Any]) -> None:
    """Begin with the measure that an address asks for, or with the one that was chosen last."""
    if asked:
        _MEASURE.set(asked.get("measure", MEASURES[0]))
    _MEASURE.resume(MEASURES[0])


def _agreement(found: Attribution) -> str:
    if len(found.maps) == 0:
        return MEASURES[0]
    measure = choose_one(WORDS["measure"], MEASURES, MEASURE_WORDS, key=_MEASURE.key)
    _MEASURE.remember()
    beside = f'<div class="ev-controls">{_controls(found)}</div>'
    st.html(f'<div class="ev-beside">{agreement_table(found, measure)}{beside}</div>')
    st.caption(plain_text(WORDS["agreement"]))
    return measure


def _maps(found: Attribution, unmade: str) -> str:
    figures = "".join(_figure(found, method, unmade) for method in METHODS)
    return f'{figure_style()}{STYLE}<div class="cbam-maps ev-maps">{figures}</div>'


def _controls(found: Attribution) -> str:
    """The two maps that know no network, small."""
    image = found.explanation.input_image
    zoom = zoom_of(image.shape[1::-1])
    figures = []
    for name, values in found.controls.items():
        picture = drawn_once(partial(_control, image, values, zoom), "control", image, values)
        figures.append(figure(html.escape(NAMES[name]), picture, NAMES[name], ""))
    return f'<div class="cbam-maps">{"".join(figures)}</div>'


def _control(image: np.ndarray, values: np.ndarray, zoom: int) -> np.ndarray:
    return over(image, values, PIXELS, (0.0, float(values.max())), zoom)


def _figure(found: Attribution, method: str, unmade: str) -> str:
    head, one = html.escape(NAMES[method]), found.map(method)
    if one is None:
        reason = found.left_out.get(method)
        drawn = nothing(head, unmade if reason is None else _said(reason))
    else:
        drawn = _drawn(found, one, head)
    says = f'<p class="ev-says">{html.escape(WORDS[f"says.{method}"])}</p>'
    return drawn.replace("</figure>", f"{says}</figure>")


def _said(reason: Message) -> str:
    text = say(reason)
    return text[:1].upper() + text[1:]


def _drawn(found: Attribution, one: AttributionMap, head: str) -> str:
    image = found.explanation.input_image
    cells, zoom = cells_on_input(one.placement), zoom_of(image.shape[1::-1])
    picture = drawn_once(lambda: map_picture(image, one, zoom), "map", image, one.values, cells, one.limits)
    low, high = float(one.values.min()), float(one.values.max())
    start, end = one.limits
    span = (end - start) or 1.0
    bar = scale_bar(bar_colours(one.limits), _ends(one), ((low - start) / span, (high - start) / span))
    alt = WORDS["alt"].format(method=NAMES[one.method], low=rounded(low), high=rounded(high))
    return figure(head, picture, alt, bar, _under(one))


def _ends(one: AttributionMap) -> tuple[str, str, str]:
    """What stands below a scale: its ends, and between them the true range, 0, or that the map is flat."""
    low, high = float(one.values.min()), float(one.values.max())
    start, end = one.limits
    middle = rounded_range(low, high) if start == 0 else "0"
    return rounded(start), WORDS["flat"] if one.is_flat else middle, rounded(end)


def _under(one: AttributionMap) -> str:
    rows, columns = one.values.shape
    if one.error is not None:
        return WORDS["sum"].format(error=rounded(abs(one.error)))
    return WORDS["cells"].format(source=one.source, rows=rows, columns=columns) if one.source else ""
