"""Charts of `cbam_core.render` as Streamlit is given them.

A dictionary would be checked by Streamlit in every rerun, which takes longer than all else about a chart. Ours are
checked by the tests of `cbam_core.render`, so a chart is handed over as a figure that was checked.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cbam_core.render.charts import Chart


def as_figure(chart: Chart) -> Any:
    """A chart as a Plotly figure that Streamlit draws as it is, in the theme of the page.

    Args:
        chart: a dictionary that `plotly.graph_objects.Figure` accepts, with lists rather than arrays.
    """
    return _figure_type()({**chart, "layout": {**chart["layout"], "template": _template()}})


@cache
def _figure_type() -> type[Any]:
    from plotly.basedatatypes import BaseFigure

    class CheckedFigure(BaseFigure):  # type: ignore[misc]
        """A figure that is its dictionary."""

        def __init__(self, chart: Chart) -> None:
            self._chart = chart

        def to_dict(self) -> Chart:
            return self._chart

    return CheckedFigure


@cache
def _template() -> dict[str, Any]:
    """The template that Streamlit makes the default one, whose colours its page replaces by those of the theme."""
    import plotly.io
    import streamlit.elements.plotly_chart  # noqa: F401 - sets it

    template: dict[str, Any] = plotly.io.templates[plotly.io.templates.default].to_plotly_json()
    return template
