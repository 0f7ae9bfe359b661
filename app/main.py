"""The page that Streamlit runs: the shared sidebar, and the way to each page.

``cbam app`` starts it with every safety option set; ``python -m streamlit run app/main.py`` works too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage

# A bare `streamlit run app/main.py`, as hosts do it, looks for modules in this folder and not in the one above.
if (root := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, root)

from app import links, services
from app.components.failures import say_failure
from app.parts.language import language_switch, settle
from app.parts.sidebar import choose_network
from app.words import _
from cbam_core.errors import CbamError

HERE = Path(__file__).parent
SIDEBAR = 240
# Width in pixels: what it does not need is the blocks' at a window of 1440. No docstring: Streamlit may write it.


def main() -> None:
    """Draw one page."""
    st.set_page_config(
        page_title="CBAM Lens", page_icon=str(HERE / "icon.png"), layout="wide", initial_sidebar_state=SIDEBAR
    )
    settle()
    st.logo(str(HERE / "logo.svg"), size="large", icon_image=str(HERE / "icon.png"))
    st.html(HERE / "page.css")
    recorded = services.training_runs()
    page = st.navigation(
        [
            _page("inspect", _("Inspect"), "visibility", default=True),
            _page("compare", _("Compare"), "compare"),
            _page("model", _("Model"), "account_tree"),
            _page("training", _("Training"), "show_chart", visibility="visible" if recorded else "hidden"),
        ]
    )
    st.session_state["asked"] = links.arrive()
    with st.sidebar:
        st.session_state["network"] = choose_network(links.network_asked())
        language_switch()
    try:
        page.run()
    except CbamError:
        links.answered()
        raise
    links.answered()


def _page(name: str, title: str, icon: str, **options: Any) -> StreamlitPage:
    """A page whose address is the same in every language."""
    return st.Page(HERE / "views" / f"{name}.py", title=title, url_path=name, icon=f":material/{icon}:", **options)


try:
    main()
except CbamError as error:
    say_failure(error)
