"""Hears when a visitor goes back or forth in the browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

KEY = "address"


def hear_address(on_gone: Callable[[str], None]) -> None:
    """Call back with the query string, before the page runs, whenever the visitor went to another address of the page.

    Args:
        on_gone: takes the part of the address from the question mark on; anything, as all that browsers send.
    """

    def hear() -> None:
        gone = st.session_state.get(KEY, {}).get("gone")
        if isinstance(gone, str):
            on_gone(gone)

    _component()(key=KEY, on_gone_change=hear)


@cache
def _component() -> Any:
    script = files("app.components").joinpath("address.js").read_text(encoding="utf-8")
    return st.components.v2.component("cbam_lens.address", html="<span hidden></span>", js=script)
