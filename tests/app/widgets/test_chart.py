"""Charts reach the page as if Streamlit had checked them."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def script():
    import streamlit as st

    from app.widgets.chart import as_figure
    from cbam_core.render.curves import loss_per_iteration

    chart = loss_per_iteration([2.0, 1.5, 1.25], ink=None)
    st.plotly_chart(chart, key="checked")
    st.plotly_chart(as_figure(chart), key="given")
    assert "template" not in chart["layout"]


def test_a_chart_is_given_to_the_browser_as_streamlit_would_have_checked_it():
    app = AppTest.from_function(script).run()
    assert not app.exception
    checked, given = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    assert given == checked
    assert given["layout"]["template"]["layout"]
