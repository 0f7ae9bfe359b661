"""The page that Streamlit runs: the shared sidebar, and the way to each page.

``cbam app`` starts it with every safety option set; ``python -m streamlit run app/main.py`` works too.
"""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st

from app import services
from app.components.sidebar import choose_network
from cbam_core.errors import CbamError

HERE = Path(__file__).parent
SIDEBAR = 240
"""Width in pixels: what it does not need is the blocks' at a window of 1440."""


def main() -> None:
    """Draw one page."""
    st.set_page_config(
        page_title="CBAM Lens", page_icon=str(HERE / "icon.png"), layout="wide", initial_sidebar_state=SIDEBAR
    )
    st.logo(str(HERE / "logo.svg"), size="large", icon_image=str(HERE / "icon.png"))
    st.html(HERE / "page.css")
    page = st.navigation(
        [
            st.Page(HERE / "views" / "inspect.py", title="Inspect", icon=":material/visibility:", default=True),
            st.Page(HERE / "views" / "compare.py", title="Compare", icon=":material/compare:"),
            st.Page(HERE / "views" / "model.py", title="Model", icon=":material/account_tree:"),
            st.Page(
                HERE / "views" / "training.py",
                title="Training",
                icon=":material/show_chart:",
                visibility="visible" if services.training_runs() else "hidden",
            ),
        ]
    )
    with st.sidebar:
        st.session_state["network"] = choose_network()
    page.run()


try:
    main()
except CbamError as error:
    logging.getLogger("cbam_lens").warning("%s: %s", error.code, error)
    st.error(f"{str(error)[:1].upper()}{str(error)[1:]}.", icon=":material/error:")
