"""The script that Streamlit runs: what every page has, then the page that the address names.

``cbam app`` starts it with every safety option set; ``python -m streamlit run app/main.py`` works too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
# A bare `streamlit run app/main.py`, as hosts do it, looks for modules in this folder and not in the one above; here
# the page `inspect` would stand before Python's own module of that name.
if str(HERE) in sys.path:
    sys.path.remove(str(HERE))
if (root := str(HERE.parent)) not in sys.path:
    sys.path.insert(0, root)

from app.session.scheduling import drawing  # noqa: E402
from app.shell.framework_words import replace_framework_words  # noqa: E402
from app.shell.language import settle  # noqa: E402
from app.shell.router import run_page  # noqa: E402
from app.widgets.failures import say_failure  # noqa: E402
from cbam_core.errors import CbamError  # noqa: E402

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
    replace_framework_words()
    run_page()


try:
    with drawing():
        main()
except CbamError as error:
    say_failure(error)
