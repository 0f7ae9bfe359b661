"""How good a network is on a test set: mistakes, accuracy of each class, calibration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from app.model.confusion import MOST, confusion_matrix
from app.session.words import Words, class_name
from app.widgets.chart import as_figure
from app.widgets.left_out import say_left_out
from cbam_core.render.quality import WORDS as QUALITY_WORDS
from cbam_core.render.quality import class_accuracy, describe_classes, describe_reliability, reliability
from cbam_core.results.evaluation import Evaluation, wilson_interval

WORDS = Words(
    {
        "whole": "{right} of {count} images of the {split} set are classified correctly: {share:.2f} %, 95 % "
        "interval {low:.2f} % to {high:.2f} %.",
        "confusion": "**Confusion matrix.** One row per true class, one column per predicted class; colours show the "
        "share of the row.",
        "intervals": "Intervals show how much a number may vary with the choice of images, "
        "not with another training run.",
    }
)

SPLIT_WORDS = Words({"test": "test", "samples": "sample", "folder": "test"})

CHART_WORDS = Words(QUALITY_WORDS)

SMALLEST, A_CLASS, ONE_OF_MANY, RELIABILITY = 250, 27, 15, 340
"""Heights of the charts in pixels; that of the classes has `A_CLASS` for each, less where there are very many."""

CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}


def quality(evaluation: Evaluation, *, key: str, words: Mapping[str, str] = WORDS) -> None:
    """Show the confusion matrix beside both charts; below them where there is no room.

    Args:
        evaluation: what the network answered.
        key: of the charts.
        words: of this component.
    """
    low, high = evaluation.interval
    st.markdown(
        words["whole"].format(
            right=f"{evaluation.total_right:,}",
            count=f"{evaluation.total:,}",
            split=SPLIT_WORDS.get(evaluation.split, evaluation.split),
            share=100 * evaluation.accuracy,
            low=100 * low,
            high=100 * high,
        )
    )
    say_left_out(evaluation.left_out, evaluation.total)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        st.markdown(words["confusion"])
        confusion_matrix(_names(evaluation), evaluation.confusion)
    with right:
        _classes(evaluation, f"{key}-classes")
        _calibration(evaluation, f"{key}-calibration")
        st.caption(words["intervals"])


def _names(evaluation: Evaluation) -> tuple[str, ...]:
    return tuple(map(class_name, evaluation.classes))


def _classes(evaluation: Evaluation, key: str) -> None:
    names, right, count = _names(evaluation), evaluation.right, evaluation.count
    intervals = [wilson_interval(*pair) for pair in zip(right, count, strict=True)]
    chart = class_accuracy(names, right, count, intervals, ink=None, words=CHART_WORDS)
    said = describe_classes(names, right, count, intervals, words=CHART_WORDS)
    height = max(SMALLEST, 90 + (A_CLASS if len(names) <= MOST else ONE_OF_MANY) * len(names))
    st.plotly_chart(as_figure(chart), height=height, config=CONFIG, alt=said, key=key)


def _calibration(evaluation: Evaluation, key: str) -> None:
    found = evaluation.calibration()
    right = np.rint(np.nan_to_num(found.accuracy) * found.count).astype(int).tolist()
    intervals = [wilson_interval(*pair) for pair in zip(right, found.count.tolist(), strict=True)]
    chart = reliability(
        found.count, found.accuracy, found.confidence, intervals, found.error, ink=None, words=CHART_WORDS
    )
    said = describe_reliability(found.count, found.accuracy, found.confidence, found.error, words=CHART_WORDS)
    st.plotly_chart(as_figure(chart), height=RELIABILITY, config=CONFIG, alt=said, key=key)
