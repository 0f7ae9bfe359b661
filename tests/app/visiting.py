"""The app as tests of pages visit it."""

from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"


def go_to(app: AppTest, page: str) -> AppTest:
    """Go to the page in the folder of that name, as a click in the sidebar does; `run` draws it."""
    app._page_hash = calc_hash(page)  # what `AppTest.switch_page` sets, which knows pages that are files alone
    return app
