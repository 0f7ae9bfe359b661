"""Pages of the app without a browser, by Streamlit's AppTest; tests visit them so too."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"

WORK = "cbam-work"
"""Name of the threads in which a visit's work goes on."""


def go_to(app: AppTest, page: str) -> AppTest:
    """Go to the page in the folder of that name, as a click in the sidebar does; `run` draws it."""
    app._page_hash = calc_hash(page)  # what `AppTest.switch_page` sets, which knows pages that are files alone
    return app


def wait_for_work(seconds: float = 120.0) -> None:
    """Wait until nothing goes on in the background of any visit.

    Args:
        seconds: how long at most.

    Raises:
        TimeoutError: something goes on for longer.
    """
    until = time.monotonic() + seconds
    while any(thread.name == WORK for thread in threading.enumerate()):
        if time.monotonic() > until:
            raise TimeoutError(f"work in the background of a page was not over after {seconds:.0f} s")
        time.sleep(0.05)
