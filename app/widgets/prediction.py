"""The image beside what the network made of it: class probabilities, truth where it is known, and remarks."""

from __future__ import annotations

from functools import cache
from typing import Any

from app.services.prediction import prediction_data
from app.session.choices import Choice
from app.widgets.component import component
from app.widgets.prefetch import Ahead, painter
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Square


def prediction(
    explanation: Explanation,
    *,
    caption: str,
    truth: str | None = None,
    preview: bytes | None = None,
    movable: bool = False,
    brief: bool = False,
    key: str,
    ahead: Ahead | None = None,
) -> None:
    """Show one image and its prediction.

    Args:
        explanation: what the network did with the image.
        caption: what the image is, shown beside it.
        truth: the right class, where it is known.
        preview: the original as a file for the browser, where it is larger than the network's input.
        movable: let the visitor move the framed part of the preview; `framed_square` gives where to.
        brief: only the most probable classes, without the remark that holds for every image.
        key: of the widget.
        ahead: which of the results sent ahead this one is; None where none are.
    """
    data = prediction_data(explanation, caption=caption, truth=truth, preview=preview, movable=movable, brief=brief)
    data["ahead"] = None if ahead is None else ahead.as_dict()
    _component()(key=key, data=data, on_square_change=lambda: None)


def framed_square(key: str) -> Square | None:
    """The part that the visitor framed, (left, top, side) in pixels of the original; None before they did.

    Args:
        key: of the widget that shows the image; it may be drawn later in the same run.
    """
    value = Choice(key).get({}).get("square")
    # The browser can send anything; what is not three numbers counts as nothing.
    if not isinstance(value, list) or len(value) != 3:
        return None
    if not all(isinstance(number, int | float) and abs(number) < 1e6 for number in value):
        return None
    left, top, side = (round(float(number), 1) for number in value)  # as an address says it
    return left, top, side


@cache
def _component() -> Any:
    return component("prediction", '<div class="prediction"></div>', before=painter())
