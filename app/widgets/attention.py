"""The attention viewer of `cbam_core.viewer`, as a part of a page."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from app.session.choices import Choice
from app.session.words import Words, translated
from app.widgets.prefetch import Ahead, painter
from cbam_core.viewer import WORDS as VIEWER_WORDS
from cbam_core.viewer import Settings, source, styles

WORDS = Words(VIEWER_WORDS)

# Streamlit calls the default export whenever data come; the viewer itself decides what to paint again.
_GLUE = """
const mounted = new WeakMap();

/** A block that was sent ahead, with what is usual for its gates: that came with the first image. */
function withUsual(block, known) {
  const { mask, weights } = block;
  return {
    ...block,
    mask: mask && { ...mask, usual: known.mask.usual },
    weights: weights && { ...weights, usual: known.weights.usual },
  };
}

export default function ({ data: { payload, ahead }, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".viewer-host");
  const paint = ({ view, rgb }, index) => {
    const [image] = payload.images;
    root.dataset.shown = `${ahead.of} ${index}`;
    const images = [{ ...image, ...view.image, png: null, rgb }];
    const blocks = view.blocks.map((block, i) => withUsual(block, payload.blocks[i]));
    mounted.get(root).update({ ...payload, blocks, images, trace: null, origin: null });
  };
  const gone = () => {
    if (root.isConnected) return; // Streamlit also calls this for a call that a later one overtook
    leaveAhead(root);
    mounted.get(root)?.destroy();
    mounted.delete(root);
  };
  const shown = ahead && `${ahead.of} ${ahead.index}`;
  const isNew = !shown || shown !== root.dataset.shown || payload.trace || payload.origin;
  if (!paintAhead(root, ahead, paint) || !isNew) return gone;
  root.dataset.shown = shown ?? "";
  if (mounted.has(root)) mounted.get(root).update(payload);
  else mounted.set(root, mount(root, payload, (name, detail) => setStateValue(name, detail)));
  return gone;
}
"""


def attention_viewer(payload: dict[str, Any], *, key: str, ahead: Ahead | None = None) -> Settings:
    """Show the viewer, and return the settings that the visitor chose in the browser.

    Args:
        payload: as `cbam_core.viewer.Payload.as_dict` gives it; its words become those of the session's language.
        key: of the widget.
        ahead: which of the results sent ahead this one is; None where none are.
    """
    payload = {**payload, "words": translated(WORDS)}
    data = {"payload": payload, "ahead": None if ahead is None else ahead.as_dict()}
    result = _component()(key=key, data=data, on_settings_change=lambda: None)
    return _changed(Settings(**payload["settings"]), result.get("settings"))


def settings_before(begun: Settings, *, key: str) -> Settings:
    """The settings that the visitor chose so far, for what a viewer shows when it is drawn later in the same run.

    Args:
        begun: settings that the viewer begins with.
        key: of the widget.
    """
    return _changed(begun, Choice(key).get({}).get("settings"))


def _changed(settings: Settings, chosen: Any) -> Settings:
    return settings.changed_by(chosen) if isinstance(chosen, dict) else settings


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cbam_lens.attention",
        html='<div class="viewer-host"></div>',
        css=styles(),
        js=source() + painter() + _GLUE,
    )
