"""The attention viewer of `cbam_core.viewer`, as a part of a page."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from cbam_core.viewer import Settings, source, styles

# Streamlit calls the default export whenever data come; the viewer itself decides what to paint again.
_GLUE = """
const mounted = new WeakMap();
export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".viewer-host");
  if (mounted.has(root)) mounted.get(root).update(data);
  else mounted.set(root, mount(root, data, (name, detail) => setStateValue(name, detail)));
}
"""


def attention_viewer(payload: dict[str, Any], *, key: str) -> Settings:
    """Show the viewer, and return the settings that the visitor chose in the browser.

    Args:
        payload: pictures, blocks, settings and words, as `cbam_core.viewer.Payload.as_dict` gives them.
        key: of the widget.
    """
    result = _component()(key=key, data=payload, on_settings_change=lambda: None)
    chosen = result.get("settings")
    settings = Settings(**payload["settings"])
    return settings.changed_by(chosen) if isinstance(chosen, dict) else settings


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cbam_lens.attention",
        html='<div class="viewer-host"></div>',
        css=styles(),
        js=source() + _GLUE,
    )
