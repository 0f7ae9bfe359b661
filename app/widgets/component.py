"""Parts of a page in JavaScript of our own, as Streamlit's components."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import streamlit as st


def component(name: str, html: str, *, before: str = "", package: str = "app.widgets") -> Any:
    """Register the component whose script, and style sheet where it has one, lie in a package under its name.

    Args:
        name: of the files, without their endings.
        html: what the part consists of at first.
        before: JavaScript that stands before the script.
        package: where the files lie.
    """
    style = files(package).joinpath(f"{name}.css")
    return st.components.v2.component(
        f"cbam_lens.{name}",
        html=html,
        css=style.read_text(encoding="utf-8") if style.is_file() else None,
        js=before + script(name, package),
    )


def script(name: str, package: str = "app.widgets") -> str:
    """The JavaScript that lies in a package under a name."""
    return files(package).joinpath(f"{name}.js").read_text(encoding="utf-8")
